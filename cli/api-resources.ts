/** What the API server serves, and the paths to it: asked once by the commands that touch objects of any kind. */
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { KubeObject } from '../core/kube/types.ts'
import { CliError } from './command.ts'

export interface ApiResource {
  /** `apps/v1`, `v1`. */
  apiVersion: string
  kind: string
  /** As in paths: `deployments`. */
  name: string
  namespaced: boolean
  verbs: readonly string[]
}

export interface ApiResources {
  /** Of each group the version that the server prefers; subresources are left out. */
  all: readonly ApiResource[]
  /** Group versions that did not answer: an aggregated API that is down. */
  failed: readonly { groupVersion: string; message: string }[]
}

interface ResourceAnswer {
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[]
}
interface GroupAnswer {
  groups: { preferredVersion: { groupVersion: string } }[]
}

/** Asks for every group; a group that fails is told in `failed`, the rest is there. */
export async function discover(client: KubeClient): Promise<ApiResources> {
  const { groups } = await client.get<GroupAnswer>('/apis')
  const versions = ['v1', ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)]
  const failed: { groupVersion: string; message: string }[] = []
  const lists = await Promise.all(
    versions.map(async (groupVersion) => {
      try {
        return await resourcesOf(client, groupVersion)
      } catch (error) {
        failed.push({ groupVersion, message: (error as Error).message })
        return []
      }
    }),
  )
  return { all: lists.flat(), failed }
}

async function resourcesOf(client: KubeClient, apiVersion: string): Promise<ApiResource[]> {
  const { resources } = await client.get<ResourceAnswer>(rootOf(apiVersion))
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, verbs }) => ({ apiVersion, kind, name, namespaced, verbs }))
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}

/** The resource of an object; throws a sentence where the cluster has no such kind. */
export function resourceFor({ all }: ApiResources, object: KubeObject): ApiResource {
  const found = all.find(
    ({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind,
  )
  if (found) return found
  throw new CliError(
    `the cluster has no ${object.kind} of ${object.apiVersion}, which ${nameOf(object)} is: is it older than Kubernetes 1.29?`,
  )
}

/** Path of a collection: of one namespace, or of all where that is null or the kind has none. */
export function collectionPath(
  { apiVersion, name, namespaced }: ApiResource,
  namespace: string | null = null,
): string {
  const scope = namespaced && namespace !== null ? `/namespaces/${namespace}` : ''
  return `${rootOf(apiVersion)}${scope}/${name}`
}

export function objectPath(resource: ApiResource, { metadata }: KubeObject): string {
  return `${collectionPath(resource, metadata.namespace ?? null)}/${metadata.name}`
}

/** `Deployment azds/azds-webhook`. */
export function nameOf({ kind, metadata }: KubeObject): string {
  const { namespace, name } = metadata
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`
}

/** The answer of a GET; null where there is no such object, or no such kind. */
export async function getOrNull<T>(client: KubeClient, path: string): Promise<T | null> {
  return client.get<T>(path).catch((error: Error) => {
    if (error instanceof KubeError && error.status === 404) return null
    throw error
  })
}
