/**
 * One HTTP exchange, as the border between the HTTP engine (which knows bytes) and the rest of the
 * proxy (which knows spaces and traces).
 */
import type { ErrorCode } from '../core/errors.ts'
import type { Address } from '../core/routing-table.ts'
import type { HeaderList } from '../core/trace-record.ts'
import type { SaidByFields } from './request-facts.ts'

export type HttpVersion = '1.0' | '1.1' | '2'

/** What was found out about the fields of a head, for the next head with the same ones. */
export interface FieldMemo {
  said: SaidByFields | null
  /** As they may be recorded, secrets blanked: JSON. */
  recorded: string | null
  /** Heads with these fields can differ in values of which only the record speaks: `recorded` is none's. */
  readonly varies: boolean
}

/** A complete, valid request head. Values are latin1 strings, exactly as on the wire. */
export interface RequestHead {
  method: string
  /** The request target as sent: origin, absolute, authority or asterisk form. */
  target: string
  version: HttpVersion
  /** First value of a header; `name` in lower case. */
  header(name: string): string | null
  /** Values of all fields of a name, in order; `name` in lower case. */
  values(name: string): string[]
  /** All header fields in order, case and number of the wire; without HTTP/2's pseudo-fields. */
  headers(): HeaderList
  /** Shared by heads with the same fields; absent where each is read for itself. */
  readonly memo?: FieldMemo
  /** About how many bytes it takes; what says nothing is as long as its fields. */
  readonly length?: number
  /** The same head in memory of its own; absent where it holds no buffer of a connection. */
  detached?(): RequestHead
}

export interface ResponseHead {
  status: number
  version: HttpVersion
  header(name: string): string | null
  headers(): HeaderList
  readonly memo?: FieldMemo
  readonly length?: number
  detached?(): ResponseHead
}

/** What to do with a request: where to send it and which headers to change, or how to refuse it. */
export type ExchangePlan =
  | {
      kind: 'forward'
      target: Address
      /** Headers to set: the value is replaced where the header is, or the field is added last. */
      setHeaders: HeaderList
      /**
       * Asked when the target refuses the connection: where to try next, which may be the same again.
       * Without it a refusal is final.
       */
      elsewhere?(): Address
      recorder: ExchangeRecorder
    }
  | { kind: 'refuse'; code: ErrorCode; message: string; recorder: ExchangeRecorder }

/** Called once for each request head, in order. */
export type PlanExchange = (head: RequestHead) => ExchangePlan

/** Called once for each stream; a promise where something must be asked first. */
export type PlanStream = (head: RequestHead) => ExchangePlan | Promise<ExchangePlan>

/** Hears what becomes of one exchange; `done` is called exactly once, last. */
export interface ExchangeRecorder {
  /** False if the content of bodies is not wanted: then nobody need cut it out. */
  readonly keepsBodies?: boolean
  /** Body bytes as sent on; transfer coding removed. Buffers are not to be kept. */
  requestBody(chunk: Buffer): void
  /** The final response head (not 1xx, but 101). */
  responseHead(head: ResponseHead): void
  responseBody(chunk: Buffer): void
  /** The answer goes on in a later turn: a buffer that is held until then may be held for long. */
  waits?(): void
  /** The fields behind the body of the answer, of HTTP/2 only; gRPC's status is one. */
  responseTrailers?(trailers: HeaderList): void
  /** The exchange has become a tunnel. */
  tunnel(kind: 'websocket' | 'connect' | 'upgrade'): void
  /** Both directions are over. Bytes are those on the wire, heads and framing included. */
  done(end: {
    requestBytes: number
    responseBytes: number
    /** In the turn in which the head of the answer came: at the same time, for a record. */
    atOnce?: boolean
    error: { code: ErrorCode; message: string } | null
  }): void
}

/** A request that could not be parsed: there is no head, so there is no plan either. */
export interface RefusedRequest {
  code: ErrorCode
  /** HTTP/1.1 where not given. */
  version?: HttpVersion
  /** What is wrong and the rule that it breaks, e.g. `two Content-Length values (RFC 9112 6.3)`. */
  message: string
  /** The request line as far as it came, at most 200 bytes, for the trace. */
  start: string
  requestBytes: number
  responseBytes: number
}
