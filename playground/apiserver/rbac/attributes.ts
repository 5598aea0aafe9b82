/** What a request asks to be allowed, read from its method and path alone, as Kubernetes reads it. */
import type { User } from '../caller.ts'

/** The resource half of a request; empty text where there is none. */
export interface ResourceAttributes {
  group: string
  version: string
  resource: string
  subresource: string
  /** Empty for the whole cluster. */
  namespace: string
  /** Empty for a collection: no rule that names objects allows it. */
  name: string
}

export interface Attributes {
  user: User
  verb: string
  /** Path without the query. */
  path: string
  /** Null for paths that are no resource, such as `/healthz`. */
  resource: ResourceAttributes | null
}

const VERBS: Record<string, string> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** What is a part of a namespace itself, not a resource in it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

/** @param url path and query of the request line */
export function attributesOf(user: User, method: string, url: string): Attributes {
  // The host is of no interest; a base makes the path a URL.
  const { pathname, searchParams } = new URL(url, 'https://apiserver')
  const verb = VERBS[method] ?? ''
  const found = resourceOf(pathname)
  if (!found) return { user, verb: method.toLowerCase(), path: pathname, resource: null }
  if (found.name !== '') return { user, verb, path: pathname, resource: found }
  if (verb === 'delete') return { user, verb: 'deletecollection', path: pathname, resource: found }
  if (verb !== 'get') return { user, verb, path: pathname, resource: found }
  const watch = ['true', '1'].includes(searchParams.get('watch') ?? '')
  // Whoever asks for one object by its name only needs the right to that one.
  const name = nameSelected(searchParams.get('fieldSelector') ?? '')
  const resource = { ...found, name }
  return { user, verb: watch ? 'watch' : 'list', path: pathname, resource }
}

function resourceOf(pathname: string): ResourceAttributes | null {
  const parts = pathname.split('/').filter((part) => part !== '')
  const [root, ...rest] = parts.map(decoded)
  if (root === 'api' && rest.length >= 2) return placeOf('', rest[0] ?? '', rest.slice(1))
  if (root === 'apis' && rest.length >= 3) {
    return placeOf(rest[0] ?? '', rest[1] ?? '', rest.slice(2))
  }
  return null
}

function placeOf(group: string, version: string, parts: string[]): ResourceAttributes {
  let namespace = ''
  let rest = parts
  if (parts[0] === 'namespaces' && parts[1] !== undefined) {
    namespace = parts[1]
    if (parts[2] !== undefined && !NAMESPACE_SUBRESOURCES.has(parts[2])) rest = parts.slice(2)
  }
  const [resource = '', name = '', subresource = ''] = rest
  return { group, version, resource, subresource, namespace, name }
}

function nameSelected(selector: string): string {
  const terms = selector.split(',').map((term) => /^metadata\.name==?([^=,]+)$/.exec(term)?.[1])
  const name = terms.find((term) => term !== undefined) ?? ''
  return /[/%]|^\.\.?$/.test(name) ? '' : name
}

/** A part that cannot be decoded stays as it is: it then names nothing. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
