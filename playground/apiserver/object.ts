/** What the API server stores: objects as they are on the wire, and the metadata that it owns. */
export type JsonObject = Record<string, unknown>

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** One writer's share of an object: which fields it set last. */
export interface ManagedFields {
  manager: string
  operation: 'Apply' | 'Update'
  apiVersion: string
  time?: string
  fieldsType: 'FieldsV1'
  fieldsV1: JsonObject
  subresource?: string
}

export interface Metadata {
  name: string
  namespace?: string
  generateName?: string
  uid: string
  resourceVersion: string
  generation?: number
  creationTimestamp: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
  managedFields?: ManagedFields[]
}

/** A stored object. Once stored it is never changed: each write stores a new one. */
export interface ApiObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  spec?: JsonObject
  status?: JsonObject
  [field: string]: unknown
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Reads a value by its path; undefined where the path ends early. */
export function valueAt(object: unknown, path: readonly string[]): unknown {
  let value = object
  for (const step of path) {
    if (!isObject(value)) return undefined
    value = value[step]
  }
  return value
}

/** Kubernetes writes times without fractions of a second. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`
}

/** Whether two values are the same JSON; a field that is undefined counts as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
  }
  if (!isObject(a) || !isObject(b)) return false
  const fields = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...fields].every((field) => sameJson(a[field], b[field]))
}
