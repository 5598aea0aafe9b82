/** Reads a request's path: which resource, namespace, object and subresource it names. */
import type { Registry, Resource } from './resources.ts'

export interface Target {
  resource: Resource
  /** Null for cluster-wide resources and for lists over all namespaces. */
  namespace: string | null
  /** Null for a collection. */
  name: string | null
  subresource: string | null
}

/** Returns null if the path names no resource that is served. */
export function parseResourcePath(registry: Registry, pathname: string): Target | null {
  const parts = decodeParts(pathname)
  if (!parts) return null
  let apiVersion: string
  let rest: string[]
  if (parts[0] === 'api' && parts[1]) {
    apiVersion = parts[1]
    rest = parts.slice(2)
  } else if (parts[0] === 'apis' && parts[1] && parts[2]) {
    apiVersion = `${parts[1]}/${parts[2]}`
    rest = parts.slice(3)
  } else return null
  // Namespaces are resources of their own: /namespaces/<name>[/status|/finalize].
  const ownNamespace = rest.length <= 2 || rest[2] === 'status' || rest[2] === 'finalize'
  if (rest[0] === 'namespaces' && !ownNamespace) {
    return targetOf(registry, apiVersion, rest[1] ?? null, rest.slice(2))
  }
  return targetOf(registry, apiVersion, null, rest)
}

function targetOf(
  registry: Registry,
  apiVersion: string,
  namespace: string | null,
  [plural, name, subresource, ...more]: string[],
): Target | null {
  const resource = plural === undefined ? undefined : registry.find(apiVersion, plural)
  if (!resource || more.length > 0) return null
  if (namespace && !resource.namespaced) return null
  if (resource.namespaced && name && !namespace) return null
  if (subresource && !resource.subresources.includes(subresource)) return null
  return { resource, namespace, name: name ?? null, subresource: subresource ?? null }
}

function decodeParts(pathname: string): string[] | null {
  try {
    return pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
  } catch {
    return null
  }
}
