/** Takes old events away, so that a playground that runs for days does not grow. */
import type { Cluster } from './cluster.ts'
import type { AnyObject } from './kinds.ts'
import { WorkQueue } from './work-queue.ts'

/** Time that an event is kept after it last happened, in ms: an hour, as a real API server keeps it. */
const KEEP_MS = 3_600_000
/** Time between two looks, in ms: short beside an hour. */
const LOOK_MS = 60_000

/** @returns a function that stops it */
export function startEventExpiry(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('event-expiry', () => expire(cluster), cluster.log)
  queue.add('all')
  return () => queue.stop()
}

async function expire(cluster: Cluster): Promise<number> {
  const oldest = cluster.now.getTime() - KEEP_MS
  for (const event of cluster.list('events')) {
    if (lastSeen(event) < oldest) await cluster.remove('events', event)
  }
  return LOOK_MS
}

/** Events of either group, counted or not, name the time in fields of their own. */
function lastSeen(event: AnyObject): number {
  const times = [event['lastTimestamp'], event['deprecatedLastTimestamp'], event['eventTime']]
  const named = times.find((time) => typeof time === 'string')
  return Date.parse(named ?? event.metadata.creationTimestamp)
}
