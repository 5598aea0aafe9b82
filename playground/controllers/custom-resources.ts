/**
 * Custom resources: serves the kinds that CustomResourceDefinitions name. Their schemas are stored
 * but neither checked nor used for defaults.
 */
import { internalWrite } from '../apiserver/caller.ts'
import { type Resource, storageOf } from '../apiserver/resources.ts'
import { type Cluster, keyOf } from './cluster.ts'
import { type AnyObject, type Condition, withCondition } from './kinds.ts'
import { WorkQueue } from './work-queue.ts'

interface Names {
  plural: string
  kind: string
  singular?: string
  listKind?: string
  shortNames?: string[]
  categories?: string[]
}

type Definition = AnyObject & {
  spec: {
    group: string
    scope: string
    names: Names
    versions: { name: string; served: boolean; storage: boolean; subresources?: object }[]
  }
  status?: { conditions?: Condition[] }
}

/** @returns a function that stops the controller */
export function startCustomResources(cluster: Cluster): () => Promise<void> {
  const { registry } = cluster.objects
  const queue = new WorkQueue('crd', (key) => establish(cluster, key), cluster.log)
  const unwatch = cluster.watch<Definition>('customresourcedefinitions', ({ now, old }) => {
    for (const resource of old ? resourcesOf(old) : []) registry.remove(resource)
    // At once, so that the kinds are there when the definition's author has the answer.
    for (const resource of now ? resourcesOf(now) : []) registry.add(resource)
    if (now) queue.add(keyOf(now))
    else if (old) void removeAll(cluster, old)
  })
  return async () => {
    unwatch()
    await queue.stop()
  }
}

function resourcesOf({ spec }: Definition): Resource[] {
  const { plural, kind, singular, shortNames = [], categories = [] } = spec.names
  return spec.versions
    .filter(({ served }) => served)
    .map(({ name, subresources = {} }) => ({
      group: spec.group,
      version: name,
      plural,
      singular: singular ?? kind.toLowerCase(),
      kind,
      namespaced: spec.scope === 'Namespaced',
      shortNames,
      categories,
      subresources: Object.keys(subresources),
      type: null,
      createOnly: false,
    }))
}

async function establish(cluster: Cluster, key: string): Promise<void> {
  const definition = cluster.get<Definition>('customresourcedefinitions', key)
  if (!definition) return
  const { names, versions } = definition.spec
  const met = (type: string, reason: string, message: string): Condition => ({
    type,
    status: 'True',
    reason,
    message,
  })
  const accepted = withCondition(
    definition.status?.conditions,
    met('NamesAccepted', 'NoConflicts', 'no conflicts found'),
    cluster.time,
  )
  const conditions = withCondition(
    accepted,
    met('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    cluster.time,
  )
  const kind = { listKind: `${names.kind}List`, singular: names.kind.toLowerCase() }
  await cluster.setStatus('customresourcedefinitions', definition, {
    acceptedNames: { ...kind, ...names },
    conditions,
    storedVersions: versions.filter(({ storage }) => storage).map(({ name }) => name),
  })
}

/** The objects of a kind go with its definition. */
async function removeAll(cluster: Cluster, definition: Definition): Promise<void> {
  const [resource] = resourcesOf(definition)
  if (!resource) return
  const { store } = cluster.objects
  for (const { metadata } of store.list(storageOf(resource))) {
    const ref = { resource, namespace: metadata.namespace ?? null, name: metadata.name }
    try {
      await cluster.objects.remove(ref, {}, internalWrite('crd-controller'))
    } catch (error) {
      cluster.log.warn({ ...ref, error: (error as Error).message }, 'custom resource stays')
    }
  }
}
