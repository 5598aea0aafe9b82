/** The webhook's Prometheus metrics. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** How an admission ended. `reason` is why a pod was skipped or a review passed, a cause of failure, or `none`. */
export type Outcome =
  | 'injected'
  | 'repaired'
  | 'skipped'
  | 'passed'
  | 'invalid'
  | 'failed'
  | 'malformed'

export interface Metrics {
  admission(outcome: Outcome, reason: string, seconds: number): void
  certificateExpiry(kind: 'leaf' | 'authority', at: Date): void
  bundleRepaired(): void
  /** A connection was not taken, or closed, because there were too many. */
  connectionClosed(): void
  /** Whether an API server would accept our certificate, as the last call to ourselves has shown. */
  callable(is: boolean): void
  /** All metrics in the text format, and its content type. */
  render(): Promise<{ type: string; text: string }>
}

/** Seconds. A decision takes below 1 ms; the API server gives up after 5 s. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2.5, 5]

export interface MetricSources {
  /** Events that could not be written so far. */
  droppedEvents: () => number
}

export function createMetrics({ droppedEvents }: MetricSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const admissions = new Counter({
    name: 'azds_webhook_admissions_total',
    help: 'Reviews that were asked for, by what became of them.',
    labelNames: ['outcome', 'reason'] as const,
    registers,
  })
  const latency = new Histogram({
    name: 'azds_webhook_admission_seconds',
    help: 'Time from the parsed request to the answer.',
    buckets: BUCKETS,
    registers,
  })
  const expiry = new Gauge({
    name: 'azds_certificate_expiry_timestamp_seconds',
    help: "When this replica's certificate, and the authority that signs it, end: seconds since 1970.",
    labelNames: ['kind'] as const,
    registers,
  })
  const repairs = new Counter({
    name: 'azds_ca_bundle_repairs_total',
    help: 'How often the bundle by which API servers know us was put back after somebody had changed it.',
    registers,
  })
  const closedConnections = new Counter({
    name: 'azds_webhook_connections_closed_total',
    help: 'Connections that were not taken, or closed, because there were too many: of the address that had most.',
    registers,
  })
  const callable = new Gauge({
    name: 'azds_webhook_callable',
    help: '1 if an API server would accept our certificate, 0 if not.',
    registers,
  })
  new Counter({
    name: 'azds_webhook_events_dropped_total',
    help: 'Events that were not written: too many at once, or refused by the API server.',
    registers,
    collect() {
      this.reset()
      this.inc(droppedEvents())
    },
  })
  return {
    admission(outcome, reason, seconds) {
      admissions.inc({ outcome, reason })
      latency.observe(seconds)
    },
    certificateExpiry: (kind, at) => expiry.set({ kind }, at.getTime() / 1000),
    bundleRepaired: () => repairs.inc(),
    connectionClosed: () => closedConnections.inc(),
    callable: (is) => callable.set(is ? 1 : 0),
    render: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  }
}
