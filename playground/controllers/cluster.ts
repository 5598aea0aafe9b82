/** The controllers' view of the API server, in the same process. */
import type { Log } from '../../core/log.ts'
import { ApiError } from '../apiserver/api-error.ts'
import { internalWrite, type WriteOptions } from '../apiserver/caller.ts'
import type { DeleteOptions } from '../apiserver/deletion.ts'
import { type ApiObject, timestamp } from '../apiserver/object.ts'
import type { Objects } from '../apiserver/objects.ts'
import { nameSuffix } from '../apiserver/prepare.ts'
import { type Resource, storageOf } from '../apiserver/resources.ts'
import type { Change } from '../apiserver/store.ts'
import type { AnyObject } from './kinds.ts'

/** Group and version of each kind that controllers touch. */
const API_VERSIONS = {
  configmaps: 'v1',
  customresourcedefinitions: 'apiextensions.k8s.io/v1',
  daemonsets: 'apps/v1',
  deployments: 'apps/v1',
  endpointslices: 'discovery.k8s.io/v1',
  events: 'v1',
  jobs: 'batch/v1',
  namespaces: 'v1',
  nodes: 'v1',
  poddisruptionbudgets: 'policy/v1',
  pods: 'v1',
  replicasets: 'apps/v1',
  resourcequotas: 'v1',
  serviceaccounts: 'v1',
  services: 'v1',
  statefulsets: 'apps/v1',
} as const

export type Plural = keyof typeof API_VERSIONS

export interface ObjectChange<T> {
  /** Null if it is gone. */
  now: T | null
  old: T | null
}

/** Splits `namespace/name`, or a name alone. */
export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) }
}

export function keyOf({ metadata }: AnyObject): string {
  return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name
}

/** Whether an error is the API server's answer of this reason. */
export function isApiError(error: unknown, reason: string): boolean {
  return error instanceof ApiError && error.reason === reason
}

export class Cluster {
  readonly objects: Objects
  readonly log: Log
  readonly #write: WriteOptions
  readonly #component: string

  /** @param component name of the controller, which appears in events and managed fields */
  constructor(objects: Objects, log: Log, component: string) {
    this.objects = objects
    this.log = log
    this.#component = component
    this.#write = internalWrite(component)
  }

  resource(plural: Plural): Resource {
    return this.objects.registry.builtIn(API_VERSIONS[plural], plural)
  }

  get now(): Date {
    return this.objects.now()
  }

  get time(): string {
    return timestamp(this.now)
  }

  list<T extends AnyObject>(plural: Plural, namespace?: string): T[] {
    return this.objects.store.list(
      storageOf(this.resource(plural)),
      namespace,
    ) as AnyObject[] as T[]
  }

  get<T extends AnyObject>(plural: Plural, key: string): T | undefined {
    const { namespace, name } = splitKey(key)
    return this.objects.store.get(storageOf(this.resource(plural)), namespace || undefined, name) as
      | T
      | undefined
  }

  async create<T extends AnyObject>(
    plural: Plural,
    namespace: string | null,
    body: object,
  ): Promise<T> {
    const place = { resource: this.resource(plural), namespace }
    return (await this.objects.create(place, body, this.#write)) as AnyObject as T
  }

  /** Changes an object's main part; does nothing if it is gone. */
  async change<T extends AnyObject>(
    plural: Plural,
    object: T,
    change: (live: T) => T,
  ): Promise<void> {
    await this.#update(plural, object, null, change)
  }

  /** Sets an object's status; does nothing if it is gone. */
  async setStatus<T extends AnyObject>(plural: Plural, object: T, status: object): Promise<void> {
    await this.#update(plural, object, 'status', (live) => ({ ...live, status }))
  }

  async #update<T extends AnyObject>(
    plural: Plural,
    { metadata }: T,
    subresource: 'status' | null,
    change: (live: T) => T,
  ): Promise<void> {
    const ref = {
      resource: this.resource(plural),
      namespace: metadata.namespace ?? null,
      name: metadata.name,
      subresource,
    }
    const apply = (live: ApiObject) => {
      if (live.metadata.uid !== metadata.uid) return live
      return structuredClone(change(live as AnyObject as T)) as AnyObject as ApiObject
    }
    await ignoreGone(this.objects.update(ref, apply, this.#write))
  }

  async remove(
    plural: Plural,
    { metadata }: AnyObject,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { namespace = null, name, uid } = metadata
    const ref = { resource: this.resource(plural), namespace, name }
    const deletion = { ...options, preconditions: { uid } }
    await ignoreGone(this.objects.remove(ref, deletion, this.#write))
  }

  /** Follows a kind: first what there is, then each change. @returns a function that ends it */
  watch<T extends AnyObject>(
    plural: Plural,
    listener: (change: ObjectChange<T>) => void,
  ): () => void {
    for (const object of this.list<T>(plural)) listener({ now: object, old: null })
    const { store } = this.objects
    return store.subscribe(storageOf(this.resource(plural)), store.version, (change: Change) => {
      const now = change.type === 'DELETED' ? null : (change.object as AnyObject as T)
      listener({ now, old: change.old as AnyObject | null as T | null })
    })
  }

  /** Records an event about an object; the same event again raises its count. */
  async event(
    about: AnyObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): Promise<void> {
    const namespace = about.metadata.namespace ?? 'default'
    const { uid } = about.metadata
    const same = this.list<AnyObject & { involvedObject?: { uid?: string } }>(
      'events',
      namespace,
    ).find(
      (event) =>
        event.involvedObject?.uid === uid &&
        event['reason'] === reason &&
        event['message'] === message,
    )
    if (same) {
      await this.change('events', same, (live) => ({
        ...live,
        count: Number(live['count'] ?? 1) + 1,
        lastTimestamp: this.time,
      }))
      return
    }
    const event = {
      metadata: { name: `${about.metadata.name}.${nameSuffix()}${nameSuffix()}` },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name: about.metadata.name,
        namespace: about.metadata.namespace,
        uid,
        resourceVersion: about.metadata.resourceVersion,
      },
      type,
      reason,
      message,
      source: { component: this.#component },
      reportingComponent: this.#component,
      firstTimestamp: this.time,
      lastTimestamp: this.time,
      count: 1,
    }
    // An event about something that is going away has nowhere to be kept.
    await ignoreGone(this.create('events', namespace, event))
  }
}

async function ignoreGone(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    // A conflict on delete means that another object has the name now: the one meant is gone.
    if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error
  }
}
