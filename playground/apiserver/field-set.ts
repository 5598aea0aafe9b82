/**
 * Sets of an object's fields as server-side apply knows them: which fields an object has, how two
 * states differ, and the FieldsV1 notation in which `managedFields` records who set them.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
import { isObject, type JsonObject, sameJson } from './object.ts'
import { childType, type FieldType } from './schema.ts'

/** One step: `f:name`, `k:{"name":"web"}` or `v:"value"`. */
export type Step = string
/** Steps joined by a character that no name contains. */
export type FieldPath = string
export type FieldSet = Set<FieldPath>

const JOIN = '\u0001'

export function stepsOf(path: FieldPath): Step[] {
  return path.split(JOIN)
}

export function pathOf(steps: readonly Step[]): FieldPath {
  return steps.join(JOIN)
}

/** Whether `path` lies below `ancestor`. */
export function isBelow(path: FieldPath, ancestor: FieldPath): boolean {
  return path.startsWith(ancestor + JOIN)
}

/** The step that names an item of a keyed list or of a set. */
export function itemStep(type: FieldType & { is: 'list' }, item: unknown): Step {
  if (type.merge === 'set' || type.merge === 'atomic') return `v:${JSON.stringify(item)}`
  const { keys, defaults = {} } = type.merge
  const identity: JsonObject = {}
  // Sorted, as the real server writes them, so that equal items have equal steps.
  for (const key of [...keys].sort()) {
    identity[key] = (isObject(item) ? item[key] : undefined) ?? defaults[key]
  }
  return `k:${JSON.stringify(identity)}`
}

const LEAF = Symbol('not a leaf')
/** All fields of an object with the values of its leaves. */
export type FlatObject = Map<FieldPath, unknown>

/** Lists an object's fields. Leaves carry their value, inner members a marker. */
export function flatten(object: JsonObject, type: FieldType): FlatObject {
  const flat: FlatObject = new Map()

  const visit = (value: unknown, fieldType: FieldType, steps: Step[]): void => {
    if (isObject(value) && mergesFields(fieldType)) {
      if (Object.keys(value).length === 0 && steps.length > 0) flat.set(pathOf(steps), value)
      for (const [field, inner] of Object.entries(value)) {
        const innerType = childType(fieldType, field)
        if (inner === undefined || !innerType) continue
        const path = [...steps, `f:${field}`]
        visit(inner, innerType, path)
        if (fieldType.is === 'map' && !flat.has(pathOf(path))) flat.set(pathOf(path), LEAF)
      }
      return
    }
    if (Array.isArray(value) && fieldType.is === 'list' && fieldType.merge !== 'atomic') {
      for (const item of value) {
        const path = [...steps, itemStep(fieldType, item)]
        if (fieldType.merge !== 'set') visit(item, fieldType.element, path)
        if (!flat.has(pathOf(path))) flat.set(pathOf(path), LEAF)
      }
      return
    }
    flat.set(pathOf(steps), value)
  }

  visit(object, type, [])
  return flat
}

/** Whether an object of this type is merged field by field. */
export function mergesFields(type: FieldType): boolean {
  if (type.is === 'any') return true
  return (type.is === 'struct' || type.is === 'map') && !type.atomic
}

export interface Difference {
  /** Added, or with another value. */
  changed: FieldSet
  removed: FieldSet
}

export function differenceOf(old: FlatObject, now: FlatObject): Difference {
  const changed: FieldSet = new Set()
  const removed: FieldSet = new Set()
  for (const [path, value] of now) {
    if (!old.has(path) || !sameJson(old.get(path), value)) changed.add(path)
  }
  for (const path of old.keys()) if (!now.has(path)) removed.add(path)
  return { changed, removed }
}

/** Writes a set in the notation of `managedFields`. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const tree: JsonObject = {}
  for (const path of [...set].sort()) {
    let node = tree
    for (const step of stepsOf(path)) {
      node[step] ??= {}
      node = node[step] as JsonObject
    }
    node['.'] = {}
  }
  return withoutLeafDots(tree)
}

/** A member without members below it is written `{}`, not `{".": {}}`. */
function withoutLeafDots(node: JsonObject): JsonObject {
  const steps = Object.keys(node)
  if (steps.length === 1 && steps[0] === '.') return {}
  return Object.fromEntries(
    Object.entries(node).map(([step, inner]) => [
      step,
      step === '.' ? {} : withoutLeafDots(inner as JsonObject),
    ]),
  )
}

/** Reads the notation of `managedFields`; what is malformed is left out. */
export function fromFieldsV1(fields: unknown): FieldSet {
  const set: FieldSet = new Set()
  const visit = (node: unknown, steps: Step[]): void => {
    if (!isObject(node)) return
    const inner = Object.entries(node)
    if (inner.length === 0 && steps.length > 0) set.add(pathOf(steps))
    for (const [step, below] of inner) {
      if (step === '.') set.add(pathOf(steps))
      else visit(below, [...steps, step])
    }
  }
  visit(fields, [])
  return set
}

/** `.spec.containers[name="web"].image`, as `kubectl` prints it. */
export function displayPath(path: FieldPath): string {
  return stepsOf(path)
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`
      if (step.startsWith('v:')) return `[=${step.slice(2)}]`
      const keys = Object.entries(JSON.parse(step.slice(2)) as JsonObject)
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
    })
    .join('')
}
