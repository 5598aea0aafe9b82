/** StatefulSets: pods with fixed names, made and ended one after another. */
import type { JsonObject } from '../apiserver/object.ts'
import { type Cluster, keyOf } from './cluster.ts'
import { isReady, type PodObject, type ReplicaStatus, type StatefulSet } from './kinds.ts'
import { createPod, deletePod, isAvailable, podsOf, templateHash } from './pod-set.ts'
import { watchOwnedPods } from './replica-set.ts'
import { WorkQueue } from './work-queue.ts'

const REVISION_LABEL = 'controller-revision-hash'
const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name'
const INDEX_LABEL = 'apps.kubernetes.io/pod-index'

/** @returns a function that stops the controller */
export function startStatefulSets(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('statefulset', (key) => reconcile(cluster, key), cluster.log)
  const unwatch = [
    cluster.watch<StatefulSet>('statefulsets', ({ now }) => now && queue.add(keyOf(now))),
    watchOwnedPods(cluster, 'StatefulSet', 'statefulsets', queue),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(cluster: Cluster, key: string): Promise<void> {
  const set = cluster.get<StatefulSet>('statefulsets', key)
  if (!set) return
  const revision = `${set.metadata.name}-${templateHash(set.spec.template)}`
  let failure: Error | null = null
  if (!set.metadata.deletionTimestamp) {
    try {
      await advance(cluster, set, revision)
    } catch (error) {
      failure = error as Error
    }
  }
  await writeStatus(cluster, set, revision)
  if (failure) throw failure
}

/** The next steps: all that are allowed where order does not matter, else one. */
async function advance(cluster: Cluster, set: StatefulSet, revision: string): Promise<void> {
  const pods = new Map(podsOf(cluster, set).map((pod) => [pod.metadata.name, pod]))
  const inOrder = set.spec.podManagementPolicy !== 'Parallel'
  for (let index = 0; index < set.spec.replicas; index++) {
    const pod = pods.get(nameOf(set, index))
    if (!pod) await createOrdinal(cluster, set, index, revision)
    else if (hasEnded(pod)) await deletePod(cluster, set, pod)
    else if (isReady(pod) && !pod.metadata.deletionTimestamp) continue
    if (inOrder) return
  }
  const excess = [...pods.values()]
    .filter((pod) => ordinalOf(pod) >= set.spec.replicas)
    .sort((a, b) => ordinalOf(b) - ordinalOf(a))
  for (const pod of excess) {
    if (!pod.metadata.deletionTimestamp) await deletePod(cluster, set, pod)
    if (inOrder) return
  }
  await replaceOutdated(cluster, set, [...pods.values()], revision)
}

/** From the highest ordinal down, the next one only after all are ready. */
async function replaceOutdated(
  cluster: Cluster,
  set: StatefulSet,
  pods: PodObject[],
  revision: string,
): Promise<void> {
  const strategy = set.spec.updateStrategy
  if (strategy?.type === 'OnDelete') return
  const partition = strategy?.rollingUpdate?.partition ?? 0
  if (pods.some((pod) => pod.metadata.deletionTimestamp || !isReady(pod))) return
  const outdated = pods
    .filter((pod) => ordinalOf(pod) >= partition && revisionOf(pod) !== revision)
    .sort((a, b) => ordinalOf(b) - ordinalOf(a))
  if (outdated[0]) await deletePod(cluster, set, outdated[0])
}

async function createOrdinal(
  cluster: Cluster,
  set: StatefulSet,
  index: number,
  revision: string,
): Promise<void> {
  const name = nameOf(set, index)
  const { template, serviceName, volumeClaimTemplates = [] } = set.spec
  // There are no persistent volumes here: each claim is an empty folder that ends with its pod.
  const claims = volumeClaimTemplates.map(({ metadata }) => ({ name: metadata.name, emptyDir: {} }))
  const volumes = Array.isArray(template.spec['volumes']) ? template.spec['volumes'] : []
  const spec: JsonObject = { hostname: name, ...(serviceName && { subdomain: serviceName }) }
  if (claims.length > 0) spec['volumes'] = [...volumes, ...claims]
  const labels = {
    [REVISION_LABEL]: revision,
    [POD_NAME_LABEL]: name,
    [INDEX_LABEL]: `${index}`,
  }
  await createPod(cluster, { owner: set, template, labels, name, spec })
}

function nameOf({ metadata }: StatefulSet, index: number): string {
  return `${metadata.name}-${index}`
}

function ordinalOf({ metadata }: PodObject): number {
  return Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? -1)
}

function revisionOf({ metadata }: PodObject): string {
  return metadata.labels?.[REVISION_LABEL] ?? ''
}

function hasEnded({ status, metadata }: PodObject): boolean {
  const { phase } = status ?? {}
  return !metadata.deletionTimestamp && (phase === 'Failed' || phase === 'Succeeded')
}

async function writeStatus(cluster: Cluster, set: StatefulSet, revision: string): Promise<void> {
  const pods = podsOf(cluster, set).filter((pod) => !pod.metadata.deletionTimestamp)
  const updated = pods.filter((pod) => revisionOf(pod) === revision)
  const minReady = set.spec.minReadySeconds ?? 0
  const ready = pods.filter(isReady)
  const before = set.status?.currentRevision ?? revision
  const done = updated.length === set.spec.replicas && ready.length === set.spec.replicas
  const current = done ? revision : before
  const status: ReplicaStatus = {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: pods.filter((pod) => isAvailable(pod, minReady, cluster.now)).length,
    updatedReplicas: updated.length,
    currentReplicas: pods.filter((pod) => revisionOf(pod) === current).length,
    currentRevision: current,
    updateRevision: revision,
    collisionCount: 0,
  }
  await cluster.setStatus('statefulsets', set, status)
}
