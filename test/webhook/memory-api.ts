/** As much of an API server in memory as the webhook uses: get, list, watch, create, JSON patch. */
import jsonPatch, { type Operation } from 'fast-json-patch'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'

type Watcher = { collection: string; onLine: (line: string) => void }

export class MemoryApi {
  readonly objects = new Map<string, KubeObject>()
  readonly calls: string[] = []
  readonly #watchers = new Set<Watcher>()
  #version = 0
  /** What the next creation of a path meets: another client that was faster. */
  readonly rivals = new Map<string, KubeObject>()

  /** Stores an object under `collection/name` and tells the watchers. */
  put(collection: string, object: KubeObject): void {
    this.#version += 1
    const stored = structuredClone(object)
    stored.metadata.resourceVersion = String(this.#version)
    const path = `${collection}/${stored.metadata.name}`
    const type = this.objects.has(path) ? 'MODIFIED' : 'ADDED'
    this.objects.set(path, stored)
    for (const watcher of this.#watchers) {
      if (watcher.collection === collection)
        watcher.onLine(JSON.stringify({ type, object: stored }))
    }
  }

  get client(): KubeClient {
    return {
      server: 'memory',
      namespace: 'default',
      get: async (path) => this.#read(path) as never,
      create: async (path, body) => this.#create(path, body as KubeObject) as never,
      patch: async (path, _type, body) => this.#patch(path, body as Operation[]) as never,
      apply: async () => this.#unexpected('apply'),
      replace: async () => this.#unexpected('replace'),
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
    const items = [...this.objects].filter(([key]) => key.startsWith(`${collection}/`))
    return structuredClone({
      metadata: { resourceVersion: String(this.#version) },
      items: items.map(([, item]) => item),
    })
  }

  #create(path: string, body: KubeObject): unknown {
    this.calls.push(`POST ${path}`)
    const rival = this.rivals.get(path)
    if (rival) this.put(path, rival)
    if (this.objects.has(`${path}/${body.metadata.name}`))
      throw new KubeError(409, 'AlreadyExists', `${path} exists`)
    this.put(path, body)
    return body
  }

  #patch(path: string, operations: Operation[]): unknown {
    this.calls.push(`PATCH ${path}`)
    const object = this.objects.get(path)
    if (!object) throw new KubeError(404, 'NotFound', `${path} not found`)
    const { newDocument } = jsonPatch.applyPatch(structuredClone(object), operations, true)
    this.put(path.slice(0, path.lastIndexOf('/')), newDocument)
    return newDocument
  }

  #watch(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const watcher = { collection: path.split('?')[0] ?? '', onLine }
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
    throw new Error(`the webhook is not allowed to ${verb}`)
  }
}

export const COLLECTION = {
  namespaces: '/api/v1/namespaces',
  nodes: '/api/v1/nodes',
  services: '/api/v1/services',
  secrets: '/api/v1/namespaces/azds/secrets',
  configurations: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
}
