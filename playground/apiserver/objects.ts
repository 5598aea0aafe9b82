/**
 * The write path: create, replace, patch, apply and delete, each through reading, defaults,
 * admission, validation and storing, in this order.
 */
import { randomUUID } from 'node:crypto'
import type { Admission, AdmissionRequest } from './admission.ts'
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  notFound,
} from './api-error.ts'
import { applyConfiguration } from './apply.ts'
import type { WriteOptions } from './caller.ts'
import { setDefaults } from './defaults.ts'
import { type DeleteOptions, decideDeletion, isFinished } from './deletion.ts'
import { applyDefaultLimits } from './limit-range.ts'
import { trackUpdate, type Writer } from './managed-fields.ts'
import { type ApiObject, isObject, type JsonObject, timestamp, valueAt } from './object.ts'
import { applyPatch } from './patch.ts'
import { addServiceAccount, initialPodStatus } from './pod-admission.ts'
import {
  asWebhooksSee,
  identityOf,
  newMetadata,
  nextState,
  readObject,
  sameContent,
  withGeneration,
} from './prepare.ts'
import type { Registry, Resource } from './resources.ts'
import { apiVersionOf, storageOf } from './resources.ts'
import { allocateAddresses } from './service-addresses.ts'
import type { Store } from './store.ts'
import { faultsOf } from './validation.ts'
import { convert } from './versions.ts'

/** Names one object. */
export interface ObjectRef {
  resource: Resource
  namespace: string | null
  name: string
  /** Only for writes; `status` writes nothing but the status. */
  subresource?: string | null
}

export interface ObjectsOptions {
  store: Store
  registry: Registry
  admission: Admission
  now: () => Date
}

/** Retries of a write without a version that others keep overtaking; etcd's client has five. */
const MAX_RETRIES = 5

export const APPLY_PATCH = 'application/apply-patch+yaml'

export class Objects {
  readonly store: Store
  readonly registry: Registry
  readonly now: () => Date
  readonly #admission: Admission

  constructor({ store, registry, admission, now }: ObjectsOptions) {
    this.store = store
    this.registry = registry
    this.now = now
    this.#admission = admission
  }

  find({ resource, namespace, name }: ObjectRef): ApiObject | undefined {
    const object = this.store.get(storageOf(resource), namespace ?? undefined, name)
    return object && convert(resource, object)
  }

  /** Throws 404 if there is no such object. */
  get(ref: ObjectRef): ApiObject {
    const object = this.find(ref)
    if (!object) throw notFound(ref.resource, ref.name)
    return object
  }

  async create(
    place: { resource: Resource; namespace: string | null; name?: string },
    body: unknown,
    options: WriteOptions,
  ): Promise<ApiObject> {
    const read = structuredClone(readObject(place.resource, body, options))
    return this.#createRead(place, read, this.#writer(options, null), options)
  }

  async #createRead(
    {
      resource,
      namespace,
      name = '',
    }: { resource: Resource; namespace: string | null; name?: string },
    read: ApiObject,
    writer: Writer,
    options: WriteOptions,
  ): Promise<ApiObject> {
    this.#requireNamespace(resource, namespace, read)
    const place = { namespace, name, uid: randomUUID(), time: timestamp(this.now()) }
    let object: ApiObject = { ...read, metadata: newMetadata(resource, read.metadata, place) }
    const ref = { resource, namespace, name: object.metadata.name }
    if (this.find(ref)) throw alreadyExists(resource, ref.name)
    // Only a node's own kubelet knows its status from the start.
    if (resource.subresources.includes('status') && resource.kind !== 'Node') delete object.status
    this.#complete(object, null)
    const request: AdmissionRequest = {
      ...this.#requestOf('CREATE', ref, options),
      object,
      old: null,
    }
    object = await this.#admit(request, object, null)
    if (this.find(ref)) throw alreadyExists(resource, ref.name)
    this.#requireNamespace(resource, namespace, object)
    // An applied object comes with its owners; anything else belongs to its creator.
    if (writer.operation === 'Update') {
      const { managedFields: _, ...metadata } = object.metadata
      object = trackUpdate(null, { ...object, metadata }, resource.type, writer)
    }
    this.#admission.settle({ ...request, object })
    if (options.dryRun) return object
    return this.store.put(storageOf(resource), object)
  }

  /** @param body must carry the version that it was read at, or none to overwrite whatever there is */
  async replace(ref: ObjectRef, body: unknown, options: WriteOptions): Promise<ApiObject> {
    const read = readObject(ref.resource, body, options)
    if (read.metadata.name && read.metadata.name !== ref.name) {
      throw badRequest(
        `the name of the object (${read.metadata.name}) does not match the name on the URL (${ref.name})`,
      )
    }
    return this.update(ref, () => structuredClone(read), options)
  }

  async patch(
    ref: ObjectRef,
    patch: { mediaType: string; body: unknown; force: boolean },
    options: WriteOptions,
  ): Promise<ApiObject> {
    if (patch.mediaType === APPLY_PATCH) return this.#apply(ref, patch.body, patch.force, options)
    return this.update(
      ref,
      (live) => {
        const patched = applyPatch(patch.mediaType, live, patch.body, ref.resource.type)
        return structuredClone(readObject(ref.resource, patched, options))
      },
      options,
    )
  }

  async #apply(
    ref: ObjectRef,
    body: unknown,
    force: boolean,
    options: WriteOptions,
  ): Promise<ApiObject> {
    if (isObject(body) && (body['apiVersion'] === undefined || body['kind'] === undefined)) {
      throw badRequest('an applied configuration needs apiVersion and kind')
    }
    if (isObject(body) && valueAt(body, ['metadata', 'managedFields']) !== undefined) {
      throw badRequest('metadata.managedFields must be nil')
    }
    const wanted = structuredClone(readObject(ref.resource, body, options))
    wanted.metadata.name ||= ref.name
    if (wanted.metadata.name !== ref.name) {
      throw badRequest(`name in the configuration (${wanted.metadata.name}) is not ${ref.name}`)
    }
    const writer: Writer = {
      ...this.#writer(options, ref.subresource ?? null),
      operation: 'Apply',
    }
    const apply = (live: ApiObject | null) =>
      structuredClone(applyConfiguration({ resource: ref.resource, live, wanted, writer, force }))
    if (this.find(ref)) return this.update(ref, apply, options, writer)
    if (ref.subresource) throw notFound(ref.resource, ref.name)
    options.beforeCreate?.()
    return this.#createRead(ref, apply(null), writer, options)
  }

  /**
   * Changes an object. If it changes meanwhile and the new state names no version, tries again.
   * @param change makes the new state from a stored one, which it must not touch
   */
  async update(
    ref: ObjectRef,
    change: (live: ApiObject) => ApiObject,
    options: WriteOptions,
    writer: Writer = this.#writer(options, ref.subresource ?? null),
  ): Promise<ApiObject> {
    for (let attempt = 0; ; attempt++) {
      const live = this.get(ref)
      const given = change(live)
      const version = given.metadata.resourceVersion
      const { uid } = given.metadata
      if (version && version !== live.metadata.resourceVersion) {
        throw conflict(ref.resource, ref.name)
      }
      if (uid && uid !== live.metadata.uid) {
        throw conflict(
          ref.resource,
          ref.name,
          `it now has the uid ${live.metadata.uid}, not ${uid}`,
        )
      }
      const next = await this.#nextOf(ref, live, given, options, writer)
      if (this.#isCurrent(ref, live)) return this.#storeNext(ref, live, next, options)
      if (attempt >= MAX_RETRIES) throw conflict(ref.resource, ref.name)
    }
  }

  #isCurrent(ref: ObjectRef, { metadata }: ApiObject): boolean {
    return this.get(ref).metadata.resourceVersion === metadata.resourceVersion
  }

  async #nextOf(
    ref: ObjectRef,
    live: ApiObject,
    given: ApiObject,
    options: WriteOptions,
    writer: Writer,
  ): Promise<ApiObject> {
    const { resource, subresource = null } = ref
    let next = nextState(resource, live, given, subresource)
    if (subresource === null) this.#complete(next, live)
    const request = { ...this.#requestOf('UPDATE', ref, options), object: next, old: live }
    next = await this.#admit(request, next, live)
    next = nextState(resource, live, next, subresource)
    next = withGeneration(live, next)
    return writer.operation === 'Apply' ? next : trackUpdate(live, next, resource.type, writer)
  }

  #storeNext(
    { resource }: ObjectRef,
    live: ApiObject,
    next: ApiObject,
    options: WriteOptions,
  ): ApiObject {
    if (sameContent(live, next)) return live
    if (options.dryRun) return next
    if (isFinished(next)) return this.store.remove(storageOf(resource), next)
    return this.store.put(storageOf(resource), next)
  }

  /** Returns the object's last state, or the one with its deletion mark if it is still held. */
  async remove(
    ref: ObjectRef,
    deletion: DeleteOptions,
    options: WriteOptions,
  ): Promise<{ object: ApiObject; gone: boolean }> {
    const live = this.get(ref)
    // Preconditions are checked before any webhook hears of it.
    decideDeletion(ref.resource, live, deletion, this.now())
    const request = {
      ...this.#requestOf('DELETE', ref, options),
      object: null,
      old: live,
      options: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', ...deletion },
    }
    await this.#admission.validate(request)
    const current = this.get(ref)
    const decision = decideDeletion(ref.resource, current, deletion, this.now())
    if (decision.do === 'nothing') return { object: current, gone: false }
    if (options.dryRun) return { object: current, gone: decision.do === 'remove' }
    const storage = storageOf(ref.resource)
    if (decision.do === 'remove') return { object: this.store.remove(storage, current), gone: true }
    const next = withGeneration(current, decision.next)
    if (isFinished(next)) return { object: this.store.remove(storage, next), gone: true }
    return { object: this.store.put(storage, next), gone: false }
  }

  #writer(options: WriteOptions, subresource: string | null): Writer {
    return {
      manager: options.manager,
      operation: 'Update',
      subresource,
      time: timestamp(this.now()),
    }
  }

  #requestOf(
    operation: AdmissionRequest['operation'],
    { resource, namespace, name, subresource = null }: ObjectRef,
    { user, dryRun, warnings, manager, internal = false }: WriteOptions,
  ): Omit<AdmissionRequest, 'object' | 'old'> {
    const kind = operation === 'CREATE' ? 'CreateOptions' : 'UpdateOptions'
    const options: JsonObject = { kind, apiVersion: 'meta.k8s.io/v1', fieldManager: manager }
    return {
      operation,
      resource,
      namespace,
      name,
      subresource,
      user,
      internal,
      dryRun,
      warnings,
      options,
    }
  }

  /** Webhooks, then the built-in steps again on what they made of it, then validation. */
  async #admit(
    request: AdmissionRequest,
    object: ApiObject,
    live: ApiObject | null,
  ): Promise<ApiObject> {
    const { resource } = request
    const shown = live ? object : asWebhooksSee(object)
    const mutated = await this.#admission.mutate({ ...request, object: shown })
    let next = object
    if (mutated !== shown) {
      const read = readObject(resource, mutated, { fieldValidation: 'Ignore', warnings: [] })
      next = structuredClone(read)
      next.metadata = { ...next.metadata, ...identityOf(object) }
      if (!request.subresource) this.#complete(next, live)
    }
    if (!request.subresource) {
      const faults = faultsOf(resource, next, live)
      if (faults.length > 0) throw invalid(resource, next.metadata.name, faults)
    }
    await this.#admission.validate({ ...request, object: live ? next : asWebhooksSee(next) })
    return next
  }

  /** Defaults, and what the server itself adds, in place. */
  #complete(object: ApiObject, live: ApiObject | null): void {
    setDefaults(object)
    if (object.kind === 'Service' && object.apiVersion === 'v1') {
      const services = this.registry.builtIn('v1', 'services')
      allocateAddresses(services, object, this.store.list(storageOf(services)), live)
      if (!live) object.status = { loadBalancer: {} }
    }
    if (object.kind === 'Pod' && object.apiVersion === 'v1' && !live) {
      addServiceAccount(object, this.#accountOf(object))
      applyDefaultLimits(this.store, object)
      object.status = initialPodStatus(object.spec ?? {})
    }
  }

  #accountOf(pod: ApiObject): ApiObject | undefined {
    const resource = this.registry.builtIn('v1', 'serviceaccounts')
    const name = String(pod.spec?.['serviceAccountName'] ?? 'default')
    const account = this.find({ resource, namespace: pod.metadata.namespace ?? null, name })
    // Each namespace gets the account `default` a moment after it appears.
    if (account || name === 'default') return account
    const pods = this.registry.builtIn('v1', 'pods')
    const why = `error looking up service account ${pod.metadata.namespace}/${name}: serviceaccount "${name}" not found`
    throw forbidden(pods, pod.metadata.name, why)
  }

  #requireNamespace(resource: Resource, namespace: string | null, object: ApiObject): void {
    if (!resource.namespaced) return
    if (!namespace) throw new ApiError(400, 'BadRequest', 'namespace is required')
    const namespaces = this.registry.builtIn('v1', 'namespaces')
    const found = this.get({ resource: namespaces, namespace: null, name: namespace })
    if (!found.metadata.deletionTimestamp || apiVersionOf(resource).includes('events')) return
    const name = object.metadata.name ?? object.metadata.generateName ?? ''
    throw forbidden(
      resource,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    )
  }
}
