/**
 * Serves small pages over the proxy's own streams, one to a connection. Node's server would do, but with what
 * it loads it takes 4 MB of every pod's memory.
 */
import type { Log } from '../core/log.ts'
import { ParsedRequestHead } from './http1/head.ts'
import { HeadReader } from './http1/head-reader.ts'
import type { ByteStream, StreamListener } from './stream.ts'
import { CONNECTION_FAULT, type Listening, type Transport } from './transport.ts'

export interface Page {
  status: number
  /** Content-Type. */
  type: string
  body: string
}

export interface PageServerOptions {
  port: number
  /** Address to listen on; all of both families if absent. */
  host?: string | undefined
  transport: Transport
  log: Log
  /** Never throws, nor rejects. */
  page: (method: string, target: string) => Page | Promise<Page>
}

/**
 * Time for a request to come, and for the client to end the connection after the answer, ms: whoever asks
 * is on the same node, or in the same cluster at least.
 */
const CLIENT_MS = 10_000

/** Reason phrases (RFC 9110 15). */
const REASON: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** Rejects if the port cannot be had. */
export async function servePages(options: PageServerOptions): Promise<Listening> {
  const { port, host, transport, log, page } = options
  const open = new Set<ByteStream>()
  const listening = await transport.listen({
    port,
    host,
    onAccept: ({ stream }) => {
      open.add(stream)
      stream.listen(new PageConnection(stream, page, () => open.delete(stream)))
    },
    onAcceptError: (error) => log.error({ port, error: error.message }, 'accept failed'),
    onFault: (err) => log.error({ err, port }, CONNECTION_FAULT),
  })
  const close = () => {
    listening.close()
    for (const stream of open) stream.reset()
  }
  return { address: listening.address, close }
}

class PageConnection implements StreamListener {
  readonly borrows = true
  readonly #stream: ByteStream
  readonly #page: PageServerOptions['page']
  readonly #gone: () => void
  readonly #heads = new HeadReader('request')
  readonly #late: NodeJS.Timeout
  /** `gone`: nobody is there to be answered. */
  #state: 'reading' | 'asked' | 'answered' | 'gone' = 'reading'

  constructor(stream: ByteStream, page: PageServerOptions['page'], gone: () => void) {
    this.#stream = stream
    this.#page = page
    this.#gone = gone
    this.#late = setTimeout(() => stream.reset(), CLIENT_MS).unref()
  }

  onData(chunk: Buffer): void {
    // What else the client sends is taken and dropped, so that no RST overtakes the answer.
    if (this.#state !== 'reading') return
    switch (this.#heads.read(chunk, 0)) {
      case 'more':
        return
      case 'done': {
        const { buffer, base, scanner } = this.#heads
        const { method, target } = new ParsedRequestHead(buffer, base, scanner)
        this.#ask(method, target)
        return
      }
      case 'too-large':
        this.#answer(plain(431, 'the request head is too large'))
        return
      case 'refused':
        this.#answer(plain(400, this.#heads.scanner.problem))
    }
  }

  onEnd(): void {
    // A client may end its half and wait for a page that takes time.
    if (this.#state !== 'asked') this.#stream.close()
  }

  onDrain(): void {}

  onClose(): void {
    this.#state = 'gone'
    clearTimeout(this.#late)
    this.#gone()
  }

  #ask(method: string, target: string): void {
    this.#state = 'asked'
    const page = this.#page(method, target)
    const withBody = method !== 'HEAD'
    if (!(page instanceof Promise)) this.#answer(page, withBody)
    else void page.then((later) => this.#answer(later, withBody))
  }

  #answer({ status, type, body }: Page, withBody = true): void {
    if (this.#state === 'gone') return
    this.#state = 'answered'
    this.#late.refresh()
    const fields = [
      `content-type: ${type}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ]
    const head = `HTTP/1.1 ${status} ${REASON[status] ?? ''}\r\n${fields.join('\r\n')}\r\n\r\n`
    this.#stream.write(Buffer.from(withBody ? head + body : head))
    this.#stream.end()
  }
}

function plain(status: number, problem: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${problem}\n` }
}
