/** Records of requests that were refused before a service could be chosen for them. */

import { ERROR } from '../core/errors.ts'
import { redactPath } from '../core/redaction.ts'
import type { Decision } from '../core/routing.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import { newSpanId, newTraceId } from '../core/trace-context.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import type { PlanExchange, RefusedRequest } from './exchange.ts'
import { traceRouteOf } from './record-text.ts'
import { PROTOCOL_OF, type RecordExchange, type RecorderDeps } from './recorder.ts'
import { saidBy, traceIdsOf } from './request-facts.ts'

export interface RefusedConnection {
  direction: TraceRecord['direction']
  client: Address
  /** Where the request was going, as far as that is known. */
  destination: Address
}

/** The plan for a connection that was made to the proxy’s own port. */
export function planLoop(connection: RefusedConnection, record: RecordExchange): PlanExchange {
  const { direction, client, destination } = connection
  return (head) => ({
    kind: 'refuse',
    code: 'loop',
    message: `the connection was made to ${formatAddress(destination)}, which is the sidecar itself`,
    recorder: record({
      direction,
      head,
      ids: traceIdsOf(head, saidBy(head)),
      hop: saidBy(head).hop ?? 0,
      service: null,
      context: NO_CONTEXT,
      decision: undecided(destination),
      originalDestination: destination,
      client,
    }),
  })
}

/** The record of a request whose head could not be read. */
export function recordUnreadable(
  refused: RefusedRequest,
  connection: RefusedConnection,
  deps: Pick<RecorderDeps, 'identity' | 'now'>,
): TraceRecord {
  const [method = '', target = ''] = REQUEST.test(refused.start) ? refused.start.split(' ') : []
  const { space, pod, workload } = deps.identity
  return {
    traceId: newTraceId(),
    spanId: newSpanId(),
    parentSpanId: null,
    space,
    pod,
    workload,
    service: null,
    direction: connection.direction,
    protocol: PROTOCOL_OF[refused.version ?? '1.1'],
    hop: 0,
    // What is no request line may have its address anywhere.
    method: method === '' ? null : redactPath(method),
    authority: null,
    path: TARGET.test(target) ? redactPath(target) : null,
    status: ERROR[refused.code].status,
    sni: null,
    startedAt: deps.now(),
    firstByteMs: 0,
    durationMs: 0,
    requestBytes: refused.requestBytes,
    responseBytes: refused.responseBytes,
    requestHeaders: [],
    responseHeaders: [],
    requestBody: null,
    responseBody: null,
    client: formatAddress(connection.client),
    route: traceRouteOf(NO_CONTEXT, undecided(connection.destination), connection.destination),
    error: { code: refused.code, message: refused.message },
  }
}

/**
 * What somebody means as a request. Anything else may be the rest of a body that was longer than its request said: a
 * password, of which nothing is recorded.
 */
const REQUEST = /^(?:[A-Z-]{1,32}(?:[ \t/]|$)|[A-Za-z-]{1,32}[ \t]+(?:[/*]|https?:))/

/** A path, an address, `host:port`. */
const TARGET = /^(?:[/*]|[\w.-]+:|\[)/

const NO_CONTEXT = { space: null, source: 'none' as const }

function undecided(target: Address): Decision {
  return { reason: 'not-a-space-service', target, service: null, tried: [] }
}
