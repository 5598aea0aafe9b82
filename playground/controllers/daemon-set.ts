/** DaemonSets: one pod on each node that fits. */
import type { JsonObject } from '../apiserver/object.ts'
import { type Cluster, keyOf } from './cluster.ts'
import { type DaemonSet, isReady, type NodeObject, type PodObject } from './kinds.ts'
import { createPod, deletePod, isActive, isAvailable, podsOf, templateHash } from './pod-set.ts'
import { watchOwnedPods } from './replica-set.ts'
import { fitsNode } from './scheduler.ts'
import { WorkQueue } from './work-queue.ts'

const REVISION_LABEL = 'controller-revision-hash'

/** @returns a function that stops the controller */
export function startDaemonSets(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('daemonset', (key) => reconcile(cluster, key), cluster.log)
  const all = () => {
    for (const set of cluster.list('daemonsets')) queue.add(keyOf(set))
  }
  const unwatch = [
    cluster.watch<DaemonSet>('daemonsets', ({ now }) => now && queue.add(keyOf(now))),
    cluster.watch<NodeObject>('nodes', ({ now, old }) => {
      // A node's status changes every few seconds; only coming, going and labels matter.
      if (!now || !old || now.metadata.labels !== old.metadata.labels) all()
    }),
    watchOwnedPods(cluster, 'DaemonSet', 'daemonsets', queue),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(cluster: Cluster, key: string): Promise<void> {
  const set = cluster.get<DaemonSet>('daemonsets', key)
  if (!set) return
  const revision = templateHash(set.spec.template)
  const nodes = cluster
    .list<NodeObject>('nodes')
    .filter((node) => fitsNode(set.spec.template.spec, node))
  let failure: Error | null = null
  if (!set.metadata.deletionTimestamp) {
    try {
      await place(cluster, set, nodes, revision)
    } catch (error) {
      failure = error as Error
    }
  }
  await writeStatus(cluster, set, nodes, revision)
  if (failure) throw failure
}

async function place(
  cluster: Cluster,
  set: DaemonSet,
  nodes: readonly NodeObject[],
  revision: string,
): Promise<void> {
  const pods = podsOf(cluster, set)
  const names = new Set(nodes.map(({ metadata }) => metadata.name))
  for (const pod of pods) {
    const unwanted = !names.has(pod.spec.nodeName ?? '') || !isActive(pod)
    if (unwanted && !pod.metadata.deletionTimestamp) await deletePod(cluster, set, pod)
  }
  for (const name of names) {
    // A pod that is ending keeps its place until it is gone.
    if (pods.some((pod) => pod.spec.nodeName === name)) continue
    await createPod(cluster, {
      owner: set,
      template: set.spec.template,
      labels: { [REVISION_LABEL]: revision },
      spec: { nodeName: name },
    })
  }
  if (set.spec.updateStrategy?.type === 'OnDelete') return
  const settled = pods.every((pod) => isActive(pod) && isReady(pod))
  const outdated = pods.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] !== revision)
  const broken = outdated.find((pod) => isActive(pod) && !isReady(pod))
  const next = settled ? outdated[0] : broken
  if (next) await deletePod(cluster, set, next)
}

async function writeStatus(
  cluster: Cluster,
  set: DaemonSet,
  nodes: readonly NodeObject[],
  revision: string,
): Promise<void> {
  const pods = podsOf(cluster, set).filter(isActive)
  const count = (test: (pod: PodObject) => boolean) => pods.filter(test).length
  const minReady = set.spec.minReadySeconds ?? 0
  const available = count((pod) => isAvailable(pod, minReady, cluster.now))
  const status: JsonObject = {
    observedGeneration: set.metadata.generation ?? 1,
    desiredNumberScheduled: nodes.length,
    currentNumberScheduled: pods.length,
    updatedNumberScheduled: count((pod) => pod.metadata.labels?.[REVISION_LABEL] === revision),
    numberReady: count(isReady),
    numberAvailable: available,
    numberUnavailable: Math.max(0, nodes.length - available),
    numberMisscheduled: 0,
  }
  await cluster.setStatus('daemonsets', set, status)
}
