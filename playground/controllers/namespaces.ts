/** Namespaces: what each one has from the start, and how one is emptied before it goes. */
import { aggregatedApis } from '../apiserver/aggregation/api-services.ts'
import { internalWrite } from '../apiserver/caller.ts'
import type { ApiObject } from '../apiserver/object.ts'
import type { Objects } from '../apiserver/objects.ts'
import { ROOT_CA_CONFIG_MAP } from '../apiserver/pod-admission.ts'
import { type Resource, storageOf } from '../apiserver/resources.ts'
import { type Cluster, isApiError, type Plural } from './cluster.ts'
import { type AnyObject, type Condition, conditionOf, withCondition } from './kinds.ts'
import { WorkQueue } from './work-queue.ts'

type NamespaceObject = AnyObject & {
  spec?: { finalizers?: string[] }
  status?: { phase?: string; conditions?: Condition[] }
}

/** How often a namespace that is being emptied is looked at, in ms: pods take seconds to end. */
const RECHECK_MS = 100
/** The same where a server that holds some of its content does not answer, in ms. */
const UNREACHABLE_RECHECK_MS = 500

/** @returns a function that stops the controller. @param caPem what `kube-root-ca.crt` holds */
export function startNamespaces(cluster: Cluster, caPem: string): () => Promise<void> {
  const queue = new WorkQueue('namespace', (key) => reconcile(cluster, key, caPem), cluster.log)
  const lookAt = ({ now, old }: { now: AnyObject | null; old: AnyObject | null }) => {
    const namespace = (now ?? old)?.metadata.namespace
    if (!now && namespace) queue.add(namespace)
  }
  const unwatch = [
    cluster.watch('namespaces', ({ now }) => now && queue.add(now.metadata.name)),
    // Somebody who deletes these gets them back.
    cluster.watch('serviceaccounts', lookAt),
    cluster.watch('configmaps', lookAt),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(
  cluster: Cluster,
  name: string,
  caPem: string,
): Promise<number | undefined> {
  const namespace = cluster.get<NamespaceObject>('namespaces', name)
  if (!namespace) return
  if (namespace.metadata.deletionTimestamp) return empty(cluster, namespace)
  await ensure(cluster, 'serviceaccounts', name, { metadata: { name: 'default' } })
  await ensure(cluster, 'configmaps', name, {
    metadata: { name: ROOT_CA_CONFIG_MAP },
    data: { 'ca.crt': caPem },
  })
  return undefined
}

async function ensure(
  cluster: Cluster,
  plural: Plural,
  namespace: string,
  body: { metadata: { name: string }; [field: string]: unknown },
): Promise<void> {
  if (cluster.get(plural, `${namespace}/${body.metadata.name}`)) return
  try {
    await cluster.create(plural, namespace, body)
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
  }
}

/** Deletes all there is; once nothing is left, lets the namespace go. */
async function empty(cluster: Cluster, namespace: NamespaceObject): Promise<number | undefined> {
  const { name } = namespace.metadata
  const { objects } = cluster
  const write = internalWrite('namespace-controller')
  const kinds = objects.registry.all().filter((one) => one.namespaced && !one.createOnly)
  const content = () => kinds.flatMap((kind) => contentOf(cluster, kind, name))
  for (const { kind, object } of content()) {
    if (object.metadata.deletionTimestamp) continue
    const ref = { resource: kind, namespace: name, name: object.metadata.name }
    if (objects.find(ref)) await objects.remove(ref, {}, write)
  }
  if (content().length > 0) return RECHECK_MS
  const silent = silentGroups(objects)
  await tellDiscovery(cluster, namespace, silent)
  // What they hold in this namespace cannot be known.
  if (silent.length > 0) return UNREACHABLE_RECHECK_MS
  await cluster.change<NamespaceObject>('namespaces', namespace, (live) => ({
    ...live,
    spec: { ...live.spec, finalizers: [] },
  }))
  return undefined
}

/** Group versions that another server answers for, which does not answer. */
function silentGroups({ store }: Objects): string[] {
  return aggregatedApis(store)
    .filter(({ available }) => !available)
    .map(({ group, version }) => `${group}/${version}`)
}

/** Says in the namespace why it does not go. */
async function tellDiscovery(
  cluster: Cluster,
  namespace: NamespaceObject,
  silent: readonly string[],
): Promise<void> {
  const list = silent.map((one) => `${one}: stale GroupVersion discovery: ${one}`).join(', ')
  const condition: Condition =
    silent.length > 0
      ? {
          type: 'NamespaceDeletionDiscoveryFailure',
          status: 'True',
          reason: 'DiscoveryFailed',
          message: `Discovery failed for some groups, ${silent.length} failing: unable to retrieve the complete list of server APIs: ${list}`,
        }
      : {
          type: 'NamespaceDeletionDiscoveryFailure',
          status: 'False',
          reason: 'ResourcesDiscovered',
          message: 'All resources successfully discovered',
        }
  const live = cluster.get<NamespaceObject>('namespaces', namespace.metadata.name)
  const before = conditionOf(live?.status?.conditions, condition.type)
  if (!live || (before ? before.message === condition.message : silent.length === 0)) return
  const conditions = withCondition(live.status?.conditions, condition, cluster.time)
  await cluster.setStatus('namespaces', live, { ...live.status, conditions })
}

function contentOf(
  { objects }: Cluster,
  kind: Resource,
  namespace: string,
): { kind: Resource; object: ApiObject }[] {
  return objects.store.list(storageOf(kind), namespace).map((object) => ({ kind, object }))
}
