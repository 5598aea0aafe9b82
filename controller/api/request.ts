/** What a request to the aggregated API asks for, in the words in which rights are granted. Pure. */
import { API_GROUP, API_VERSION } from '../../core/names.ts'
import { API_ROOT } from '../../core/trace-resource.ts'
import { listQueryOf, type Parameters, parametersOf } from '../resources/list-query.ts'
import { StatusError, statusOf } from '../resources/status.ts'

export interface ResourceAttributes {
  group: typeof API_GROUP
  version: typeof API_VERSION
  resource: string
  verb: string
  /** Absent for cluster-scoped objects and for those of all namespaces. */
  namespace?: string
  /** Absent where a whole collection is asked for. */
  name?: string
}

export type ApiRequest =
  | {
      kind: 'resource'
      attributes: ResourceAttributes
      /** Whether the path names one object; a field selector may name it too. */
      isOne: boolean
      path: string
      /** Each once. */
      parameters: Parameters
    }
  /** Anything else: discovery, health. */
  | { kind: 'path'; path: string; verb: string }

/** Resources of the group. */
export const RESOURCES = {
  traces: { namespaced: true, kind: 'Trace', singular: 'trace', verbs: ['get', 'list', 'watch'] },
  sidecars: { namespaced: true, kind: 'Sidecar', singular: 'sidecar', verbs: ['get', 'list'] },
  spaces: { namespaced: false, kind: 'Space', singular: 'space', verbs: ['get', 'list'] },
} as const

const ONE_VERB: Record<string, string> = {
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  POST: 'create',
}
const COLLECTION_VERB: Record<string, string> = { ...ONE_VERB, DELETE: 'deletecollection' }

/**
 * @param url path and query as they came
 * @throws StatusError 400 where the path or the query is not written in the one way that we take: what is
 *   authorized and what is asked of the controller must be the same
 */
export function apiRequestOf(method: string, url: string): ApiRequest {
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  // Names of Kubernetes need no escapes, and two spellings of one path are one too many.
  if (!/^\/[\w./:~-]*$/.test(path) || /\/\.{0,2}\//.test(`${path}/`.replace(/\/+$/, '/'))) {
    throw new StatusError(statusOf('BadRequest', 'the path has escapes, dots or empty parts'))
  }
  return (
    resourceRequestOf(method, path, query) ?? { kind: 'path', path, verb: method.toLowerCase() }
  )
}

function resourceRequestOf(method: string, path: string, query: string): ApiRequest | null {
  if (!path.startsWith(`${API_ROOT}/`)) return null
  const parts = path.slice(API_ROOT.length + 1).split('/')
  const isNamespaced = parts[0] === 'namespaces' && parts.length > 2
  const namespace = isNamespaced ? parts[1] : undefined
  const [resource = '', one, ...rest] = isNamespaced ? parts.slice(2) : parts
  if (rest.length > 0 || resource === '' || one === '') return null
  const parameters = parametersOf(new URLSearchParams(query))
  const list = listQueryOf(parameters)
  const isOne = one !== undefined
  const isRead = method === 'GET' || method === 'HEAD'
  const verb = isOne ? ONE_VERB[method] : COLLECTION_VERB[method]
  const readVerb = list.watch ? 'watch' : 'list'
  // Kubernetes takes a name that a field selector asks for as the name of the request.
  const name = one ?? list.name
  return {
    kind: 'resource',
    attributes: {
      group: API_GROUP,
      version: API_VERSION,
      resource,
      verb: (isRead && !isOne ? readVerb : verb) ?? method.toLowerCase(),
      ...(namespace !== undefined && { namespace }),
      ...(name !== null && name !== undefined && { name }),
    },
    isOne,
    path,
    parameters,
  }
}

/** Whether there is such a resource, and it is asked for where it lies. */
export function isServed({
  attributes: { resource, namespace },
  isOne,
}: Extract<ApiRequest, { kind: 'resource' }>): boolean {
  if (!Object.hasOwn(RESOURCES, resource)) return false
  const { namespaced } = RESOURCES[resource as keyof typeof RESOURCES]
  return namespaced ? namespace !== undefined || !isOne : namespace === undefined
}

/** In the words of Kubernetes' own refusals. */
export function describeDenial(user: string, attributes: ResourceAttributes): string {
  const { resource, verb, namespace, name } = attributes
  const what = `${resource}.${API_GROUP}${name === undefined ? '' : ` "${name}"`}`
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  return `${what} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${API_GROUP}" ${where}`
}
