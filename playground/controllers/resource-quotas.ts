/** ResourceQuotas: keeps the status of each equal to what the pods of its namespace use. */
import type { ApiObject, JsonObject } from '../apiserver/object.ts'
import { sameJson } from '../apiserver/object.ts'
import { writeQuantity } from '../apiserver/quantity.ts'
import { hardOf, usedOf } from '../apiserver/resource-quota.ts'
import { type Cluster, keyOf } from './cluster.ts'
import type { AnyObject, PodObject } from './kinds.ts'
import { WorkQueue } from './work-queue.ts'

/** @returns a function that stops the controller */
export function startResourceQuotas(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('resourcequota', (key) => reconcile(cluster, key), cluster.log)
  const unwatch = [
    cluster.watch('resourcequotas', ({ now }) => now && queue.add(keyOf(now))),
    cluster.watch<PodObject>('pods', ({ now, old }) => {
      const namespace = (now ?? old)?.metadata.namespace
      for (const quota of cluster.list('resourcequotas', namespace)) queue.add(keyOf(quota))
    }),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(cluster: Cluster, key: string): Promise<void> {
  const quota = cluster.get<AnyObject & { status?: JsonObject }>('resourcequotas', key)
  if (!quota) return
  const object = quota as AnyObject as ApiObject
  const used = [...usedOf(cluster.objects.store, object)].map(([name, value]) => [
    name,
    writeQuantity(name, value),
  ])
  const status = { hard: hardOf(object), used: Object.fromEntries(used) }
  if (!sameJson(quota.status, status)) await cluster.setStatus('resourcequotas', quota, status)
}
