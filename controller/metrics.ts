/** What the controller counts, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { FeedMessage } from '../core/routing-feed.ts'
import type { StoreCounts } from './traces/store.ts'

/** Where gauges look when they are read. */
export interface MetricSources {
  store: () => StoreCounts
  feedReaders: () => number
  followers: () => number
}

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics(sources: MetricSources) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('azds_controller_traces', 'Traces in the store.', () => sources.store().traces)
  gauge('azds_controller_trace_records', 'Records in the store.', () => sources.store().records)
  gauge(
    'azds_controller_trace_bytes',
    'Bytes of records in the store.',
    () => sources.store().bytes,
  )
  gauge('azds_controller_feed_readers', 'Open routing feeds.', sources.feedReaders)
  gauge('azds_controller_trace_followers', 'Open live views of traces.', sources.followers)
  const records = new Counter({
    name: 'azds_controller_records_total',
    help: 'Trace records by what became of them: stored, repeated (sent twice), rejected (not of the form), evicted (older records that made room), lost (dropped in sidecars).',
    labelNames: ['outcome'] as const,
    registers,
  })
  const feedMessages = new Counter({
    name: 'azds_controller_feed_messages_total',
    help: 'Messages of routing feeds by type.',
    labelNames: ['type'] as const,
    registers,
  })
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    count: (outcome: 'stored' | 'repeated' | 'rejected' | 'evicted' | 'lost', amount: number) =>
      records.inc({ outcome }, amount),
    feedMessage: (type: FeedMessage['type']) => feedMessages.inc({ type }),
  }
}
