/** What the proxy counts, for Prometheus. */
import { readdirSync } from 'node:fs'
import type { RouteReason } from '../core/route-reason.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import type { Connections, OpenConnection } from './connections.ts'
import type { FeedClient } from './feed-client.ts'
import {
  Counter,
  countOf,
  gauge,
  gauges,
  Histogram,
  type Metric,
  PROMETHEUS_CONTENT_TYPE,
  prometheusText,
} from './prometheus-text.ts'
import type { TraceQueue } from './trace-queue.ts'
import type { Transport } from './transport.ts'

/** What is counted of an exchange. */
type Ended = Pick<TraceRecord, 'direction' | 'status' | 'firstByteMs' | 'error'>

export interface Metrics {
  connectionEnded(direction: OpenConnection['direction'], protocol: string): void
  /** One exchange or opaque connection is over, which went where it did for `reason`. */
  exchange(ended: Ended, reason: RouteReason): void
  /** The text that Prometheus reads. */
  text(): string
  readonly contentType: string
}

export interface Measured {
  connections: Connections
  queue: TraceQueue
  table: RoutingTable
  feed: Pick<FeedClient, 'state' | 'lastMessageAt'>
  transport: Pick<Transport, 'passedBytes'>
  /** Milliseconds since 1970. */
  now: () => number
}

/** Seconds: from a local answer below 1 ms to a request that somebody has given up on. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

/** By the first digit, so that no string is made for each exchange. */
const STATUS_CLASSES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', '7xx', '8xx', '9xx']

export function createMetrics(measured: Measured): Metrics {
  const connections = new Counter({
    name: 'azds_proxy_connections_total',
    help: 'Connections that have ended, by direction and by what they spoke.',
    labels: ['direction', 'protocol'],
  })
  const exchanges = new Counter({
    name: 'azds_proxy_exchanges_total',
    help: 'Exchanges that have ended, by direction, routing reason and class of status.',
    labels: ['direction', 'reason', 'status'],
  })
  const errors = new Counter({
    name: 'azds_proxy_errors_total',
    help: 'Exchanges that did not end as they should, by error code.',
    labels: ['direction', 'code'],
  })
  const latency = new Histogram({
    name: 'azds_proxy_first_byte_seconds',
    help: 'Time from a request to the first byte of its answer.',
    labels: ['direction'],
    bounds: LATENCY_BUCKETS,
  })
  const all = [connections, exchanges, errors, latency, ...stateOf(measured), ...PROCESS]
  return {
    contentType: PROMETHEUS_CONTENT_TYPE,
    text: () => prometheusText(all),
    connectionEnded: (direction, protocol) => connections.increase(direction, protocol),
    exchange: ({ direction, status, firstByteMs, error }, reason) => {
      exchanges.increase(direction, reason, statusClass(status))
      if (firstByteMs !== null) latency.observe(firstByteMs / 1000, direction)
      if (error) errors.increase(direction, error.code)
    },
  }
}

/** `none` where there was no answer, or no HTTP. */
function statusClass(status: number | null): string {
  return status === null ? 'none' : (STATUS_CLASSES[Math.floor(status / 100)] ?? 'none')
}

function stateOf({ connections, queue, table, feed, transport, now }: Measured): Metric[] {
  const own = (name: string, help: string) => ({ name: `azds_proxy_${name}`, help })
  return [
    gauges(
      {
        ...own('connections_open', 'Connections that are open.'),
        label: 'direction',
        values: ['inbound', 'outbound', 'gateway'],
      },
      (direction) => connections.count(direction),
    ),
    countOf(
      own('traces_dropped_total', 'Trace records that never reached the controller.'),
      () => queue.dropped,
    ),
    countOf(
      own('passed_bytes_total', 'Bytes of busy connections that the kernel passed on by itself.'),
      () => transport.passedBytes(),
    ),
    gauge(own('exchanges_in_flight', 'Exchanges, tunnels and opaque connections in flight.'), () =>
      Math.max(0, connections.busy),
    ),
    gauge(
      own('trace_queue_records', 'Trace records that wait for the controller.'),
      () => queue.length,
    ),
    gauge(own('trace_queue_bytes', 'About how many bytes they take.'), () => queue.bytes),
    gauge(own('feed_streaming', '1 while the routing feed is connected.'), () =>
      feed.state === 'streaming' ? 1 : 0,
    ),
    gauge(own('feed_version', 'Number of the routing table; 0 before the first.'), () =>
      table.version === null ? 0 : table.version.number,
    ),
    gauge(
      own('feed_age_seconds', 'Time since the feed’s last message; -1 before the first.'),
      () => (feed.lastMessageAt === null ? -1 : (now() - feed.lastMessageAt) / 1000),
    ),
  ]
}

/** About the process, by the names that Prometheus' client libraries have agreed on. */
const PROCESS: readonly Metric[] = [
  countOf({ name: 'process_cpu_seconds_total', help: 'CPU time in user and system mode.' }, () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory.' }, () =>
    process.memoryUsage.rss(),
  ),
  gauge(
    { name: 'nodejs_heap_size_used_bytes', help: 'JavaScript heap in use.' },
    () => process.memoryUsage().heapUsed,
  ),
  gauge(
    { name: 'nodejs_external_memory_bytes', help: 'Buffers and the like.' },
    () => process.memoryUsage().external,
  ),
  gauge({ name: 'process_open_fds', help: 'Open file descriptors.' }, openDescriptors),
]

/** -1 where it cannot be told: no /proc, or no descriptor left to read it with. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return -1
  }
}
