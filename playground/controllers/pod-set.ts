/** What controllers that own pods share: which pods are theirs, how to make one, which to drop. */
import { createHash } from 'node:crypto'
import type { JsonObject } from '../apiserver/object.ts'
import { type LabelSelector, matchesSelector } from '../apiserver/selectors.ts'
import type { Cluster } from './cluster.ts'
import {
  type AnyObject,
  conditionOf,
  controllerOf,
  isReady,
  ownerReference,
  type PodObject,
  type PodTemplate,
} from './kinds.ts'

/** Pods that an owner controls, terminating ones too. */
export function podsOf(cluster: Cluster, owner: AnyObject): PodObject[] {
  return cluster
    .list<PodObject>('pods', owner.metadata.namespace)
    .filter((pod) => controllerOf(pod)?.uid === owner.metadata.uid)
}

/** Takes over matching pods that nobody controls, as after `kubectl delete --cascade=orphan`. */
export async function adoptPods(
  cluster: Cluster,
  owner: AnyObject,
  selector: LabelSelector,
): Promise<void> {
  if (owner.metadata.deletionTimestamp) return
  const orphans = cluster
    .list<PodObject>('pods', owner.metadata.namespace)
    .filter(
      (pod) =>
        !controllerOf(pod) && isActive(pod) && matchesSelector(selector, pod.metadata.labels),
    )
  for (const pod of orphans) {
    await cluster.change('pods', pod, (live) => ({
      ...live,
      metadata: {
        ...live.metadata,
        ownerReferences: [...(live.metadata.ownerReferences ?? []), ownerReference(owner)],
      },
    }))
  }
}

/** Neither ended nor being ended. */
export function isActive({ status, metadata }: PodObject): boolean {
  return !metadata.deletionTimestamp && status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: PodObject, minReadySeconds: number, now: Date): boolean {
  return isReady(pod) && availableInMs(pod, minReadySeconds, now) <= 0
}

/** Time until a ready pod counts as available, in ms; 0 or less if it already does. */
export function availableInMs(pod: PodObject, minReadySeconds: number, now: Date): number {
  const since = Date.parse(conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '')
  if (minReadySeconds === 0 || Number.isNaN(since)) return 0
  return since + minReadySeconds * 1000 - now.getTime()
}

export interface NewPod {
  owner: AnyObject
  template: PodTemplate
  labels?: Record<string, string>
  /** A fixed name; otherwise one is generated from the owner's. */
  name?: string
  /** Fields of the spec that differ from the template's. */
  spec?: JsonObject
}

/** Creates a pod; a refusal becomes an event on the owner and is thrown on. */
export async function createPod(cluster: Cluster, pod: NewPod): Promise<PodObject> {
  const { owner, template, labels, name, spec } = pod
  const { namespace = '' } = owner.metadata
  try {
    const created = await cluster.create<PodObject>('pods', namespace, {
      metadata: {
        ...(name ? { name } : { generateName: `${owner.metadata.name}-` }),
        labels: { ...template.metadata?.labels, ...labels },
        ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
        ownerReferences: [ownerReference(owner)],
      },
      spec: { ...template.spec, ...spec },
    })
    await cluster.event(
      owner,
      'Normal',
      'SuccessfulCreate',
      `Created pod: ${created.metadata.name}`,
    )
    return created
  } catch (error) {
    const message = `Error creating: ${(error as Error).message}`
    await cluster.event(owner, 'Warning', 'FailedCreate', message)
    throw error
  }
}

export async function deletePod(cluster: Cluster, owner: AnyObject, pod: PodObject): Promise<void> {
  await cluster.remove('pods', pod)
  await cluster.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
}

/** Pods in the order in which to drop them: those that serve least and latest first. */
export function dropOrder(pods: readonly PodObject[]): PodObject[] {
  const rank = (pod: PodObject) =>
    (pod.spec.nodeName ? 1 : 0) + (pod.status?.phase === 'Running' ? 2 : 0) + (isReady(pod) ? 4 : 0)
  return [...pods].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp),
  )
}

/** Short stable text for a template: equal templates have equal hashes. */
export function templateHash(template: PodTemplate, collisions = 0): string {
  const text = JSON.stringify([sortedKeys(template), collisions])
  return createHash('sha256').update(text).digest('hex').slice(0, 10)
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortedKeys(inner)]))
}
