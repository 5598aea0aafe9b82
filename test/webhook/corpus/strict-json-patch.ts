/** RFC 6902 by the letter: a second applier, so that no patch passes by the leniency of the library that made it. */
import { isDeepStrictEqual } from 'node:util'

interface Operation {
  op: string
  path: string
  value?: unknown
}

type Place = Record<string, unknown> | unknown[]

/** The patched copy; throws where the RFC says that the operation is in error. Knows what we send: add, remove, replace. */
export function applyStrictly(document: unknown, patch: readonly Operation[]): unknown {
  const copy = structuredClone(document)
  for (const { op, path, value } of patch) {
    const keys = pointer(path)
    const last = keys.pop()
    if (last === undefined) throw new Error(`${op} of the whole document`)
    const parent = keys.reduce<unknown>((place, key) => valueAt(place, key, path), copy)
    if (typeof parent !== 'object' || parent === null) throw new Error(`no parent of ${path}`)
    apply(parent as Place, last, { op, path, value: structuredClone(value) })
  }
  return copy
}

/** RFC 6901: `~1` before `~0`, so that `~01` becomes `~1`. */
function pointer(path: string): string[] {
  if (!path.startsWith('/')) throw new Error(`not a pointer: ${path}`)
  return path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function valueAt(place: unknown, key: string, path: string): unknown {
  if (Array.isArray(place)) return place[index(key, place.length - 1, path)]
  if (typeof place !== 'object' || place === null || !Object.hasOwn(place, key))
    throw new Error(`${path}: nothing at ${key}`)
  return (place as Record<string, unknown>)[key]
}

function index(key: string, most: number, path: string): number {
  if (!/^(0|[1-9]\d*)$/.test(key) || Number(key) > most) throw new Error(`${path}: no item ${key}`)
  return Number(key)
}

function apply(parent: Place, key: string, { op, path, value }: Operation): void {
  if (op !== 'add' && op !== 'remove' && op !== 'replace') throw new Error(`${op} is not known`)
  if (op !== 'remove' && value === undefined) throw new Error(`${op} ${path} has no value`)
  if (Array.isArray(parent)) {
    const at = index(key, op === 'add' ? parent.length : parent.length - 1, path)
    if (op === 'remove') parent.splice(at, 1)
    else parent.splice(at, op === 'add' ? 0 : 1, value)
    return
  }
  if (op !== 'add') valueAt(parent, key, path)
  if (op === 'remove') delete parent[key]
  else Object.defineProperty(parent, key, { value, ...ORDINARY })
}

/**
 * Whether two values are the same as JSON. Jest's own comparison takes seconds for large pods, and Node's
 * takes objects of another realm, such as its own clones in a test, for different ones.
 */
export function isSameJson(a: unknown, b: unknown): boolean {
  const fresh = (value: unknown) => JSON.parse(JSON.stringify(value))
  return isDeepStrictEqual(fresh(a), fresh(b))
}

/** A plain assignment to `__proto__` would not make a key. */
const ORDINARY = { enumerable: true, configurable: true, writable: true }
