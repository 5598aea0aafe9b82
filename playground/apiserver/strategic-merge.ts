/**
 * Strategic merge patches: like a JSON merge patch, but lists whose items have an identity are
 * merged item by item, and `$patch`, `$retainKeys`, `$setElementOrder/<list>` and
 * `$deleteFromPrimitiveList/<list>` direct the merge.
 */
import { badRequest } from './api-error.ts'
import { isObject, type JsonObject, sameJson } from './object.ts'
import { childType, type FieldType } from './schema.ts'

const ORDER = '$setElementOrder/'
const DELETE_FROM = '$deleteFromPrimitiveList/'

/** Returns the patched object; throws 400 for directives that make no sense. */
export function strategicMerge(live: JsonObject, patch: JsonObject, type: FieldType): JsonObject {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch)
  if (patch['$patch'] === 'delete') return {}
  const result: JsonObject = { ...live }
  const retain = patch['$retainKeys']
  if (Array.isArray(retain)) {
    for (const field of Object.keys(result)) if (!retain.includes(field)) delete result[field]
  }
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$')) continue
    if (value === null) delete result[field]
    else result[field] = mergeField(result[field], value, childType(type, field) ?? { is: 'any' })
  }
  applyListDirectives(result, patch, type)
  return result
}

function mergeField(live: unknown, patch: unknown, type: FieldType): unknown {
  if (isObject(patch)) return strategicMerge(isObject(live) ? live : {}, patch, type)
  if (!Array.isArray(patch) || type.is !== 'list' || type.merge === 'atomic') return patch
  const items = Array.isArray(live) ? live : []
  if (type.merge === 'set') {
    return [...items, ...patch.filter((item) => !items.includes(item))]
  }
  return mergeKeyedList(items, patch, patchKeyOf(type), type.element)
}

function patchKeyOf(type: FieldType & { is: 'list' }): string {
  if (typeof type.merge === 'string') return ''
  return type.merge.patchKey ?? (type.merge.keys[0] as string)
}

function mergeKeyedList(
  live: unknown[],
  patch: unknown[],
  key: string,
  element: FieldType,
): unknown[] {
  if (patch.some((item) => isObject(item) && isReplaceMarker(item))) {
    return patch.filter((item) => !(isObject(item) && isReplaceMarker(item)))
  }
  let result = [...live]
  for (const item of patch) {
    if (!isObject(item) || item[key] === undefined) {
      throw badRequest(
        `map: an item of the list in the patch does not contain declared merge key: ${key}`,
      )
    }
    const same = (one: unknown) => isObject(one) && one[key] === item[key]
    if (item['$patch'] === 'delete') {
      result = result.filter((one) => !same(one))
      continue
    }
    const index = result.findIndex(same)
    const merged = strategicMerge((result[index] as JsonObject) ?? {}, item, element)
    if (index < 0) result.push(merged)
    else result[index] = merged
  }
  return result
}

/** `{"$patch": "replace"}` as an item means that the other items replace the list. */
function isReplaceMarker(item: JsonObject): boolean {
  return item['$patch'] === 'replace' && Object.keys(item).length === 1
}

function applyListDirectives(result: JsonObject, patch: JsonObject, type: FieldType): void {
  for (const [directive, value] of Object.entries(patch)) {
    if (!Array.isArray(value)) continue
    if (directive.startsWith(DELETE_FROM)) {
      const field = directive.slice(DELETE_FROM.length)
      const list = result[field]
      if (Array.isArray(list)) result[field] = list.filter((item) => !value.includes(item))
    }
  }
  for (const [directive, value] of Object.entries(patch)) {
    if (!Array.isArray(value) || !directive.startsWith(ORDER)) continue
    const field = directive.slice(ORDER.length)
    const list = result[field]
    const listType = childType(type, field)
    if (Array.isArray(list) && listType?.is === 'list') {
      result[field] = ordered(list, value, patchKeyOf(listType))
    }
  }
}

/** Items that the order names come in that order; others keep their place before the next named. */
function ordered(list: unknown[], order: unknown[], key: string): unknown[] {
  const identity = (item: unknown) => (key && isObject(item) ? { [key]: item[key] } : item)
  const rank = (item: unknown) => order.findIndex((one) => sameJson(identity(one), identity(item)))
  const named = list.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b))
  // Items unknown to the patch's author were added by others: they stay where they are.
  return list.map((item) => (rank(item) >= 0 ? named.shift() : item))
}

function withoutDirectives(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([field]) => !field.startsWith('$')))
}
