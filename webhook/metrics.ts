/** The webhook's Prometheus metrics. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** How an admission ended. `reason` is a skip reason, a cause of failure, or `none`. */
export type Outcome = 'injected' | 'repaired' | 'skipped' | 'invalid' | 'failed' | 'malformed'

export interface Metrics {
  admission(outcome: Outcome, reason: string, seconds: number): void
  certificateExpiry(at: Date): void
  /** All metrics in the text format, and its content type. */
  render(): Promise<{ type: string; text: string }>
}

/** Seconds. A decision takes below 1 ms; the API server gives up after 5 s. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2.5, 5]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const admissions = new Counter({
    name: 'azds_webhook_admissions_total',
    help: 'Pods that were asked about, by what became of them.',
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
    name: 'azds_webhook_certificate_expiry_timestamp_seconds',
    help: "When this replica's certificate ends, in seconds since 1970.",
    registers,
  })
  return {
    admission(outcome, reason, seconds) {
      admissions.inc({ outcome, reason })
      latency.observe(seconds)
    },
    certificateExpiry: (at) => expiry.set(at.getTime() / 1000),
    render: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  }
}
