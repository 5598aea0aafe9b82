/** Passes a connection that is not HTTP to its original destination, and records that it was. */
import type { Decision } from '../core/routing.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import { newSpanId, newTraceId } from '../core/trace-context.ts'
import type { TraceProtocol, TraceRecord } from '../core/trace-record.ts'
import type { Detected } from './detection.ts'
import { traceRouteOf } from './record-text.ts'
import type { RecorderDeps } from './recorder.ts'
import type { SpliceEnd } from './splice.ts'
import { splice } from './splice.ts'
import type { ByteStream, Dial } from './stream.ts'
import { spliceError } from './transport-error.ts'

export interface OpaqueConnection {
  direction: TraceRecord['direction']
  client: ByteStream
  destination: Address
  detected: Detected
  /** The service that the destination stands for; null if it is none of a space. */
  service: Decision['service']
  /** What the record calls the service. */
  serviceName: string | null
  /** When the connection was accepted, in milliseconds since 1970. */
  startedAt: number
}

export interface OpaqueDeps extends Pick<RecorderDeps, 'identity' | 'now'> {
  dial: Dial
  /** Takes the record of a connection that is over. */
  take(record: TraceRecord): void
}

const PROTOCOL: Record<Detected['protocol'], TraceProtocol> = {
  http1: 'http/1.1',
  h2: 'h2',
  tls: 'tls',
  opaque: 'tcp',
}

/** @param onEnd called once both directions are over */
export function passThrough(
  connection: OpaqueConnection,
  deps: OpaqueDeps,
  onEnd: () => void,
): void {
  const { client, destination, detected } = connection
  const upstream = detected.upstream ?? deps.dial(destination)
  const initial = { toA: detected.fromServer, toB: detected.fromClient }
  const { protocol, sni } = detected
  // Its first bytes are cut from a block that would be held for as long as it lasts.
  const known = { ...connection, detected: { protocol, sni } }
  let firstByteMs: number | null = null
  const ended = (end: SpliceEnd) => {
    // A connection without a byte is a port scan or a TCP probe, which comes every few seconds.
    const silent = end.fromA === 0 && end.fromB === 0 && end.error === null
    if (!silent) deps.take({ ...recordOf(known, deps, end), firstByteMs })
    onEnd()
  }
  splice(client, upstream, initial, ended, () => {
    firstByteMs = deps.now() - known.startedAt
  })
}

type KnownConnection = Omit<OpaqueConnection, 'detected'> & {
  detected: Pick<Detected, 'protocol' | 'sni'>
}

function recordOf(connection: KnownConnection, deps: OpaqueDeps, end: SpliceEnd): TraceRecord {
  const { direction, client, destination, detected, service, serviceName, startedAt } = connection
  const { space, pod, workload } = deps.identity
  const decision: Decision = { reason: 'not-http', target: destination, service, tried: [] }
  return {
    traceId: newTraceId(),
    spanId: newSpanId(),
    parentSpanId: null,
    space,
    pod,
    workload,
    service: serviceName,
    direction,
    protocol: PROTOCOL[detected.protocol],
    hop: 0,
    method: null,
    authority: null,
    path: null,
    status: null,
    sni: detected.sni,
    startedAt,
    firstByteMs: null,
    durationMs: deps.now() - startedAt,
    requestBytes: end.fromA,
    responseBytes: end.fromB,
    requestHeaders: [],
    responseHeaders: [],
    requestBody: null,
    responseBody: null,
    client: formatAddress(client.remote),
    route: traceRouteOf({ space: null, source: 'none' }, decision, destination),
    error: spliceError(end, destination),
  }
}
