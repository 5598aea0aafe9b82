/** The garbage collector: what is owned goes with its last owner. */
import { internalWrite } from '../apiserver/caller.ts'
import { FOREGROUND, ORPHAN } from '../apiserver/deletion.ts'
import type { ApiObject } from '../apiserver/object.ts'
import type { ObjectRef } from '../apiserver/objects.ts'
import { storageOf } from '../apiserver/resources.ts'
import type { Change } from '../apiserver/store.ts'
import type { Cluster } from './cluster.ts'
import { WorkQueue } from './work-queue.ts'

interface Known {
  ref: ObjectRef
  owners: string[]
}

const write = internalWrite('garbage-collector')
const NOTHING: ReadonlySet<string> = new Set()

/** Follows all objects. Keys of its queue are uids: of an owner that changed or of an owned object. */
export class GarbageCollector {
  readonly #cluster: Cluster
  readonly #queue: WorkQueue
  readonly #known = new Map<string, Known>()
  /** Uids of the objects that an owner owns. */
  readonly #dependents = new Map<string, Set<string>>()
  readonly #unfollow: () => void

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#queue = new WorkQueue('garbage-collector', (uid) => this.#reconcile(uid), cluster.log)
    const { store, registry } = cluster.objects
    for (const resource of registry.all()) {
      for (const object of store.list(storageOf(resource))) this.#learn(storageOf(resource), object)
    }
    this.#unfollow = store.follow((storage, change) => this.#onChange(storage, change))
  }

  async stop(): Promise<void> {
    this.#unfollow()
    await this.#queue.stop()
  }

  #onChange(storage: string, { type, object, old }: Change): void {
    const { uid } = object.metadata
    if (type === 'DELETED') {
      this.#forget(uid)
      // Whoever it owned may have to go; whoever owned it may wait for that.
      for (const dependent of this.#dependents.get(uid) ?? NOTHING) this.#queue.add(dependent)
      for (const { uid: owner } of object.metadata.ownerReferences ?? []) this.#queue.add(owner)
      return
    }
    if (!old || old.metadata.ownerReferences !== object.metadata.ownerReferences) {
      this.#forget(uid)
      this.#learn(storage, object)
    }
    if (object.metadata.deletionTimestamp) this.#queue.add(uid)
  }

  #learn(storage: string, object: ApiObject): void {
    const { uid, name, namespace = null, ownerReferences = [] } = object.metadata
    const resource = this.#cluster.objects.registry.all().find((one) => storageOf(one) === storage)
    if (!resource) return
    const owners = ownerReferences.map((owner) => owner.uid)
    this.#known.set(uid, { ref: { resource, namespace, name }, owners })
    for (const owner of owners) {
      const set = this.#dependents.get(owner) ?? new Set()
      this.#dependents.set(owner, set.add(uid))
    }
    // The owner may have gone before this one came.
    if (owners.length > 0 && !owners.some((owner) => this.#known.has(owner))) this.#queue.add(uid)
  }

  #forget(uid: string): void {
    for (const owner of this.#known.get(uid)?.owners ?? []) {
      const set = this.#dependents.get(owner)
      set?.delete(uid)
      if (set?.size === 0) this.#dependents.delete(owner)
    }
    this.#known.delete(uid)
  }

  async #reconcile(uid: string): Promise<void> {
    const known = this.#known.get(uid)
    const object = known && this.#cluster.objects.find(known.ref)
    if (!known || object?.metadata.uid !== uid) return
    const { finalizers = [], deletionTimestamp } = object.metadata
    if (deletionTimestamp && finalizers.includes(ORPHAN)) return this.#orphan(known, uid)
    if (deletionTimestamp && finalizers.includes(FOREGROUND)) return this.#foreground(known, uid)
    if (known.owners.length === 0) return
    const living = known.owners.filter((owner) => this.#known.has(owner))
    if (living.length === 0) await this.#remove(known.ref, {})
    else if (living.length < known.owners.length) await this.#dropOwners(known.ref, living)
  }

  /** First what it owns, then the object itself. */
  async #foreground({ ref }: Known, uid: string): Promise<void> {
    const dependents = [...(this.#dependents.get(uid) ?? NOTHING)]
    if (dependents.length === 0) return this.#dropFinalizer(ref, FOREGROUND)
    for (const dependent of dependents) {
      const one = this.#known.get(dependent)
      const object = one && this.#cluster.objects.find(one.ref)
      if (!one || !object || object.metadata.deletionTimestamp) continue
      const others = one.owners.filter((owner) => owner !== uid && this.#known.has(owner))
      if (others.length > 0) await this.#dropOwners(one.ref, others)
      else await this.#remove(one.ref, { propagationPolicy: 'Foreground' })
    }
  }

  async #orphan({ ref }: Known, uid: string): Promise<void> {
    for (const dependent of [...(this.#dependents.get(uid) ?? NOTHING)]) {
      const one = this.#known.get(dependent)
      const others = one?.owners.filter((owner) => owner !== uid)
      if (one && others) await this.#dropOwners(one.ref, others)
    }
    await this.#dropFinalizer(ref, ORPHAN)
  }

  async #dropFinalizer(ref: ObjectRef, finalizer: string): Promise<void> {
    await this.#update(ref, (live) => ({
      ...live,
      metadata: {
        ...live.metadata,
        finalizers: (live.metadata.finalizers ?? []).filter((one) => one !== finalizer),
      },
    }))
  }

  async #dropOwners(ref: ObjectRef, kept: readonly string[]): Promise<void> {
    await this.#update(ref, (live) => ({
      ...live,
      metadata: {
        ...live.metadata,
        ownerReferences: (live.metadata.ownerReferences ?? []).filter(({ uid }) =>
          kept.includes(uid),
        ),
      },
    }))
  }

  async #update(ref: ObjectRef, change: (live: ApiObject) => ApiObject): Promise<void> {
    const { objects } = this.#cluster
    if (!objects.find(ref)) return
    await objects.update(ref, (live) => structuredClone(change(live)), write)
  }

  async #remove(ref: ObjectRef, options: { propagationPolicy?: 'Foreground' }): Promise<void> {
    const { objects } = this.#cluster
    if (!objects.find(ref)) return
    await objects.remove(ref, options, write)
  }
}
