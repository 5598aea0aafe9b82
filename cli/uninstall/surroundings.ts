/** What else is there: objects of others in our namespace, pods that still carry sidecars, spaces. */
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject, Pod } from '../../core/kube/types.ts'
import { LABEL, PART_OF, PART_OF_LABEL } from '../../core/names.ts'
import { API_GROUP_VERSION } from '../../core/trace-resource.ts'
import { type ApiResources, collectionPath } from '../api-resources.ts'
import { NAMESPACES } from '../spaces.ts'

/** What Kubernetes itself puts into every namespace, or what belongs to something else that is listed. */
const USUAL: readonly string[] = [
  'ServiceAccount default',
  'ConfigMap kube-root-ca.crt',
  'ConfigMap openshift-service-ca.crt',
]
const DERIVED: readonly string[] = [
  'events',
  'endpoints',
  'endpointslices',
  'controllerrevisions',
  'leases',
]
/** Its `pods` are figures of pods, and come and go with them. */
const METRICS_GROUP = 'metrics.k8s.io/'

/**
 * Names of what is in a namespace and neither ours nor Kubernetes' own. What has an owner goes with it, and Helm's
 * Secrets of our release go with the release. A kind that could not be listed is named too: with the namespace
 * everything in it would go, and nobody knows what there is of it.
 */
export async function foreignObjects(
  client: KubeClient,
  resources: ApiResources,
  namespace: string,
): Promise<string[]> {
  const kinds = resources.all.filter(
    ({ name, namespaced, verbs, apiVersion }) =>
      namespaced &&
      verbs.includes('list') &&
      !DERIVED.includes(name) &&
      !apiVersion.startsWith(METRICS_GROUP) &&
      apiVersion !== API_GROUP_VERSION,
  )
  const lists = await Promise.all(
    kinds.map(async (resource) => {
      try {
        const path = collectionPath(resource, namespace)
        const { items } = await client.get<{ items: KubeObject[] }>(path)
        return items.filter(isForeign).map((object) => `${resource.kind} ${object.metadata.name}`)
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        return [404, 405].includes(error.status) ? [] : [`${resource.name} (not to be seen)`]
      }
    }),
  )
  return lists
    .flat()
    .filter((name) => !USUAL.includes(name))
    .sort()
}

function isForeign({ metadata }: KubeObject): boolean {
  const { labels = {}, ownerReferences = [], deletionTimestamp } = metadata
  if (labels[PART_OF_LABEL] === PART_OF || ownerReferences.length > 0 || deletionTimestamp)
    return false
  return !(labels['owner'] === 'helm' && metadata.name?.startsWith('sh.helm.release.v1.'))
}

/** Pods outside of our own namespace that were injected and still run. */
export async function podsWithSidecars(client: KubeClient): Promise<Pod[]> {
  const path = `/api/v1/pods?labelSelector=${encodeURIComponent(`${LABEL.instrumented}=true`)}`
  const { items } = await client.get<{ items: Pod[] }>(path)
  return items.filter(
    ({ metadata, status }) =>
      !metadata.deletionTimestamp && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  )
}

/** Namespaces that carry a label of a space. */
export async function labelledNamespaces(client: KubeClient): Promise<string[]> {
  const { items } = await client.get<{ items: KubeObject[] }>(NAMESPACES)
  const isLabelled = ({ metadata: { labels = {} } }: KubeObject) =>
    labels[LABEL.space] !== undefined || labels[LABEL.parentSpace] !== undefined
  return items.filter(isLabelled).map(({ metadata }) => metadata.name ?? '')
}
