/** Hears what becomes of one exchange and keeps what a trace record can be made of later. */
import type { Context } from '../core/context.ts'
import { ERROR } from '../core/errors.ts'
import type { RouteReason } from '../core/route-reason.ts'
import type { Decision } from '../core/routing.ts'
import type { Address } from '../core/routing-table.ts'
import type { CapturedBody, HeaderList, TraceProtocol, TraceRecord } from '../core/trace-record.ts'
import type { ExchangeRecorder, HttpVersion, RequestHead, ResponseHead } from './exchange.ts'
import { KeptBytes } from './kept-bytes.ts'
import { recordText } from './record-text.ts'
import type { Identity, TraceIds } from './request-facts.ts'
import { SPECIMENS } from './specimens.ts'
import { FIXED_BYTES, fieldBytes, type PendingTrace } from './trace-queue.ts'

/** All that is known of an exchange once it is decided. */
export interface ExchangeFacts {
  direction: TraceRecord['direction']
  head: RequestHead
  ids: TraceIds
  /** `azds-hop` as sent on. */
  hop: number
  service: string | null
  context: Context
  decision: Decision
  originalDestination: Address
  client: Address
}

export interface RecorderDeps {
  identity: Identity
  /** Milliseconds since 1970, with fractions, never going back. */
  now: () => number
  /** How many bytes of each body are kept. */
  bodyBytes: number
  /** False: only what is counted. */
  tracing: boolean
  /** Called when an exchange begins. */
  started?: () => void
  /** Hears of the exchange when it is over. */
  finished: (exchange: FinishedExchange) => void
}

/** An exchange that is over, before a record is made of it: that costs as much as the exchange itself. */
export interface FinishedExchange {
  readonly direction: TraceRecord['direction']
  readonly reason: RouteReason
  readonly status: number | null
  readonly firstByteMs: number | null
  readonly error: TraceRecord['error']
  /** Milliseconds since 1970. */
  readonly endedAt: number
  /** Bytes of both directions. */
  readonly carriedBytes: number
  /** What is to be kept of it: copies of its heads, so that no connection's buffer is held. */
  keep(): PendingTrace
}

export type RecordExchange = (facts: ExchangeFacts) => ExchangeRecorder

export function createRecordExchange(deps: RecorderDeps): RecordExchange {
  return (facts) => new HttpRecorder(facts, deps)
}

/** For exchanges that are not traced. */
export const silentRecorder: ExchangeRecorder = {
  keepsBodies: false,
  requestBody: () => {},
  responseHead: () => {},
  responseBody: () => {},
  tunnel: () => {},
  done: () => {},
}

export const PROTOCOL_OF: Readonly<Record<HttpVersion, TraceProtocol>> = {
  '1.0': 'http/1.0',
  '1.1': 'http/1.1',
  '2': 'h2',
}

class HttpRecorder implements ExchangeRecorder, FinishedExchange, PendingTrace {
  firstByteMs: number | null = null
  status: number | null = null
  error: TraceRecord['error'] = null
  endedAt = 0
  bytes = FIXED_BYTES
  certain = false
  readonly #facts: ExchangeFacts
  readonly #deps: RecorderDeps
  readonly #startedAt: number
  #responseHead: ResponseHead | null = null
  #trailers: HeaderList | null = null
  #requestBody: BodyCapture | null = null
  #responseBody: BodyCapture | null = null
  #protocol: TraceProtocol
  #requestBytes = 0
  #responseBytes = 0

  constructor(facts: ExchangeFacts, deps: RecorderDeps) {
    this.#facts = facts
    this.#deps = deps
    this.#startedAt = deps.now()
    deps.started?.()
    this.#protocol = PROTOCOL_OF[facts.head.version]
    // The answer comes in a later turn, and nobody knows how much later: no buffer is held so long.
    facts.head = deps.tracing ? detached(facts.head) : UNTRACED
  }

  get keepsBodies(): boolean {
    return this.#deps.bodyBytes > 0
  }

  get direction(): TraceRecord['direction'] {
    return this.#facts.direction
  }

  get carriedBytes(): number {
    return this.#requestBytes + this.#responseBytes
  }

  get reason(): RouteReason {
    return this.#facts.decision.reason
  }

  requestBody(chunk: Buffer): void {
    if (!this.keepsBodies) return
    this.#requestBody ??= new BodyCapture(this.#deps.bodyBytes)
    this.#requestBody.add(chunk)
  }

  responseHead(head: ResponseHead): void {
    this.endedAt = this.#deps.now()
    this.firstByteMs = this.endedAt - this.#startedAt
    this.status = head.status
    if (this.#deps.tracing) this.#responseHead = head
  }

  responseTrailers(trailers: HeaderList): void {
    this.#trailers = trailers
  }

  responseBody(chunk: Buffer): void {
    if (!this.keepsBodies) return
    this.#responseBody ??= new BodyCapture(this.#deps.bodyBytes)
    this.#responseBody.add(chunk)
  }

  waits(): void {
    if (this.#responseHead !== null) this.#responseHead = detached(this.#responseHead)
  }

  tunnel(kind: 'websocket' | 'connect' | 'upgrade'): void {
    this.waits()
    if (kind !== 'upgrade') this.#protocol = kind
  }

  done({
    requestBytes,
    responseBytes,
    atOnce = false,
    error,
  }: Parameters<ExchangeRecorder['done']>[0]): void {
    if (!atOnce) this.endedAt = this.#deps.now()
    this.#requestBytes = requestBytes
    this.#responseBytes = responseBytes
    this.error = error
    // The engine's own answers have the status of their error.
    if (error !== null) this.status ??= ERROR[error.code].status
    this.#deps.finished(this)
  }

  keep(): PendingTrace {
    SPECIMENS.trace = this
    this.waits()
    this.bytes = FIXED_BYTES + (this.error?.message.length ?? 0)
    this.bytes += headBytes(this.#facts.head)
    if (this.#responseHead !== null) this.bytes += headBytes(this.#responseHead)
    if (this.#trailers !== null) this.bytes += fieldBytes(this.#trailers)
    this.bytes += (this.#requestBody?.kept ?? 0) + (this.#responseBody?.kept ?? 0)
    return this
  }

  json(): string {
    return recordText(this.#deps.identity, this.#facts, {
      protocol: this.#protocol,
      response: this.#responseHead,
      trailers: this.#trailers,
      status: this.status,
      startedAt: this.#startedAt,
      firstByteMs: this.firstByteMs,
      durationMs: this.endedAt - this.#startedAt,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      requestBody: this.#requestBody?.result() ?? null,
      responseBody: this.#responseBody?.result() ?? null,
      error: this.error,
    })
  }
}

/** In place of a head of which no record will be made. */
const UNTRACED: RequestHead = {
  method: '',
  target: '/',
  version: '1.1',
  header: () => null,
  values: () => [],
  headers: () => [],
}

function detached<H extends RequestHead | ResponseHead>(head: H): H {
  return head.detached === undefined ? head : (head.detached() as H)
}

/** About what a head takes in memory. */
function headBytes(head: RequestHead | ResponseHead): number {
  return head.length ?? fieldBytes(head.headers())
}

/** Keeps the first bytes of a body; copies, because the engine uses its buffers again. */
class BodyCapture {
  readonly #limit: number
  readonly #bytes = new KeptBytes()
  #truncated = false

  constructor(limit: number) {
    this.#limit = limit
  }

  get kept(): number {
    return this.#bytes.length
  }

  add(chunk: Buffer): void {
    const room = this.#limit - this.kept
    if (chunk.length > room) this.#truncated = true
    if (room > 0) this.#bytes.add(chunk.subarray(0, room))
  }

  /** Null for an empty body. */
  result(): CapturedBody | null {
    if (this.kept === 0) return null
    return { base64: this.#bytes.toBuffer().toString('base64'), truncated: this.#truncated }
  }
}
