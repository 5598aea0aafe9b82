/** Watches: a stream of changes of one collection as it looks through a selector. */
import type { ApiObject } from './object.ts'
import type { ObjectTest } from './selectors.ts'
import type { Change, ChangeType, Store } from './store.ts'

export interface WatchRequest {
  storage: string
  /** Null for all namespaces. */
  namespace: string | null
  select: ObjectTest
  /** Version to go on from; null or 0 to begin with all objects there are. */
  from: number | null
  /** Ends the initial objects with a bookmark that says so (`sendInitialEvents=true`). */
  markInitialEnd: boolean
  bookmarks: boolean
}

export type WatchEvent =
  | { type: ChangeType; object: ApiObject }
  | { type: 'BOOKMARK'; version: number; initialEnd: boolean }

/** Time between bookmarks, in ms: about as often as a real API server sends them. */
const BOOKMARK_MS = 30_000

/**
 * Sends the events of a watch until the returned function is called.
 * Throws 410 if the version to go on from is no longer known.
 */
export function startWatch(
  store: Store,
  request: WatchRequest,
  send: (event: WatchEvent) => void,
): () => void {
  const { storage, namespace, from } = request
  const inScope = (object: ApiObject) =>
    (namespace === null || object.metadata.namespace === namespace) && request.select(object)

  const deliver = ({ object, old, type }: Change) => {
    const event = seenThrough(inScope, { type, object, old })
    if (event) send(event)
  }

  if (!from) {
    for (const object of store.list(storage, namespace ?? undefined)) {
      if (inScope(object)) send({ type: 'ADDED', object })
    }
    if (request.markInitialEnd) {
      send({ type: 'BOOKMARK', version: store.version, initialEnd: true })
    }
  }
  const unsubscribe = store.subscribe(storage, from || store.version, deliver)
  if (!request.bookmarks) return unsubscribe
  const timer = setInterval(
    () => send({ type: 'BOOKMARK', version: store.version, initialEnd: false }),
    BOOKMARK_MS,
  )
  return () => {
    clearInterval(timer)
    unsubscribe()
  }
}

/** An object that begins or ceases to match the selector appears or disappears for the watcher. */
function seenThrough(
  inScope: ObjectTest,
  { type, object, old }: Omit<Change, 'version'>,
): WatchEvent | null {
  const before = old !== null && inScope(old)
  if (type === 'DELETED') return before ? { type, object } : null
  const now = inScope(object)
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object }
  if (!before) return null
  // The watcher is told the last state that it could see, at the version at which it lost it.
  const { resourceVersion } = object.metadata
  return { type: 'DELETED', object: { ...old, metadata: { ...old.metadata, resourceVersion } } }
}
