/** As much of an API server in memory as our programs use: get, list, watch, create, apply, replace, JSON patch. */
import jsonPatch, { type Operation } from 'fast-json-patch'
import { type ApplyOptions, type KubeClient, KubeError } from '../../../core/kube/client.ts'
import type { KubeObject } from '../../../core/kube/types.ts'

interface Watcher {
  collection: string
  /** The only name that it is told of; null: all. */
  name: string | null
  onLine: (line: string) => void
}

export class MemoryApi {
  readonly objects = new Map<string, KubeObject>()
  readonly calls: string[] = []
  readonly #watchers = new Set<Watcher>()
  #version = 0
  /** What the next creation at a path meets: another client that was faster. */
  readonly rivals = new Map<string, KubeObject>()
  /** Who has applied what is at a path. */
  readonly #managers = new Map<string, string>()
  /** Called before each write; what it throws is the answer. */
  refuse: (call: string) => void = () => {}

  /** Stores an object under `collection/name` and tells the watchers. */
  put(collection: string, object: KubeObject): void {
    this.#version += 1
    const stored = structuredClone(object)
    stored.metadata.resourceVersion = String(this.#version)
    const path = `${collection}/${stored.metadata.name}`
    const type = this.objects.has(path) ? 'MODIFIED' : 'ADDED'
    stored.metadata.uid ??= this.objects.get(path)?.metadata.uid ?? `uid-${this.#version}`
    this.objects.set(path, stored)
    this.#tell(collection, type, stored)
  }

  /** Takes an object out and tells the watchers. */
  remove(path: string): void {
    const object = this.objects.get(path)
    this.#version += 1
    this.objects.delete(path)
    this.#managers.delete(path)
    if (object) this.#tell(path.slice(0, path.lastIndexOf('/')), 'DELETED', object)
  }

  #tell(collection: string, type: string, object: KubeObject): void {
    for (const watcher of this.#watchers) {
      const isMeant = watcher.name === null || watcher.name === object.metadata.name
      if (watcher.collection === collection && isMeant)
        watcher.onLine(JSON.stringify({ type, object }))
    }
  }

  get client(): KubeClient {
    return {
      server: 'memory',
      namespace: 'default',
      get: async (path) => this.#read(path) as never,
      create: async (path, body) => this.#create(path, body as KubeObject) as never,
      patch: async (path, _type, body) => this.#patch(path, body as Operation[]) as never,
      apply: async (path, body, how) => this.#apply(path, body as KubeObject, how) as never,
      replace: async (path, body) => this.#replace(path, body as KubeObject) as never,
      delete: async () => this.#unexpected('delete'),
      text: async () => this.#unexpected('text'),
      lines: (path, onLine, signal) => this.#watch(path, onLine, signal),
    }
  }

  #read(path: string): unknown {
    this.calls.push(`GET ${path}`)
    const [collection = ''] = path.split('?')
    const object = this.objects.get(collection)
    if (object) return structuredClone(object)
    if (!path.includes('limit=')) throw new KubeError(404, 'NotFound', `${path} not found`)
    const name = nameIn(path)
    const items = [...this.objects].filter(([key]) =>
      name === null ? key.startsWith(`${collection}/`) : key === `${collection}/${name}`,
    )
    return structuredClone({
      metadata: { resourceVersion: String(this.#version) },
      items: items.map(([, item]) => item),
    })
  }

  #create(path: string, body: KubeObject): unknown {
    this.#write(`POST ${path}`)
    const rival = this.rivals.get(path)
    if (rival) this.put(path, rival)
    if (this.objects.has(`${path}/${body.metadata.name}`))
      throw new KubeError(409, 'AlreadyExists', `${path} exists`)
    this.put(path, body)
    return body
  }

  /** As much of server-side apply as one of ours meets: all fields of another manager are a conflict. */
  #apply(path: string, body: KubeObject, { manager, force }: ApplyOptions): unknown {
    this.#write(`APPLY ${path}`)
    const collection = path.slice(0, path.lastIndexOf('/'))
    const rival = this.rivals.get(path)
    this.rivals.delete(path)
    if (rival) this.put(collection, rival)
    if (this.objects.has(path) && this.#managers.get(path) !== manager && !force)
      throw new KubeError(409, 'Conflict', `${path} has another manager`)
    this.#managers.set(path, manager)
    this.put(collection, body)
    return this.objects.get(path)
  }

  #replace(path: string, body: KubeObject): unknown {
    this.#write(`PUT ${path}`)
    const known = this.objects.get(path)
    if (!known) throw new KubeError(404, 'NotFound', `${path} not found`)
    if (known.metadata.resourceVersion !== body.metadata.resourceVersion)
      throw new KubeError(409, 'Conflict', `${path} has been modified`)
    this.put(path.slice(0, path.lastIndexOf('/')), body)
    return this.objects.get(path)
  }

  #write(call: string): void {
    this.calls.push(call)
    this.refuse(call)
  }

  #patch(target: string, operations: Operation[]): unknown {
    this.#write(`PATCH ${target}`)
    const [path = ''] = target.split('?')
    const object = this.objects.get(path)
    if (!object) throw new KubeError(404, 'NotFound', `${path} not found`)
    const { newDocument } = jsonPatch.applyPatch(structuredClone(object), operations, true)
    this.put(path.slice(0, path.lastIndexOf('/')), newDocument)
    return newDocument
  }

  #watch(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const watcher = { collection: path.split('?')[0] ?? '', name: nameIn(path), onLine }
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      this.#watchers.add(watcher)
      signal.addEventListener('abort', () => {
        this.#watchers.delete(watcher)
        resolve()
      })
    })
  }

  #unexpected(verb: string): never {
    throw new Error(`our programs are not allowed to ${verb}`)
  }
}

/** The name to which a path's field selector limits a list. */
function nameIn(path: string): string | null {
  return /fieldSelector=metadata\.name%3D([^&]+)/.exec(path)?.[1] ?? null
}

export const COLLECTION = {
  namespaces: '/api/v1/namespaces',
  nodes: '/api/v1/nodes',
  services: '/api/v1/services',
  secrets: '/api/v1/namespaces/azds/secrets',
  configurations: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
}
