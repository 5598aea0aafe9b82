/** What the server says about itself: groups, versions and resources, in all forms clients ask for. */
import type { JsonObject } from './object.ts'
import { apiVersionOf, type Registry, type Resource, splitGroupVersion } from './resources.ts'

/** The version that the playground speaks like. */
export const VERSION = {
  major: '1',
  minor: '34',
  emulationMajor: '1',
  emulationMinor: '34',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '33',
  gitVersion: 'v1.34.0+playground',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
} as const

const VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const

/** Verbs of each subresource and the kind that it takes. */
const SUBRESOURCES: Record<string, { verbs: string[]; kind?: [apiVersion: string, kind: string] }> =
  {
    status: { verbs: ['get', 'patch', 'update'] },
    ephemeralcontainers: { verbs: ['get', 'patch', 'update'] },
    finalize: { verbs: ['update'] },
    exec: { verbs: ['create', 'get'], kind: ['v1', 'PodExecOptions'] },
    log: { verbs: ['get'] },
    portforward: { verbs: ['create', 'get'], kind: ['v1', 'PodPortForwardOptions'] },
    proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'] },
    scale: { verbs: ['get', 'patch', 'update'], kind: ['autoscaling/v1', 'Scale'] },
    eviction: { verbs: ['create'], kind: ['policy/v1', 'Eviction'] },
    token: { verbs: ['create'], kind: ['authentication.k8s.io/v1', 'TokenRequest'] },
  }

function groupVersions(registry: Registry): Map<string, Resource[]> {
  const byVersion = new Map<string, Resource[]>()
  for (const resource of registry.all()) {
    const key = apiVersionOf(resource)
    const list = byVersion.get(key) ?? []
    list.push(resource)
    byVersion.set(key, list)
  }
  return byVersion
}

/** `/api` */
export function coreVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

/** `/apis`. @param others versions of the groups that other servers answer for */
export function groupList(registry: Registry, others: ReadonlyMap<string, string[]>): JsonObject {
  const groups = allGroups(registry, others)
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [...groups].map(([name, versions]) => groupOf(name, versions)),
  }
}

/** Every group but the core one, with its versions. */
function allGroups(
  registry: Registry,
  others: ReadonlyMap<string, string[]>,
): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const { group, version } of registry.all()) {
    if (!group) continue
    const versions = groups.get(group) ?? []
    if (!versions.includes(version)) versions.push(version)
    groups.set(group, versions)
  }
  for (const [group, versions] of others) {
    groups.set(group, [...new Set([...(groups.get(group) ?? []), ...versions])])
  }
  return groups
}

/** `/apis/<group>`; null if there is no such group. */
export function groupDocument(
  registry: Registry,
  others: ReadonlyMap<string, string[]>,
  name: string,
): JsonObject | null {
  const versions = allGroups(registry, others).get(name)
  if (!versions) return null
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(name, versions) }
}

function groupOf(name: string, versions: string[]): JsonObject {
  const list = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: list, preferredVersion: list[0] }
}

/** `/api/v1` and `/apis/<group>/<version>`; null if there is no such version. */
export function resourceList(registry: Registry, groupVersion: string): JsonObject | null {
  const resources = groupVersions(registry).get(groupVersion)
  if (!resources) return null
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: resources.flatMap(describeResource),
  }
}

function describeResource(resource: Resource): JsonObject[] {
  const { plural, singular, namespaced, kind, shortNames, categories, createOnly } = resource
  const own = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: createOnly ? ['create'] : VERBS,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  }
  const below = resource.subresources.map((name) => {
    const { verbs = [], kind: other } = SUBRESOURCES[name] ?? {}
    const [group, version] = other ? splitGroupVersion(other[0]) : []
    return {
      name: `${plural}/${name}`,
      singularName: '',
      namespaced,
      kind: other?.[1] ?? kind,
      ...(other && { group, version }),
      verbs,
    }
  })
  return [own, ...below]
}

/**
 * The aggregated form of `/api` (the core group alone) and `/apis` (all others): everything at once.
 * @param others groups that other servers answer for, in this form
 */
export function aggregatedDiscovery(
  registry: Registry,
  root: 'api' | 'apis',
  others: readonly JsonObject[],
): JsonObject {
  const groups = new Map<string, JsonObject[]>()
  for (const [, resources] of groupVersions(registry)) {
    const [first] = resources
    if (!first || (first.group === '') !== (root === 'api')) continue
    const versions = groups.get(first.group) ?? []
    versions.push({
      version: first.version,
      freshness: 'Current',
      resources: resources.map(describeAggregated),
    })
    groups.set(first.group, versions)
  }
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [
      ...[...groups].map(([name, versions]) => ({
        metadata: { name: name || undefined },
        versions,
      })),
      ...others,
    ],
  }
}

function describeAggregated(resource: Resource): JsonObject {
  const { group, version, kind } = resource
  const responseKind = { group, version, kind }
  return {
    resource: resource.plural,
    responseKind,
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.createOnly ? ['create'] : VERBS,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    subresources: resource.subresources.map((name) => {
      const { verbs = [], kind: other } = SUBRESOURCES[name] ?? {}
      const [otherGroup = '', otherVersion = ''] = other ? splitGroupVersion(other[0]) : []
      return {
        subresource: name,
        responseKind: other
          ? { group: otherGroup, version: otherVersion, kind: other[1] }
          : responseKind,
        verbs,
      }
    }),
  }
}
