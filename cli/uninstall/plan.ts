/** What of an inventory goes, in which order, and what stays and why. Pure. */

import type { KubeObject } from '../../core/kube/types.ts'
import { NAMESPACE_MARK, PART_OF, PART_OF_LABEL } from '../../core/names.ts'
import { nameOf } from '../api-resources.ts'
import type { Inventory, Owned } from './inventory.ts'

export interface Plan {
  /** In the order in which they go. */
  steps: readonly { title: string; objects: readonly Owned[] }[]
  /** What is ours and stays, with the reason. */
  kept: readonly { name: string; why: string }[]
}

/**
 * The webhook configuration first, so that pods start without us from then on; then the APIService, because one that
 * has lost its backend keeps every namespace of the cluster from being deleted; then the programs, which would write
 * back what goes after them.
 */
const ORDER: readonly { title: string; kinds: readonly string[] }[] = [
  { title: 'admission', kinds: ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] },
  { title: 'aggregated API', kinds: ['APIService'] },
  { title: 'programs', kinds: ['Deployment', 'DaemonSet', 'StatefulSet', 'Job', 'CronJob'] },
  { title: 'settings', kinds: [] },
  {
    title: 'rights',
    kinds: ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'ServiceAccount'],
  },
  { title: 'namespace', kinds: ['Namespace'] },
]

export interface Surroundings {
  /** Objects in our namespace that are not ours; where there are some, the namespace stays. */
  foreign: readonly string[]
  /** Whether claims, with the traces in them, go too. */
  deleteTraces: boolean
}

export function planUninstall({ owned }: Inventory, surroundings: Surroundings): Plan {
  const kept: { name: string; why: string }[] = []
  const namespaces = owned.filter(
    ({ object }) => object.kind === 'Namespace' && reasonToKeep(object, surroundings) === null,
  )
  const gone = new Set(namespaces.map(({ object }) => object.metadata.name))
  const going = owned.filter(({ object }) => {
    const isMark = object.kind === 'ConfigMap' && object.metadata.name === NAMESPACE_MARK
    const isOutlived = isMark && !gone.has(object.metadata.namespace)
    const why = isOutlived ? MARK_STAYS : reasonToKeep(object, surroundings)
    if (why !== null) kept.push({ name: nameOf(object), why })
    return why === null
  })
  const named = new Set(ORDER.flatMap(({ kinds }) => kinds))
  const steps = ORDER.map(({ title, kinds }) => ({
    title,
    objects: going.filter(({ object: { kind = '' } }) =>
      kinds.length > 0 ? kinds.includes(kind) : !named.has(kind),
    ),
  }))
  return { steps: steps.filter(({ objects }) => objects.length > 0), kept }
}

/** A namespace that Helm has made has no label, is not ours to delete, and is installed into again by many. */
const MARK_STAYS =
  'by it the next installation knows that the namespace was ours; it goes with the namespace'

function reasonToKeep(
  { kind, metadata }: KubeObject,
  { foreign, deleteTraces }: Surroundings,
): string | null {
  if (kind === 'PersistentVolumeClaim' && !deleteTraces) {
    return 'the traces in it are the team’s; --delete-traces takes it away'
  }
  if (kind !== 'Namespace') return null
  if (metadata.labels?.[PART_OF_LABEL] !== PART_OF) return 'it is not marked as ours'
  if (foreign.length === 0) return null
  return `it holds what is not ours: ${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ' and more' : ''}`
}

/** How many objects go. */
export function countOf({ steps }: Plan): number {
  return steps.reduce((sum, { objects }) => sum + objects.length, 0)
}
