/** Node's own HTTP/1 parser (llhttp, strict), as the judge of what a sequence of bytes means. */
import { createRequire } from 'node:module'

/** What a parser makes of one message. */
export interface Meaning {
  /** Method and target of a request, status and reason of a response. */
  start: string[]
  version: string
  /** Names and values in turn, as on the wire. */
  headers: string[]
  keepAlive: boolean
  /** Transfer coding removed; bytes as latin1. */
  body: string
}

interface Parser {
  initialize(kind: number, resource: object, maxHeadBytes: number, lenient: number): void
  execute(bytes: Buffer): number | Error
  finish(): Error | undefined
  [event: number]: (...args: never[]) => unknown
}

interface ParserClass {
  new (): Parser
  REQUEST: number
  RESPONSE: number
  kOnHeaders: number
  kOnHeadersComplete: number
  kOnBody: number
  kOnMessageComplete: number
  kLenientNone: number
}

// Not documented, but Node's http module exports it to whoever asks; it saves a socket for each message.
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  HTTPParser: ParserClass
  methods: readonly string[]
}

/** Methods that llhttp knows; it refuses all others. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set(methods)

/** Longer than any message of the tests: limits are not what is compared. */
const MAX_HEAD_BYTES = 1 << 20

/** Takes the bytes of a connection, piece by piece, and lists the messages that it has found in them. */
export class NodeReading {
  readonly messages: Meaning[] = []
  /** Why it reads no further. */
  refused: string | null = null
  readonly #parser = new HTTPParser()
  #present: Meaning | null = null
  #fields: string[] = []
  #url = ''

  /** @param bodiless whether the next answer is to a HEAD */
  constructor(kind: 'request' | 'response', bodiless: () => boolean = () => false) {
    const resource = {}
    const id = kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE
    const parser = this.#parser
    parser.initialize(id, resource, MAX_HEAD_BYTES, HTTPParser.kLenientNone)
    parser[HTTPParser.kOnHeaders] = (fields: string[], url: string) => {
      this.#fields.push(...fields)
      this.#url += url
    }
    parser[HTTPParser.kOnHeadersComplete] = (
      major: number,
      minor: number,
      fields: string[] | undefined,
      method: number | undefined,
      url: string | undefined,
      status: number | undefined,
      reason: string | undefined,
      _upgrade: boolean,
      keepAlive: boolean,
    ) => {
      const start =
        method === undefined
          ? [String(status), reason ?? '']
          : [methods[method] ?? '', url ?? this.#url]
      const headers = fields ?? this.#fields
      this.#present = { start, version: `${major}.${minor}`, headers, keepAlive, body: '' }
      this.#fields = []
      this.#url = ''
      return bodiless() ? 1 : 0
    }
    parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
      if (this.#present) this.#present.body += bytes.toString('latin1')
    }
    parser[HTTPParser.kOnMessageComplete] = () => {
      if (this.#present) this.messages.push(this.#present)
      this.#present = null
      // What is left are trailers, which follow the message's own fields.
      this.#fields = []
      this.#url = ''
    }
  }

  read(bytes: Buffer): void {
    if (this.refused !== null || bytes.length === 0) return
    const result = this.#parser.execute(bytes)
    if (result instanceof Error) this.refused = result.message
  }

  /** The connection has ended. */
  end(): void {
    const result = this.#parser.finish()
    if (result instanceof Error) this.refused = result.message
  }
}
