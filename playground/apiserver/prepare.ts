/** The pure steps of a write: from a body to an object that may be stored. */
import { randomBytes } from 'node:crypto'
import { badRequest, invalid } from './api-error.ts'
import type { WriteOptions } from './caller.ts'
import { normalize } from './normalize.ts'
import { type ApiObject, isObject, type JsonObject, type Metadata, sameJson } from './object.ts'
import { apiVersionOf, type Resource } from './resources.ts'

/** Reads a body as an object of the resource; throws 400 for another kind or unknown fields. */
export function readObject(
  resource: Resource,
  body: unknown,
  { fieldValidation, warnings }: Pick<WriteOptions, 'fieldValidation' | 'warnings'>,
): ApiObject {
  if (!isObject(body)) throw badRequest('the body must be an object')
  const expected = apiVersionOf(resource)
  const apiVersion = body['apiVersion'] ?? expected
  const kind = body['kind'] ?? resource.kind
  if (apiVersion !== expected || kind !== resource.kind) {
    throw badRequest(
      `the API version and kind in the data (${apiVersion}, ${kind}) do not match the expected (${expected}, ${resource.kind})`,
    )
  }
  const { object, unknown } = normalize(resource.type, resource.kind, body)
  if (unknown.length > 0 && fieldValidation === 'Strict') {
    throw badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: strict decoding error: ${unknown.join(', ')}`,
    )
  }
  if (fieldValidation === 'Warn') warnings.push(...unknown)
  return { metadata: {}, ...object, apiVersion: expected, kind: resource.kind } as ApiObject
}

/** Characters of generated names: no vowels and nothing that looks like something else. */
const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** Five characters that tell generated names apart. */
export function nameSuffix(): string {
  return [...randomBytes(5)].map((byte) => NAME_ALPHABET[byte % NAME_ALPHABET.length]).join('')
}

/** Metadata of a new object; throws where name or namespace contradict the path. */
export function newMetadata(
  resource: Resource,
  given: Metadata,
  place: { namespace: string | null; name: string | null; uid: string; time: string },
): Metadata {
  const { namespace, uid, time } = place
  if (namespace && given.namespace && given.namespace !== namespace) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request (${given.namespace}, ${namespace})`,
    )
  }
  let name = given.name || place.name
  if (!name && given.generateName) name = `${given.generateName.slice(0, 58)}${nameSuffix()}`
  if (!name) {
    throw invalid(resource, '', [
      {
        reason: 'FieldValueRequired',
        field: 'metadata.name',
        message: 'Required value: name or generateName is required',
      },
    ])
  }
  const {
    resourceVersion: _,
    deletionTimestamp: __,
    deletionGracePeriodSeconds: ___,
    ...rest
  } = given
  const metadata: Metadata = { ...rest, name, uid, creationTimestamp: time, resourceVersion: '' }
  if (namespace) metadata.namespace = namespace
  else delete metadata.namespace
  if (hasGeneration(resource)) metadata.generation = 1
  return metadata
}

/** Kinds whose spec has a generation: those that something observes and reports on. */
function hasGeneration({ kind, type, subresources, plural }: Resource): boolean {
  if (kind === 'Pod') return true
  if (['namespaces', 'nodes', 'services'].includes(plural)) return false
  return (
    type === null || subresources.includes('status') || plural.endsWith('webhookconfigurations')
  )
}

/** What makes a new object this very one; no webhook may change it. */
export function identityOf({ metadata }: ApiObject): Metadata {
  const { name, namespace, generateName, uid, creationTimestamp, resourceVersion, generation } =
    metadata
  return {
    name,
    uid,
    creationTimestamp,
    resourceVersion,
    ...(namespace && { namespace }),
    ...(generateName && { generateName }),
    ...(generation !== undefined && { generation }),
  }
}

/**
 * A new object as admission webhooks see it: a real API server gives it its uid, its time and a
 * generated name only afterwards.
 */
export function asWebhooksSee(object: ApiObject): ApiObject {
  const { uid: _, resourceVersion: __, generation: ___, ...metadata } = object.metadata
  const shown: Partial<Metadata> = { ...metadata }
  delete shown.creationTimestamp
  if (shown.generateName && shown.name?.startsWith(shown.generateName)) delete shown.name
  return { ...object, metadata: shown as Metadata }
}

/** The next metadata: what the server owns stays, whatever the body says. */
function nextMetadata(live: Metadata, given: Metadata): Metadata {
  const metadata: Metadata = {
    ...given,
    name: live.name,
    uid: live.uid,
    creationTimestamp: live.creationTimestamp,
    resourceVersion: live.resourceVersion,
  }
  const owned = [
    'namespace',
    'generateName',
    'generation',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const
  for (const field of owned) {
    if (live[field] === undefined) delete metadata[field]
    else Object.assign(metadata, { [field]: live[field] })
  }
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
    const value = metadata[field]
    if (value && Object.keys(value).length === 0) delete metadata[field]
  }
  return metadata
}

/** The part of `next` that a write to this subresource may change, on top of what is stored. */
export function nextState(
  resource: Resource,
  live: ApiObject,
  next: ApiObject,
  subresource: string | null,
): ApiObject {
  if (subresource === 'status') {
    const metadata = { ...live.metadata }
    if (next.metadata.managedFields) metadata.managedFields = next.metadata.managedFields
    const { status: _, ...rest } = live
    return next.status === undefined
      ? { ...rest, metadata }
      : { ...rest, metadata, status: next.status }
  }
  const state: ApiObject = { ...next, metadata: nextMetadata(live.metadata, next.metadata) }
  if (resource.subresources.includes('status') && subresource === null) {
    if (live.status === undefined) delete state.status
    else state.status = live.status
  }
  return state
}

/** Whether two states differ in anything that a client set. */
export function sameContent(a: ApiObject, b: ApiObject): boolean {
  return sameJson(withoutBookkeeping(a), withoutBookkeeping(b))
}

function withoutBookkeeping(object: ApiObject): JsonObject {
  const { managedFields, resourceVersion: _, ...metadata } = object.metadata
  const owners = managedFields?.map(({ time: _time, ...entry }) => entry)
  return { ...object, metadata: { ...metadata, managedFields: owners } }
}

/** Raises the generation if anything but metadata and status changed. */
export function withGeneration(live: ApiObject, next: ApiObject): ApiObject {
  const { generation } = live.metadata
  if (generation === undefined) return next
  const { metadata: _a, status: _b, ...before } = live
  const { metadata: _c, status: _d, ...after } = next
  if (sameJson(before, after)) return next
  return { ...next, metadata: { ...next.metadata, generation: generation + 1 } }
}
