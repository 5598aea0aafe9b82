/**
 * Asks a controller over the proxy's own byte streams. Node's client would do, but it takes 5 MB of every
 * pod's memory, and little of it is needed: one answer to one request, on a connection that may serve again.
 */
import { ipFamily } from '../core/ip.ts'
import { AnswerReader } from './controller-answer.ts'
import type {
  AnswerListener,
  AskController,
  ControllerRequest,
  ControllerTarget,
} from './controller-endpoint.ts'
import type { Resolve } from './dns-fallback.ts'
import type { ByteStream, Dial, StreamListener } from './stream.ts'

/** How the controller is reached. */
export interface Ways {
  dial: Dial
  resolve: Resolve
}

/** What a request needs to be let in: the fields that say who asks, and the way to who may hear them. */
export interface Admission {
  fields: Readonly<Record<string, string>>
  dial: Dial
}

/** How long a connection waits for the next request, ms: below the 5 s after which servers on Node close it. */
const KEPT_MS = 4_000

export function createAskOverStreams(target: ControllerTarget, ways: Ways): AskController {
  const keeper = new Keeper()
  return (request, listener) => {
    const exchange = new Exchange(request, { listener, keeper })
    begin(exchange, target, { fields: {}, dial: ways.dial }, ways.resolve)
    return exchange
  }
}

/** @param admit rejects with a sentence if there is no way to ask at present */
export function createAskAdmitted(
  target: ControllerTarget,
  resolve: Resolve,
  admit: () => Promise<Admission>,
): AskController {
  const keeper = new Keeper()
  return (request, listener) => {
    const exchange = new Exchange(request, { listener, keeper })
    admit().then(
      (admission) => begin(exchange, target, admission, resolve),
      (error) => exchange.fail(messageOfError(error)),
    )
    return exchange
  }
}

function begin(
  exchange: Exchange,
  target: ControllerTarget,
  admission: Admission,
  resolve: Resolve,
): void {
  const message = messageOf(target, exchange.request, admission.fields)
  if (!exchange.useKept(message)) void dialFor(exchange, message, { target, admission, resolve })
}

interface Way {
  target: ControllerTarget
  admission: Admission
  resolve: Resolve
}

async function dialFor(exchange: Exchange, message: Buffer, way: Way): Promise<void> {
  const { target, admission, resolve } = way
  try {
    const ips = await addressesOf(target.hostname, resolve)
    const { port } = target
    exchange.useOneOf(
      ips.map((ip) => () => admission.dial({ ip, port })),
      message,
    )
  } catch (error) {
    exchange.fail(messageOfError(error))
  }
}

const messageOfError = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** Of both families, IPv4 first. */
async function addressesOf(host: string, resolve: Resolve): Promise<string[]> {
  if (ipFamily(host) !== 0) return [host]
  const [four, six] = await Promise.allSettled([resolve(host, 4), resolve(host, 6)])
  if (four.status === 'rejected' && six.status === 'rejected') throw four.reason
  const ips = [four, six].flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  if (ips.length === 0) throw new Error(`${host} has no address`)
  return ips
}

function messageOf(
  target: ControllerTarget,
  request: ControllerRequest,
  own: Admission['fields'],
): Buffer {
  const { method, path, headers, body } = request
  const fields: Record<string, string> = { host: target.hostHeader, ...headers, ...own }
  // Encoded apart, so that the text of a batch of traces is not gone through again for its length.
  const bytes = Buffer.from(body ?? '')
  if (body !== undefined) fields['content-length'] = String(bytes.length)
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `${method} ${target.prefix}${path} HTTP/1.1\r\n${lines.join('')}\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

/** One request and its answer. */
class Exchange implements StreamListener {
  readonly request: ControllerRequest
  readonly #listener: AnswerListener
  readonly #keeper: Keeper
  readonly #reader: AnswerReader
  readonly #silence: NodeJS.Timeout
  #stream: ByteStream | null = null
  #message: Buffer | null = null
  /** Other ways to the controller, until one has led there. */
  #others: (() => ByteStream)[] = []
  #over = false

  constructor(
    request: ControllerRequest,
    { listener, keeper }: { listener: AnswerListener; keeper: Keeper },
  ) {
    const { method, silenceMs } = request
    this.request = request
    this.#listener = listener
    this.#keeper = keeper
    this.#reader = new AnswerReader(method, {
      onStatus: (status) => {
        if (!this.#over) listener.onStatus(status)
      },
      onData: (bytes) => {
        if (!this.#over) listener.onData(bytes)
      },
    })
    const late = () => this.fail(`nothing came for ${silenceMs} ms`)
    this.#silence = setTimeout(late, silenceMs).unref()
  }

  abort(): void {
    if (this.#over) return
    this.#finish()
    this.#stream?.reset()
  }

  fail(problem: string): void {
    if (this.#over) return
    this.abort()
    this.#listener.onFail(problem)
  }

  /** Takes the connection of an earlier request, if there is one. */
  useKept(message: Buffer): boolean {
    if (this.#over) return true
    const kept = this.#keeper.take()
    if (kept === null) return false
    this.#use(kept, message)
    return true
  }

  /** Tries one way after the other. */
  useOneOf(ways: (() => ByteStream)[], message: Buffer): void {
    const [first, ...others] = ways
    if (this.#over || first === undefined) return
    this.#others = others
    this.#use(first(), message)
  }

  #use(stream: ByteStream, message: Buffer): void {
    this.#stream = stream
    this.#message = message
    stream.listen(this)
    stream.write(message)
  }

  onConnect(): void {
    this.#others = []
    // It is on its way, and long ones (traces) need not stay as long as a feed does.
    this.#message = null
  }

  onData(chunk: Buffer): void {
    if (this.#over) return
    this.#silence.refresh()
    const problem = this.#reader.read(chunk)
    if (problem !== null) this.fail(problem)
    else if (this.#reader.done) this.#end(this.#reader.keepAlive)
  }

  onEnd(): void {
    if (this.#over) return
    const problem = this.#reader.end()
    if (problem !== null) this.fail(problem)
    else this.#end(false)
  }

  onDrain(): void {}

  onClose(error: NodeJS.ErrnoException | null): void {
    const message = this.#message
    if (!this.#over && message && this.#others.length > 0) this.useOneOf(this.#others, message)
    else this.fail(error?.message ?? 'the connection was closed before an answer')
  }

  #end(keepAlive: boolean): void {
    if (this.#over) return
    this.#finish()
    const stream = this.#stream as ByteStream
    if (keepAlive) this.#keeper.keep(stream)
    else stream.close()
    this.#listener.onEnd()
  }

  #finish(): void {
    this.#over = true
    clearTimeout(this.#silence)
  }
}

/** Keeps one connection for the next request. */
class Keeper {
  #stream: ByteStream | null = null
  #timer: NodeJS.Timeout | undefined

  take(): ByteStream | null {
    const stream = this.#stream
    this.#stream = null
    clearTimeout(this.#timer)
    return stream
  }

  keep(stream: ByteStream): void {
    if (this.#stream !== null) {
      stream.close()
      return
    }
    this.#stream = stream
    const drop = () => {
      if (this.#stream === stream) this.take()
    }
    const close = () => {
      drop()
      stream.close()
    }
    // Nobody has asked, so that what comes now is no answer.
    stream.listen({ onData: close, onEnd: close, onDrain: () => {}, onClose: drop })
    this.#timer = setTimeout(close, KEPT_MS).unref()
  }
}
