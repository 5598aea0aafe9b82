/** Takes a batch in: stores it, counts it, and hands it to those who follow. */
import type { Log } from '../../core/log.ts'
import type { TraceBatch } from '../../core/trace-record.ts'
import type { Metrics } from '../metrics.ts'
import type { Followers } from './followers.ts'
import type { TraceStore } from './store.ts'

/** Records that came with the batch but cannot be stored, and what is wrong with the first of them. */
export interface Rejected {
  rejected: number
  fault: string | null
}

/** What the sidecar is told: how many records were new, and how many could not be stored. */
export type Ingest = (batch: TraceBatch, bad: Rejected) => { stored: number; rejected: number }

export interface IngestParts {
  store: TraceStore
  followers: Followers
  metrics: Metrics
  log: Log
}

/** Pods whose drop counts are remembered; a pod that falls out counts anew from what it tells next. */
const MAX_PODS = 10_000

export function createIngest({ store, followers, metrics, log }: IngestParts): Ingest {
  const droppedBy = new Map<string, number>()

  /** Sidecars tell a running total; the growth since last time is what counts here. */
  const lostSince = ({ namespace, pod, dropped }: TraceBatch): number => {
    const key = `${namespace}/${pod}`
    const before = droppedBy.get(key) ?? 0
    // Taken out first, so that the order of the map is that of the latest word.
    droppedBy.delete(key)
    droppedBy.set(key, dropped)
    const [oldest] = droppedBy.keys()
    if (droppedBy.size > MAX_PODS && oldest !== undefined) droppedBy.delete(oldest)
    // A sidecar that was restarted begins at 0 again.
    return dropped >= before ? dropped - before : dropped
  }

  return (batch, { rejected, fault }) => {
    const { added, evicted } = store.add(batch.records)
    metrics.count('stored', added.length)
    metrics.count('repeated', batch.records.length - added.length)
    metrics.count('evicted', evicted)
    metrics.count('rejected', rejected)
    metrics.count('lost', lostSince(batch))
    if (rejected > 0) {
      const { namespace, pod } = batch
      log.warn({ namespace, pod, records: rejected, fault }, 'trace records rejected')
    }
    followers.publish(added)
    return { stored: added.length, rejected }
  }
}
