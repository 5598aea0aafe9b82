/**
 * The trace record: what a sidecar writes about one exchange, the controller stores and the viewer
 * draws. One record for each side of each hop.
 */
import type { ContextSource } from './context.ts'
import type { ErrorCode } from './errors.ts'
import type { RouteReason, Tried } from './route-reason.ts'

export type TraceProtocol = 'http/1.0' | 'http/1.1' | 'h2' | 'websocket' | 'connect' | 'tls' | 'tcp'

/** Header fields in the order and case of the wire, secrets already redacted. */
export type HeaderList = [name: string, value: string][]

/** The first bytes of a body, where the space asked for bodies. */
export interface CapturedBody {
  base64: string
  /** True if the body was longer than what was kept. */
  truncated: boolean
}

export interface TraceRoute {
  context: string | null
  contextSource: ContextSource
  reason: RouteReason
  /** Where the client meant to go, `ip:port`. */
  originalDestination: string
  /** Where the sidecar went, `ip:port`. */
  target: string
  /** The service that the target stands for; null if it is none of a space. */
  service: { space: string; name: string; port: number } | null
  tried: Tried[]
}

export interface TraceRecord {
  /** W3C trace id: 32 hex digits. A connection that is not HTTP has one of its own. */
  traceId: string
  /** 16 hex digits: this record. */
  spanId: string
  /** The span that caused this one; null at the start of a trace. */
  parentSpanId: string | null
  /** Namespace, pod and workload of the sidecar that wrote it. */
  space: string
  pod: string
  workload: string
  /** Name of the service: inbound, that which selects the pod; outbound, the one called. */
  service: string | null
  direction: 'inbound' | 'outbound' | 'gateway'
  protocol: TraceProtocol
  /** Value of `azds-hop` as sent on. */
  hop: number
  method: string | null
  authority: string | null
  path: string | null
  /** Status of the answer; null where there was none. */
  status: number | null
  /** Server name of a TLS ClientHello. */
  sni: string | null
  /** Milliseconds since 1970, with fractions. */
  startedAt: number
  /** Milliseconds to the first byte of the answer; null if none came. */
  firstByteMs: number | null
  /** Milliseconds until both directions were done. */
  durationMs: number
  /** Bytes on the wire to the server and back, heads included. */
  requestBytes: number
  responseBytes: number
  requestHeaders: HeaderList
  responseHeaders: HeaderList
  requestBody: CapturedBody | null
  responseBody: CapturedBody | null
  /** Peer that opened the connection, `ip:port`. */
  client: string
  route: TraceRoute
  /** Set where the exchange did not end as it should. */
  error: { code: ErrorCode; message: string } | null
}

/** Body of `POST /v1/traces`. */
export interface TraceBatch {
  namespace: string
  pod: string
  /** Records that this sidecar has dropped since it started. */
  dropped: number
  records: TraceRecord[]
}

/**
 * Longest body of `POST /v1/traces`, in bytes; a longer one gets 413. One record can reach 0.6 MB (two
 * heads of 64 KiB whose characters double in JSON, two bodies of 64 KiB in base64, the rest), so a
 * batch always has room for several of the longest and for a thousand usual ones of 4 KB.
 */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024
/** Most records of one batch. */
export const MAX_BATCH_RECORDS = 1000
