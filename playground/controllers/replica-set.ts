/** ReplicaSets: as many pods as asked for. */
import { type Cluster, keyOf, type Plural } from './cluster.ts'
import {
  type Condition,
  controllerOf,
  isReady,
  type PodObject,
  type ReplicaSet,
  type ReplicaStatus,
  withCondition,
} from './kinds.ts'
import {
  adoptPods,
  availableInMs,
  createPod,
  deletePod,
  dropOrder,
  isActive,
  isAvailable,
  podsOf,
} from './pod-set.ts'
import { WorkQueue } from './work-queue.ts'

/** @returns a function that stops the controller */
export function startReplicaSets(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('replicaset', (key) => reconcile(cluster, key), cluster.log)
  const unwatch = [
    cluster.watch<ReplicaSet>('replicasets', ({ now }) => now && queue.add(keyOf(now))),
    watchOwnedPods(cluster, 'ReplicaSet', 'replicasets', queue),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

/** Has owners look again whenever one of their pods changes, or one that nobody owns yet. */
export function watchOwnedPods(
  cluster: Cluster,
  kind: string,
  plural: Plural,
  queue: WorkQueue,
): () => void {
  return cluster.watch<PodObject>('pods', ({ now, old }) => {
    const pod = now ?? old
    if (!pod) return
    const owner = controllerOf(pod)
    if (owner?.kind === kind) queue.add(`${pod.metadata.namespace}/${owner.name}`)
    if (owner || !now) return
    for (const one of cluster.list(plural, pod.metadata.namespace)) queue.add(keyOf(one))
  })
}

async function reconcile(cluster: Cluster, key: string): Promise<number | undefined> {
  const set = cluster.get<ReplicaSet>('replicasets', key)
  if (!set) return
  await adoptPods(cluster, set, set.spec.selector)
  let failure: Error | null = null
  if (!set.metadata.deletionTimestamp) {
    try {
      await scale(cluster, set)
    } catch (error) {
      failure = error as Error
    }
  }
  const pods = podsOf(cluster, set).filter(isActive)
  await writeStatus(cluster, set, pods, failure)
  // The queue tries again, later each time.
  if (failure) throw failure
  const waits = pods
    .filter(isReady)
    .map((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, cluster.now))
    .filter((ms) => ms > 0)
  return waits.length > 0 ? Math.min(...waits) : undefined
}

async function scale(cluster: Cluster, set: ReplicaSet): Promise<void> {
  const active = podsOf(cluster, set).filter(isActive)
  for (let n = active.length; n < set.spec.replicas; n++) {
    await createPod(cluster, { owner: set, template: set.spec.template })
  }
  const excess = Math.max(0, active.length - set.spec.replicas)
  for (const pod of dropOrder(active).slice(0, excess)) await deletePod(cluster, set, pod)
}

async function writeStatus(
  cluster: Cluster,
  set: ReplicaSet,
  pods: PodObject[],
  failure: Error | null,
): Promise<void> {
  const minReady = set.spec.minReadySeconds ?? 0
  const available = pods.filter((pod) => isAvailable(pod, minReady, cluster.now)).length
  const ready = pods.filter(isReady).length
  const { conditions } = set.status ?? {}
  const next: ReplicaStatus = {
    replicas: pods.length,
    fullyLabeledReplicas: pods.length,
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    observedGeneration: set.metadata.generation ?? 1,
  }
  const failed = failureCondition(conditions, failure, cluster.time)
  if (failed) next.conditions = failed
  await cluster.setStatus('replicasets', set, next)
}

function failureCondition(
  conditions: Condition[] | undefined,
  failure: Error | null,
  time: string,
): Condition[] | undefined {
  if (!failure) return conditions?.filter(({ type }) => type !== 'ReplicaFailure')
  return withCondition(
    conditions,
    { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: failure.message },
    time,
  )
}
