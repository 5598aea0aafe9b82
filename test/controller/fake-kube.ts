/** An API server in memory for tests: collections that can be listed, watched and changed. */
import type { KubeClient } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'

export type Collection = 'namespaces' | 'services' | 'endpointslices' | 'pods'

const unsupported = async () => {
  throw new Error('fake API server: only list and watch are there')
}

export class FakeKube implements KubeClient {
  readonly server = 'fake'
  readonly namespace = 'default'
  readonly create = unsupported
  readonly replace = unsupported
  readonly patch = unsupported
  readonly delete = unsupported
  readonly apply = unsupported
  readonly text = unsupported
  /** Paths that were listed, as asked. */
  readonly listed: string[] = []
  /** While set, lists wait for it. */
  hold: Promise<void> | null = null
  readonly #objects = new Map<Collection, Map<string, KubeObject>>()
  readonly #watchers = new Map<Collection, Set<(line: string) => void>>()
  #version = 1

  async get<T>(path: string): Promise<T> {
    await this.hold
    this.listed.push(path)
    const items = [...(this.#objects.get(collectionOf(path))?.values() ?? [])]
    return { metadata: { resourceVersion: String(this.#version) }, items } as T
  }

  async lines(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const watchers = this.#watchersOf(collectionOf(path))
    watchers.add(onLine)
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    watchers.delete(onLine)
  }

  /** Makes or changes an object, as `kubectl apply` does. */
  put(collection: Collection, object: KubeObject): void {
    this.#version += 1
    const stored = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    }
    const objects = this.#objects.get(collection) ?? new Map()
    this.#objects.set(collection, objects)
    const known = objects.has(keyOf(object))
    objects.set(keyOf(object), stored)
    this.#tell(collection, known ? 'MODIFIED' : 'ADDED', stored)
  }

  remove(collection: Collection, object: KubeObject): void {
    this.#version += 1
    this.#objects.get(collection)?.delete(keyOf(object))
    this.#tell(collection, 'DELETED', object)
  }

  #tell(collection: Collection, type: string, object: KubeObject): void {
    for (const watcher of this.#watchersOf(collection)) watcher(JSON.stringify({ type, object }))
  }

  #watchersOf(collection: Collection): Set<(line: string) => void> {
    const watchers = this.#watchers.get(collection) ?? new Set()
    this.#watchers.set(collection, watchers)
    return watchers
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`
}

function collectionOf(path: string): Collection {
  return (path.split('?')[0] ?? '').split('/').at(-1) as Collection
}
