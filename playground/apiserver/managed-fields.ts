/** Keeps `metadata.managedFields` true after each write: who set which field last. */
import {
  differenceOf,
  type FieldPath,
  type FieldSet,
  flatten,
  fromFieldsV1,
  toFieldsV1,
} from './field-set.ts'
import { type ApiObject, type ManagedFields, sameJson } from './object.ts'
import { rootType } from './schema.ts'

export interface Writer {
  /** `fieldManager` of the request, or the name of the client. */
  manager: string
  operation: 'Apply' | 'Update'
  subresource: string | null
  /** Kubernetes timestamp of the write. */
  time: string
}

/** Fields that identify an object or belong to the server; nobody owns them. */
const UNOWNED: readonly FieldPath[] = [
  'apiVersion',
  'kind',
  ...[
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'managedFields',
    'selfLink',
    'generateName',
  ].map((field) => `metadata\u0001f:${field}`),
].map((path) => `f:${path}`)

/** Fields of an object that somebody can own. */
export function ownedFields(object: ApiObject, type: string | null): FieldSet {
  return withoutUnowned(new Set(flatten(object, rootType(type)).keys()))
}

function withoutUnowned(set: FieldSet): FieldSet {
  for (const path of set) {
    if (UNOWNED.some((one) => path === one || path.startsWith(`${one}\u0001`))) set.delete(path)
  }
  return set
}

/** An entry of `managedFields`, with its fields as a set. */
export interface ManagerEntry extends Omit<ManagedFields, 'fieldsV1'> {
  fields: FieldSet
}

export function readManagers(object: ApiObject | null): ManagerEntry[] {
  return (object?.metadata.managedFields ?? []).map(({ fieldsV1, ...entry }) => ({
    ...entry,
    fields: fromFieldsV1(fieldsV1),
  }))
}

/** Entries whose last field went to somebody else vanish. */
export function writeManagers(object: ApiObject, entries: ManagerEntry[]): ApiObject {
  const managedFields = entries
    .filter(({ fields }) => fields.size > 0)
    .map(({ fields, ...entry }) => ({ ...entry, fieldsV1: toFieldsV1(fields) }))
  const { managedFields: _, ...metadata } = object.metadata
  return {
    ...object,
    metadata: managedFields.length > 0 ? { ...metadata, managedFields } : metadata,
  }
}

/** Whether an entry is the one that this writer's fields go into. */
export function isEntryOf(entry: ManagerEntry, writer: Writer): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === writer.operation &&
    (entry.subresource ?? null) === writer.subresource
  )
}

export function newEntry(writer: Writer, apiVersion: string, fields: FieldSet): ManagerEntry {
  return {
    manager: writer.manager,
    operation: writer.operation,
    apiVersion,
    time: writer.time,
    fieldsType: 'FieldsV1',
    ...(writer.subresource && { subresource: writer.subresource }),
    fields,
  }
}

/**
 * The entries after an ordinary write (create, update, patch): the writer owns what it changed,
 * nobody owns what went. A client may set the list itself, which is how `kubectl` moves an object
 * to server-side apply; an empty list clears it.
 */
export function trackUpdate(
  old: ApiObject | null,
  now: ApiObject,
  type: string | null,
  writer: Writer,
): ApiObject {
  const given = now.metadata.managedFields
  const replaced = given !== undefined && !sameJson(given, old?.metadata.managedFields ?? [])
  const entries = readManagers(replaced ? now : old)
  const root = rootType(type)
  const difference = differenceOf(old ? flatten(old, root) : new Map(), flatten(now, root))
  const changed = withoutUnowned(difference.changed)
  const removed = difference.removed
  for (const entry of entries) {
    if (isEntryOf(entry, writer)) continue
    for (const path of changed) entry.fields.delete(path)
    for (const path of removed) entry.fields.delete(path)
  }
  let own = entries.find((entry) => isEntryOf(entry, writer))
  if (!own && changed.size > 0) {
    own = newEntry(writer, now.apiVersion, new Set())
    entries.push(own)
  }
  if (own && (changed.size > 0 || removed.size > 0)) {
    for (const path of removed) own.fields.delete(path)
    for (const path of changed) own.fields.add(path)
    if (changed.size > 0) own.time = writer.time
  }
  return writeManagers(now, entries)
}
