/**
 * Server-side apply: merges what one manager wants into an object, drops what it no longer wants,
 * and refuses to take fields that others own unless it is forced to.
 */
import { type FieldFault, managerConflict } from './api-error.ts'
import { refuseDuplicates } from './duplicate-items.ts'
import {
  differenceOf,
  displayPath,
  type FieldPath,
  type FieldSet,
  flatten,
  isBelow,
  itemStep,
  mergesFields,
  stepsOf,
} from './field-set.ts'
import {
  isEntryOf,
  type ManagerEntry,
  newEntry,
  ownedFields,
  readManagers,
  type Writer,
  writeManagers,
} from './managed-fields.ts'
import { type ApiObject, isObject, type JsonObject } from './object.ts'
import type { Resource } from './resources.ts'
import { childType, type FieldType, rootType } from './schema.ts'

export interface ApplyRequest {
  resource: Resource
  /** What is stored; null if the object is new. */
  live: ApiObject | null
  /** What the manager wants. */
  wanted: ApiObject
  writer: Writer
  /** Takes fields from their owners instead of failing. */
  force: boolean
}

/** Returns the next state of the object; throws 409 where other managers own fields that change. */
export function applyConfiguration(request: ApplyRequest): ApiObject {
  const { resource, live, wanted, writer } = request
  const type = rootType(resource.type)
  refuseDuplicates(wanted, resource.type)
  const managers = readManagers(live)
  const before = managers.find((entry) => isEntryOf(entry, writer))
  const others = managers.filter((entry) => entry !== before)
  const fields = ownedFields(wanted, resource.type)

  const merged = mergeValue(live ?? undefined, wanted, type) as ApiObject
  const kept = [...others.flatMap((entry) => [...entry.fields]), ...fields]
  const pruned = prune(merged, type, before?.fields ?? new Set(), new Set(kept))

  const difference = differenceOf(live ? flatten(live, type) : new Map(), flatten(pruned, type))
  resolveConflicts(request, others, intersection(difference.changed, fields))
  for (const entry of others) for (const path of difference.removed) entry.fields.delete(path)

  const own = newEntry(writer, wanted.apiVersion, fields)
  const unchanged = before && sameSet(before.fields, fields)
  if (unchanged && before.time && difference.changed.size === 0) own.time = before.time
  return writeManagers(pruned, [...others, own])
}

function resolveConflicts(
  { resource, wanted, force }: ApplyRequest,
  others: ManagerEntry[],
  changed: FieldSet,
): void {
  const faults: FieldFault[] = []
  for (const entry of others) {
    for (const path of intersection(changed, entry.fields)) {
      if (force) entry.fields.delete(path)
      else faults.push(conflictWith(entry, path))
    }
  }
  if (faults.length === 0) return
  const count = faults.length === 1 ? '1 conflict' : `${faults.length} conflicts`
  const list = faults.map(({ message, field }) => `${message}: ${field}`).join('\n- ')
  const text = `Apply failed with ${count}: ${faults.length === 1 ? list : `\n- ${list}`}`
  throw managerConflict(resource, wanted.metadata.name, faults, text)
}

function conflictWith(entry: ManagerEntry, path: FieldPath): FieldFault {
  const version = entry.operation === 'Update' ? ` using ${entry.apiVersion}` : ''
  const subresource = entry.subresource ? ` with subresource "${entry.subresource}"` : ''
  return {
    reason: 'FieldManagerConflict',
    message: `conflict with "${entry.manager}"${subresource}${version}`,
    field: displayPath(path),
  }
}

function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return new Set([...a].filter((path) => b.has(path)))
}

function sameSet(a: FieldSet, b: FieldSet): boolean {
  return a.size === b.size && [...a].every((path) => b.has(path))
}

/** The wanted value laid over the live one. */
function mergeValue(live: unknown, wanted: unknown, type: FieldType): unknown {
  if (isObject(wanted) && isObject(live) && mergesFields(type)) {
    const result: JsonObject = { ...live }
    for (const [field, value] of Object.entries(wanted)) {
      result[field] = mergeValue(live[field], value, childType(type, field) ?? { is: 'any' })
    }
    return result
  }
  if (Array.isArray(wanted) && Array.isArray(live) && type.is === 'list') {
    if (type.merge !== 'atomic') return mergeList(live, wanted, type)
  }
  return wanted
}

/** Wanted items keep their order; live items that are not wanted stay where they were around them. */
function mergeList(
  live: unknown[],
  wanted: unknown[],
  type: FieldType & { is: 'list' },
): unknown[] {
  const liveByStep = new Map(live.map((item) => [itemStep(type, item), item]))
  const wantedSteps = wanted.map((item) => itemStep(type, item))
  const wantedSet = new Set(wantedSteps)
  const result: unknown[] = []
  let next = 0
  const takeWantedUpTo = (step: string | null) => {
    const end = step === null ? wanted.length : wantedSteps.indexOf(step) + 1
    for (; next < end; next++) {
      const old = liveByStep.get(wantedSteps[next] as string)
      result.push(mergeValue(old, wanted[next], type.element))
    }
  }
  for (const item of live) {
    const step = itemStep(type, item)
    if (wantedSet.has(step)) takeWantedUpTo(step)
    else result.push(item)
  }
  takeWantedUpTo(null)
  return result
}

/** Takes away what the manager owned before and neither it nor anybody else wants now. */
function prune(object: ApiObject, type: FieldType, before: FieldSet, kept: FieldSet): ApiObject {
  const keptPaths = [...kept]
  const isKept = (path: FieldPath) => kept.has(path) || keptPaths.some((one) => isBelow(one, path))
  const dropped = [...before].filter((path) => !isKept(path))
  let result: unknown = object
  for (const path of dropped) result = without(result, type, stepsOf(path))
  return result as ApiObject
}

/** A copy without the field at `steps`; containers that become empty by it go too. */
function without(value: unknown, type: FieldType, [step, ...rest]: string[]): unknown {
  if (step === undefined) return undefined
  if (step.startsWith('f:') && isObject(value)) {
    const field = step.slice(2)
    if (!(field in value)) return value
    const inner = without(value[field], childType(type, field) ?? { is: 'any' }, rest)
    const { [field]: _, ...others } = value
    if (inner !== undefined) return { ...value, [field]: inner }
    return Object.keys(others).length > 0 ? others : undefined
  }
  if (!Array.isArray(value) || type.is !== 'list') return value
  const items = value.flatMap((item) => {
    if (itemStep(type, item) !== step) return [item]
    const inner = without(item, type.element, rest)
    return inner === undefined ? [] : [inner]
  })
  return items.length > 0 ? items : undefined
}
