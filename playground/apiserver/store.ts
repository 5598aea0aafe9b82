/** The objects, the one counter of versions, and a bounded history so that watches can resume. */
import { gone } from './api-error.ts'
import type { ApiObject } from './object.ts'

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED'

export interface Change {
  type: ChangeType
  version: number
  /** The object after the change; for DELETED its last state, with the version of the deletion. */
  object: ApiObject
  /** The object before the change. */
  old: ApiObject | null
}

export type Listener = (change: Change) => void

interface Collection {
  objects: Map<string, ApiObject>
  history: Change[]
  /** Version of the newest change that is no longer in the history. */
  forgotten: number
  listeners: Set<Listener>
}

/**
 * Changes kept of each collection. A client that comes back after more of them has to list again;
 * etcd keeps five minutes of them, which in a playground is far fewer than this.
 */
const HISTORY = 2000

function keyOf(namespace: string | undefined, name: string): string {
  return namespace ? `${namespace}/${name}` : name
}

export class Store {
  readonly #collections = new Map<string, Collection>()
  readonly #historySize: number
  readonly #followers = new Set<(storage: string, change: Change) => void>()
  #version = 1

  /** @param historySize changes kept of each collection */
  constructor(historySize: number = HISTORY) {
    this.#historySize = historySize
  }

  /** Version of the latest change of anything. */
  get version(): number {
    return this.#version
  }

  #collection(storage: string): Collection {
    let collection = this.#collections.get(storage)
    if (!collection) {
      collection = { objects: new Map(), history: [], forgotten: 0, listeners: new Set() }
      this.#collections.set(storage, collection)
    }
    return collection
  }

  get(storage: string, namespace: string | undefined, name: string): ApiObject | undefined {
    return this.#collections.get(storage)?.objects.get(keyOf(namespace, name))
  }

  /** Objects of one namespace, or of all, sorted by namespace and name. */
  list(storage: string, namespace?: string): ApiObject[] {
    const objects = this.#collections.get(storage)?.objects
    if (!objects) return []
    const prefix = namespace ? `${namespace}/` : ''
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort()
    return keys.map((key) => objects.get(key) as ApiObject)
  }

  /** Stores a new object or the next state of one, and returns it with its version. */
  put(storage: string, object: ApiObject): ApiObject {
    const collection = this.#collection(storage)
    const key = keyOf(object.metadata.namespace, object.metadata.name)
    const old = collection.objects.get(key) ?? null
    const next = this.#stamp(object)
    collection.objects.set(key, next)
    this.#publish(storage, collection, { type: old ? 'MODIFIED' : 'ADDED', object: next, old })
    return next
  }

  remove(storage: string, object: ApiObject): ApiObject {
    const collection = this.#collection(storage)
    const key = keyOf(object.metadata.namespace, object.metadata.name)
    const old = collection.objects.get(key) ?? null
    const last = this.#stamp(object)
    collection.objects.delete(key)
    this.#publish(storage, collection, { type: 'DELETED', object: last, old })
    return last
  }

  /**
   * Follows a collection. Changes after `from` that have already happened come first, before this
   * returns. Throws 410 if the history does not reach back to `from`.
   * @returns a function that ends it
   */
  subscribe(storage: string, from: number, listener: Listener): () => void {
    const collection = this.#collection(storage)
    if (from < collection.forgotten || from > this.#version) {
      throw gone(`too old resource version: ${from} (${this.#version})`)
    }
    for (const change of collection.history) if (change.version > from) listener(change)
    collection.listeners.add(listener)
    return () => collection.listeners.delete(listener)
  }

  /** Follows all collections, from now on. @returns a function that ends it */
  follow(listener: (storage: string, change: Change) => void): () => void {
    this.#followers.add(listener)
    return () => this.#followers.delete(listener)
  }

  #stamp(object: ApiObject): ApiObject {
    this.#version += 1
    return { ...object, metadata: { ...object.metadata, resourceVersion: `${this.#version}` } }
  }

  #publish(storage: string, collection: Collection, change: Omit<Change, 'version'>): void {
    const full: Change = { ...change, version: this.#version }
    collection.history.push(full)
    if (collection.history.length > this.#historySize) {
      // A quarter at a time, so that the array is not moved on each change.
      const dropped = collection.history.splice(0, Math.ceil(this.#historySize / 4))
      collection.forgotten = dropped.at(-1)?.version ?? collection.forgotten
    }
    for (const listener of [...collection.listeners]) listener(full)
    for (const listener of [...this.#followers]) listener(storage, full)
  }
}
