/**
 * Everything of ours in a cluster, found in two ways that do not lean on each other: by the label that every object of
 * ours carries, over every kind that the cluster has, and by fixed names, for what has lost its label.
 */
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import {
  API_CERTIFICATE_SECRET,
  CA_CONFIG_MAP,
  CONTROLLER_CA_SECRET,
  WEBHOOK_CA_SECRET,
} from '../../core/names.ts'
import { API_GROUP_VERSION } from '../../core/trace-resource.ts'
import {
  type ApiResource,
  type ApiResources,
  collectionPath,
  getOrNull,
  nameOf,
  objectPath,
} from '../api-resources.ts'
import { OURS, VALUES_CONFIG_MAP } from '../install/installation.ts'

export interface Owned {
  object: KubeObject
  resource: ApiResource
  path: string
}

export interface Inventory {
  /** Each object once. */
  owned: readonly Owned[]
  /** Kinds and groups that could not be asked: what of them is ours nobody knows. */
  unseen: readonly string[]
}

/**
 * Kinds that come and go with the objects that own them, or that say nothing of an installation. Pods and ReplicaSets
 * of ours are seen by their owners; Events fade by themselves.
 */
const DERIVED: readonly string[] = [
  'pods',
  'replicasets',
  'controllerrevisions',
  'endpoints',
  'endpointslices',
  'events',
  'leases',
]

/** Page of a list, so that no answer grows past a few megabytes. */
const PAGE = 500

export interface InventoryOptions {
  /** The objects of the chart, for their names. */
  chart: readonly KubeObject[]
  /** Where Helm keeps what it knows of our release; null without Helm. */
  helm?: { namespace: string; release: string } | null
}

export async function takeInventory(
  client: KubeClient,
  resources: ApiResources,
  { chart, helm = null }: InventoryOptions,
): Promise<Inventory> {
  const unseen = resources.failed.map(({ groupVersion }) => groupVersion)
  const found = new Map<string, Owned>()
  const add = (resource: ApiResource, object: KubeObject) => {
    if (object.metadata.uid === undefined) return
    const whole = { ...object, apiVersion: resource.apiVersion, kind: resource.kind }
    found.set(object.metadata.uid, { object: whole, resource, path: objectPath(resource, whole) })
  }
  const listed = resources.all.filter(
    ({ apiVersion, name, verbs }) =>
      verbs.includes('list') && !DERIVED.includes(name) && apiVersion !== API_GROUP_VERSION,
  )
  await Promise.all([
    ...listed.map(async (resource) => {
      const items = await listOurs(client, resource)
      if (items === null) unseen.push(resource.name)
      for (const item of items ?? []) add(resource, item)
    }),
    ...namedObjects(resources, chart).map(async ({ resource, object }) => {
      const live = await readable(getOrNull<KubeObject>(client, objectPath(resource, object)))
      if (live) add(resource, live)
    }),
    ...[
      {
        kind: 'ConfigMap',
        path: `/api/v1/configmaps?fieldSelector=metadata.name%3D${CA_CONFIG_MAP}`,
      },
      ...(helm ? [{ kind: 'Secret', path: helmSecretsPath(helm) }] : []),
    ].map(async ({ kind, path }) => {
      const resource = resources.all.find((one) => one.kind === kind && one.apiVersion === 'v1')
      const answer = await readable(client.get<{ items: KubeObject[] }>(path))
      if (resource) for (const item of answer?.items ?? []) add(resource, item)
    }),
  ])
  const order = (a: Owned, b: Owned) => (nameOf(a.object) < nameOf(b.object) ? -1 : 1)
  return { owned: [...found.values()].sort(order), unseen: [...new Set(unseen)].sort() }
}

/** Null where one may not list them. A kind that the server lists but does not serve has nothing of ours. */
async function listOurs(client: KubeClient, resource: ApiResource): Promise<KubeObject[] | null> {
  const items: KubeObject[] = []
  let next = ''
  do {
    const path = `${collectionPath(resource)}?${OURS}&limit=${PAGE}${next}`
    const page = await client
      .get<{ items: KubeObject[]; metadata?: { continue?: string } }>(path)
      .catch((error: Error) => {
        if (error instanceof KubeError && [404, 405].includes(error.status)) return { items: [] }
        if (error instanceof KubeError) return null
        throw error
      })
    if (!page) return null
    items.push(...(page.items ?? []))
    const token = 'metadata' in page ? page.metadata?.continue : undefined
    next = token ? `&continue=${encodeURIComponent(token)}` : ''
  } while (next !== '')
  return items
}

/** What is asked for by name: all of the chart, and what azds and the programs make besides. */
function namedObjects(resources: ApiResources, chart: readonly KubeObject[]) {
  const [namespace] = chart.flatMap(({ metadata }) => metadata.namespace ?? [])
  const made = [
    ...[WEBHOOK_CA_SECRET, CONTROLLER_CA_SECRET, API_CERTIFICATE_SECRET].map((name) => ({
      kind: 'Secret',
      name,
    })),
    ...[VALUES_CONFIG_MAP, CA_CONFIG_MAP].map((name) => ({ kind: 'ConfigMap', name })),
  ].map(({ kind, name }) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
  }))
  // A namespace is ours by its label alone: one of this name may be anybody's.
  return [...chart.filter(({ kind }) => kind !== 'Namespace'), ...made].flatMap((object) => {
    const resource = resources.all.find(
      ({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind,
    )
    return resource ? [{ resource, object }] : []
  })
}

function helmSecretsPath({ namespace, release }: { namespace: string; release: string }): string {
  const selector = encodeURIComponent(`owner=helm,name=${release}`)
  return `/api/v1/namespaces/${namespace}/secrets?labelSelector=${selector}`
}

/** Null where one may not read it, which the look by label tells already. */
async function readable<T>(call: Promise<T>): Promise<T | null> {
  return call.catch((error: Error) => {
    if (error instanceof KubeError && error.status === 403) return null
    throw error
  })
}
