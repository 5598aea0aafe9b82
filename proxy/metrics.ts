/** What the proxy counts, for Prometheus. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { RouteReason } from '../core/route-reason.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import type { Connections, OpenConnection } from './connections.ts'
import type { FeedClient } from './feed-client.ts'
import type { TraceQueue } from './trace-queue.ts'

/** What is counted of an exchange. */
type Ended = Pick<TraceRecord, 'direction' | 'status' | 'firstByteMs' | 'error'>

export interface Metrics {
  connectionEnded(direction: OpenConnection['direction'], protocol: string): void
  /** One exchange or opaque connection is over, which went where it did for `reason`. */
  exchange(ended: Ended, reason: RouteReason): void
  /** The text that Prometheus reads. */
  text(): Promise<string>
  readonly contentType: string
}

export interface Measured {
  connections: Connections
  queue: TraceQueue
  table: RoutingTable
  feed: Pick<FeedClient, 'state' | 'lastMessageAt'>
  /** Milliseconds since 1970. */
  now: () => number
}

/** Seconds: from a local answer below 1 ms to a request that somebody has given up on. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

export function createMetrics(measured: Measured): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const connections = new Counter({
    name: 'azds_proxy_connections_total',
    help: 'Connections that have ended, by direction and by what they spoke.',
    labelNames: ['direction', 'protocol'],
    registers,
  })
  const exchanges = new Counter({
    name: 'azds_proxy_exchanges_total',
    help: 'Exchanges that have ended, by direction, routing reason and class of status.',
    labelNames: ['direction', 'reason', 'status'],
    registers,
  })
  const errors = new Counter({
    name: 'azds_proxy_errors_total',
    help: 'Exchanges that did not end as they should, by error code.',
    labelNames: ['direction', 'code'],
    registers,
  })
  const latency = new Histogram({
    name: 'azds_proxy_first_byte_seconds',
    help: 'Time from a request to the first byte of its answer.',
    labelNames: ['direction'],
    buckets: LATENCY_BUCKETS,
    registers,
  })
  measureState(measured, registers)
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    connectionEnded: (direction, protocol) => connections.inc({ direction, protocol }),
    exchange: ({ direction, status, firstByteMs, error }, reason) => {
      exchanges.inc({ direction, reason, status: statusClass(status) })
      if (firstByteMs !== null) latency.observe({ direction }, firstByteMs / 1000)
      if (error) errors.inc({ direction, code: error.code })
    },
  }
}

/** `2xx` to `5xx`; `none` where there was no answer, or no HTTP. */
function statusClass(status: number | null): string {
  return status === null ? 'none' : `${Math.floor(status / 100)}xx`
}

function measureState(measured: Measured, registers: Registry[]): void {
  const { connections, queue, table, feed, now } = measured
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `azds_proxy_${name}`,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  const open = new Gauge({
    name: 'azds_proxy_connections_open',
    help: 'Connections that are open.',
    labelNames: ['direction'],
    registers,
    collect() {
      for (const direction of ['inbound', 'outbound', 'gateway'] as const) {
        open.set({ direction }, connections.count(direction))
      }
    },
  })
  const dropped = new Counter({
    name: 'azds_proxy_traces_dropped_total',
    help: 'Trace records that never reached the controller.',
    registers,
    collect() {
      dropped.reset()
      dropped.inc(queue.dropped)
    },
  })
  gauge('exchanges_in_flight', 'Exchanges, tunnels and opaque connections in flight.', () =>
    Math.max(0, connections.busy),
  )
  gauge('trace_queue_records', 'Trace records that wait for the controller.', () => queue.length)
  gauge('trace_queue_bytes', 'About how many bytes they take.', () => queue.bytes)
  gauge('feed_streaming', '1 while the routing feed is connected.', () =>
    feed.state === 'streaming' ? 1 : 0,
  )
  gauge('feed_version', 'Number of the routing table; 0 before the first.', () =>
    table.version === null ? 0 : table.version.number,
  )
  gauge('feed_age_seconds', 'Time since the feed’s last message; -1 before the first.', () =>
    feed.lastMessageAt === null ? -1 : (now() - feed.lastMessageAt) / 1000,
  )
}
