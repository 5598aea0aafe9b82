/** Lists: a collection as it looks through a selector, in pages. */
import { badRequest } from './api-error.ts'
import type { ApiObject, JsonObject } from './object.ts'
import { apiVersionOf, type Resource, storageOf } from './resources.ts'
import { selectionOf } from './selectors.ts'
import type { Store } from './store.ts'
import { convert } from './versions.ts'

export interface ObjectList {
  kind: string
  apiVersion: string
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number }
  items: ApiObject[]
}

interface Continuation {
  /** Version of the first page: a watch from there misses nothing. */
  version: number
  /** Key of the last object of the page before. */
  after: string
}

/** @param namespace null for all namespaces */
export function listObjects(
  store: Store,
  resource: Resource,
  namespace: string | null,
  query: URLSearchParams,
): ObjectList {
  const select = selectionOf(query)
  const limit = Number(query.get('limit') ?? 0)
  const from = readContinuation(query.get('continue'))
  const all = store
    .list(storageOf(resource), namespace ?? undefined)
    .map((object) => convert(resource, object))
    .filter((object) => select(object) && (!from || keyOf(object) > from.after))
  const items = limit > 0 ? all.slice(0, limit) : all
  const version = from?.version ?? store.version
  const metadata: ObjectList['metadata'] = { resourceVersion: `${version}` }
  const last = items.at(-1)
  if (last && items.length < all.length) {
    metadata.continue = writeContinuation({ version, after: keyOf(last) })
    // With a selector a real server does not know how many are left.
    if (!query.get('labelSelector') && !query.get('fieldSelector')) {
      metadata.remainingItemCount = all.length - items.length
    }
  }
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items }
}

function keyOf({ metadata }: ApiObject): string {
  return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name
}

function writeContinuation(continuation: Continuation): string {
  return Buffer.from(JSON.stringify(continuation)).toString('base64url')
}

function readContinuation(token: string | null): Continuation | null {
  if (!token) return null
  try {
    const { version, after } = JSON.parse(Buffer.from(token, 'base64url').toString()) as JsonObject
    if (typeof version === 'number' && typeof after === 'string') return { version, after }
  } catch {
    // Falls through to the one message for all malformed tokens.
  }
  throw badRequest('continue key is not valid')
}
