/** Deployments: one ReplicaSet for each version of the template, and the way from one to the next. */
import { sameJson } from '../apiserver/object.ts'
import { type Cluster, isApiError, keyOf } from './cluster.ts'
import { deploymentStatus, isComplete, progressDeadlineInMs } from './deployment-status.ts'
import {
  controllerOf,
  type Deployment,
  ownerReference,
  type PodObject,
  type PodTemplate,
  type ReplicaSet,
} from './kinds.ts'
import { podsOf, templateHash } from './pod-set.ts'
import { limitsOf, nextNewSize, nextOldSizes, type SetCount } from './rollout.ts'
import { WorkQueue } from './work-queue.ts'

const HASH_LABEL = 'pod-template-hash'
const REVISION = 'deployment.kubernetes.io/revision'
const CHANGE_CAUSE = 'kubernetes.io/change-cause'

/** @returns a function that stops the controller */
export function startDeployments(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('deployment', (key) => reconcile(cluster, key), cluster.log)
  const unwatch = [
    cluster.watch<Deployment>('deployments', ({ now }) => now && queue.add(keyOf(now))),
    cluster.watch<ReplicaSet>('replicasets', ({ now, old }) => {
      const set = now ?? old
      const owner = set && controllerOf(set)
      if (owner?.kind === 'Deployment') queue.add(`${set?.metadata.namespace}/${owner.name}`)
    }),
    // Recreate waits for the last pod of the old version.
    cluster.watch<PodObject>('pods', ({ now, old }) => {
      if (now || !old) return
      for (const one of cluster.list('deployments', old.metadata.namespace)) queue.add(keyOf(one))
    }),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(cluster: Cluster, key: string): Promise<number | undefined> {
  const deployment = cluster.get<Deployment>('deployments', key)
  if (!deployment || deployment.metadata.deletionTimestamp) return
  const found = newSetOf(deployment, setsOf(cluster, deployment))
  if (found || !deployment.spec.paused) await ensureNewSet(cluster, deployment, found)
  const sets = setsOf(cluster, deployment)
  const current = newSetOf(deployment, sets) ?? null
  const old = sets.filter((set) => set !== current)
  if (current && !deployment.spec.paused) await roll(cluster, deployment, current, old)
  else if (current) await resize(cluster, deployment, current, deployment.spec.replicas)
  return finish(cluster, key)
}

async function finish(cluster: Cluster, key: string): Promise<number | undefined> {
  const deployment = cluster.get<Deployment>('deployments', key)
  if (!deployment) return
  const sets = setsOf(cluster, deployment)
  const current = newSetOf(deployment, sets) ?? null
  const status = deploymentStatus(deployment, sets, current, cluster.now)
  await cluster.setStatus('deployments', deployment, status)
  if (isComplete(deployment, status)) {
    await dropHistory(
      cluster,
      deployment,
      sets.filter((set) => set !== current),
    )
    return
  }
  return progressDeadlineInMs(deployment, status, cluster.now)
}

/** Its ReplicaSets, oldest first. */
function setsOf(cluster: Cluster, deployment: Deployment): ReplicaSet[] {
  return cluster
    .list<ReplicaSet>('replicasets', deployment.metadata.namespace)
    .filter((set) => controllerOf(set)?.uid === deployment.metadata.uid)
    .sort((a, b) => revisionOf(a) - revisionOf(b))
}

function revisionOf({ metadata }: ReplicaSet | Deployment): number {
  return Number(metadata.annotations?.[REVISION] ?? 0)
}

function newSetOf(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec.template)
  return sets.find((set) => sameJson(withoutHash(set.spec.template), wanted))
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {}
  return { ...template, metadata: { ...template.metadata, labels } }
}

/** Makes the template's ReplicaSet, or makes an older one the newest again (a rollback). */
async function ensureNewSet(
  cluster: Cluster,
  deployment: Deployment,
  found: ReplicaSet | undefined,
): Promise<void> {
  const others = setsOf(cluster, deployment).filter(
    (set) => set.metadata.uid !== found?.metadata.uid,
  )
  const newest = Math.max(0, ...others.map(revisionOf))
  const revision = found && revisionOf(found) > newest ? revisionOf(found) : newest + 1
  const cause = deployment.metadata.annotations?.[CHANGE_CAUSE]
  const annotations = { [REVISION]: `${revision}`, ...(cause && { [CHANGE_CAUSE]: cause }) }
  if (!found) await createSet(cluster, deployment, annotations)
  else if (revisionOf(found) !== revision)
    await annotate(cluster, 'replicasets', found, annotations)
  if (revisionOf(deployment) !== revision) {
    await annotate(cluster, 'deployments', deployment, { [REVISION]: `${revision}` })
  }
}

async function annotate<T extends ReplicaSet | Deployment>(
  cluster: Cluster,
  plural: 'replicasets' | 'deployments',
  object: T,
  annotations: Record<string, string>,
): Promise<void> {
  await cluster.change<T>(plural, object, (live) => ({
    ...live,
    metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, ...annotations } },
  }))
}

async function createSet(
  cluster: Cluster,
  deployment: Deployment,
  annotations: Record<string, string>,
): Promise<void> {
  const { metadata, spec } = deployment
  for (let collisions = 0; ; collisions++) {
    const hash = templateHash(spec.template, collisions)
    const labels = { ...spec.template.metadata?.labels, [HASH_LABEL]: hash }
    const set = {
      metadata: {
        name: `${metadata.name}-${hash}`,
        labels,
        annotations,
        ownerReferences: [ownerReference(deployment)],
      },
      spec: {
        // Sized by the next step, which counts the old pods.
        replicas: 0,
        ...(spec.minReadySeconds !== undefined && { minReadySeconds: spec.minReadySeconds }),
        selector: {
          ...spec.selector,
          matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash },
        },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    }
    try {
      await cluster.create('replicasets', metadata.namespace ?? '', set)
      return
    } catch (error) {
      // Another template has this hash, or an older owner's set of this name is still going away.
      if (!isApiError(error, 'AlreadyExists') || collisions >= 3) throw error
    }
  }
}

async function roll(
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet,
  old: ReplicaSet[],
): Promise<void> {
  const { replicas, strategy } = deployment.spec
  if (strategy.type === 'Recreate') {
    for (const set of old) await resize(cluster, deployment, set, 0)
    if (old.every((set) => podsOf(cluster, set).length === 0)) {
      await resize(cluster, deployment, current, replicas)
    }
    return
  }
  const limits = limitsOf(strategy.rollingUpdate, replicas)
  const oldCounts = old.map(countOf)
  const size = nextNewSize(replicas, countOf(current), oldCounts, limits)
  await resize(cluster, deployment, current, size)
  const grown = { ...countOf(current), desired: size }
  const sizes = nextOldSizes(replicas, grown, oldCounts, limits)
  for (const set of old) {
    await resize(cluster, deployment, set, sizes.get(set.metadata.name) ?? set.spec.replicas)
  }
}

function countOf({ metadata, spec, status }: ReplicaSet): SetCount {
  return {
    name: metadata.name,
    desired: spec.replicas,
    available: Math.min(status?.availableReplicas ?? 0, spec.replicas),
  }
}

async function resize(
  cluster: Cluster,
  deployment: Deployment,
  set: ReplicaSet,
  replicas: number,
): Promise<void> {
  const before = set.spec.replicas
  if (before === replicas) return
  await cluster.change<ReplicaSet>('replicasets', set, (live) => ({
    ...live,
    spec: { ...live.spec, replicas },
  }))
  const direction = replicas > before ? 'up' : 'down'
  const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`
  await cluster.event(deployment, 'Normal', 'ScalingReplicaSet', message)
}

/** Old ReplicaSets stay for rollbacks, up to a number. */
async function dropHistory(
  cluster: Cluster,
  deployment: Deployment,
  old: ReplicaSet[],
): Promise<void> {
  const idle = old.filter(({ spec, status }) => spec.replicas === 0 && !status?.replicas)
  const excess = Math.max(0, idle.length - (deployment.spec.revisionHistoryLimit ?? 10))
  for (const set of idle.slice(0, excess)) await cluster.remove('replicasets', set)
}
