/**
 * One collection may be served in several versions. Events are in two groups with different field
 * names: the translation.
 */
import type { ApiObject, JsonObject } from './object.ts'
import { apiVersionOf, type Resource } from './resources.ts'

/** Pairs of fields that hold the same: core, then events.k8s.io. */
const FIELDS: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
]

/** The object as this resource serves it; mostly the same object. */
export function convert(resource: Resource, object: ApiObject): ApiObject {
  const apiVersion = apiVersionOf(resource)
  if (object.apiVersion === apiVersion) return object
  // Versions of a custom resource differ in nothing but their name here.
  if (object.kind !== 'Event') return { ...object, apiVersion }
  const toCore = apiVersion === 'v1'
  const names = new Map(FIELDS.map(([core, events]) => (toCore ? [events, core] : [core, events])))
  const result: JsonObject = {}
  for (const [field, value] of Object.entries(object)) result[names.get(field) ?? field] = value
  return { ...(result as ApiObject), apiVersion }
}
