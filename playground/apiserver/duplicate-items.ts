/** Items of a list that have the same key: server-side apply cannot tell them apart. */
import { ApiError } from './api-error.ts'
import {
  displayPath,
  type FieldPath,
  itemStep,
  mergesFields,
  pathOf,
  type Step,
} from './field-set.ts'
import { type ApiObject, isObject } from './object.ts'
import { childType, type FieldType, rootType } from './schema.ts'

interface Duplicate {
  list: FieldPath
  item: FieldPath
}

/** Throws what a real API server says of an applied configuration with two items of one key. */
export function refuseDuplicates(object: ApiObject, type: string | null): void {
  const found = duplicatesOf(object, rootType(type))
  if (found.length === 0) return
  const { namespace = '', name } = object.metadata
  const group = object.apiVersion.includes('/') ? object.apiVersion : `/${object.apiVersion}`
  const list = found
    .map(({ list, item }) => `${displayPath(list)}: duplicate entries for key ${displayPath(item)}`)
    .join('\n  ')
  throw new ApiError(
    500,
    '',
    `failed to create typed patch object (${namespace}/${name}; ${group}, Kind=${object.kind}): ${found.length > 1 ? `errors:\n  ${list}` : list}`,
  )
}

function duplicatesOf(object: ApiObject, type: FieldType): Duplicate[] {
  const found: Duplicate[] = []
  const visit = (value: unknown, fieldType: FieldType, steps: Step[]): void => {
    if (isObject(value) && mergesFields(fieldType)) {
      for (const [field, inner] of Object.entries(value)) {
        const innerType = childType(fieldType, field)
        if (innerType) visit(inner, innerType, [...steps, `f:${field}`])
      }
      return
    }
    if (!Array.isArray(value) || fieldType.is !== 'list' || fieldType.merge === 'atomic') return
    const seen = new Set<Step>()
    for (const item of value) {
      const step = itemStep(fieldType, item)
      if (seen.has(step)) found.push({ list: pathOf(steps), item: step })
      seen.add(step)
      if (fieldType.merge !== 'set') visit(item, fieldType.element, [...steps, step])
    }
  }
  visit(object, type, [])
  return found
}
