/** Turns what becomes of one exchange into one trace record. */
import type { Context } from '../core/context.ts'
import { ERROR } from '../core/errors.ts'
import { redactHeaders, redactPath } from '../core/redaction.ts'
import type { Decision } from '../core/routing.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import type {
  CapturedBody,
  HeaderList,
  TraceProtocol,
  TraceRecord,
  TraceRoute,
} from '../core/trace-record.ts'
import { requestAddress } from './authority.ts'
import type { ExchangeRecorder, RequestHead, ResponseHead } from './exchange.ts'
import type { Identity, TraceIds } from './request-facts.ts'

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
  /** Called when an exchange begins. */
  started?: () => void
  /** Takes the record when the exchange is over. */
  take: (record: TraceRecord) => void
}

export type RecordExchange = (facts: ExchangeFacts) => ExchangeRecorder

export function createRecordExchange(deps: RecorderDeps): RecordExchange {
  return (facts) => new HttpRecorder(facts, deps)
}

/** For exchanges that are not traced. */
export const silentRecorder: ExchangeRecorder = {
  requestBody: () => {},
  responseHead: () => {},
  responseBody: () => {},
  tunnel: () => {},
  done: () => {},
}

export function traceRouteOf(
  context: Context,
  decision: Decision,
  originalDestination: Address,
): TraceRoute {
  return {
    context: context.space,
    contextSource: context.source,
    reason: decision.reason,
    originalDestination: formatAddress(originalDestination),
    target: formatAddress(decision.target),
    service: decision.service,
    tried: decision.tried,
  }
}

class HttpRecorder implements ExchangeRecorder {
  readonly #facts: ExchangeFacts
  readonly #deps: RecorderDeps
  readonly #startedAt: number
  readonly #requestBody: BodyCapture
  readonly #responseBody: BodyCapture
  #protocol: TraceProtocol
  #firstByteMs: number | null = null
  #status: number | null = null
  #responseHeaders: HeaderList = []

  constructor(facts: ExchangeFacts, deps: RecorderDeps) {
    this.#facts = facts
    this.#deps = deps
    this.#startedAt = deps.now()
    deps.started?.()
    this.#protocol = facts.head.version === '1.0' ? 'http/1.0' : 'http/1.1'
    this.#requestBody = new BodyCapture(deps.bodyBytes)
    this.#responseBody = new BodyCapture(deps.bodyBytes)
  }

  requestBody(chunk: Buffer): void {
    this.#requestBody.add(chunk)
  }

  responseHead(head: ResponseHead): void {
    this.#firstByteMs = this.#sinceStart()
    this.#status = head.status
    this.#responseHeaders = head.headers()
  }

  responseBody(chunk: Buffer): void {
    this.#responseBody.add(chunk)
  }

  tunnel(kind: 'websocket' | 'connect' | 'upgrade'): void {
    if (kind !== 'upgrade') this.#protocol = kind
  }

  done(end: Parameters<ExchangeRecorder['done']>[0]): void {
    const { head, ids, hop, service, direction, context, decision } = this.#facts
    const { identity, take } = this.#deps
    const { authority, path } = requestAddress(head)
    take({
      traceId: ids.traceId,
      spanId: ids.spanId,
      parentSpanId: ids.parentSpanId,
      space: identity.space,
      pod: identity.pod,
      workload: identity.workload,
      service,
      direction,
      protocol: this.#protocol,
      hop,
      method: head.method,
      authority,
      path: path === null ? null : redactPath(path),
      // The engine's own answers have the status of their error.
      status: this.#status ?? (end.error ? ERROR[end.error.code].status : null),
      sni: null,
      startedAt: this.#startedAt,
      firstByteMs: this.#firstByteMs,
      durationMs: this.#sinceStart(),
      requestBytes: end.requestBytes,
      responseBytes: end.responseBytes,
      requestHeaders: redactHeaders(head.headers()),
      responseHeaders: redactHeaders(this.#responseHeaders),
      requestBody: this.#requestBody.result(),
      responseBody: this.#responseBody.result(),
      client: formatAddress(this.#facts.client),
      route: traceRouteOf(context, decision, this.#facts.originalDestination),
      error: end.error,
    })
  }

  #sinceStart(): number {
    return this.#deps.now() - this.#startedAt
  }
}

/** Keeps the first bytes of a body; copies, because the engine uses its buffers again. */
class BodyCapture {
  readonly #limit: number
  readonly #chunks: Buffer[] = []
  #kept = 0
  #truncated = false

  constructor(limit: number) {
    this.#limit = limit
  }

  add(chunk: Buffer): void {
    const room = this.#limit - this.#kept
    if (chunk.length > room) this.#truncated = true
    if (room <= 0) return
    const piece = Buffer.from(chunk.subarray(0, room))
    this.#chunks.push(piece)
    this.#kept += piece.length
  }

  /** Null where nothing was to be kept, and for an empty body. */
  result(): CapturedBody | null {
    if (this.#kept === 0) return null
    return { base64: Buffer.concat(this.#chunks).toString('base64'), truncated: this.#truncated }
  }
}
