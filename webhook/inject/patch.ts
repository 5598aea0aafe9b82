/** The difference of two pods as a JSON patch (RFC 6902). The only importer of fast-json-patch. */
import jsonPatch, { type Operation } from 'fast-json-patch'
import type { Pod } from '../../core/kube/types.ts'

export type PatchOperation = Operation

/**
 * Operations that turn `before` into `after`; empty if they are equal.
 *
 * A plain comparison goes by index: one container put first would rewrite all that follow, field by
 * field. So what is gone by name is removed and what is new by name is added as a whole first, and only
 * the rest is compared.
 */
export function patchBetween(before: Pod, after: Pod): PatchOperation[] {
  const moves = LISTS.map((list) => movesOf(list, before.spec[list], after.spec[list]))
  const lists = moves.flatMap(({ list, result }) => (result ? [[list, result]] : []))
  const between = { ...before, spec: { ...before.spec, ...Object.fromEntries(lists) } }
  return [
    ...moves.flatMap(({ removals }) => removals),
    ...moves.flatMap(({ insertions }) => insertions),
    ...appliable(jsonPatch.compare(between, after), after),
  ]
}

/** A key that JSON may hold, and that appliers of patches in JavaScript refuse to touch. */
const REFUSED = '/__proto__'

/** What has such a key is replaced as a whole, where only a part of it would be. */
function appliable(operations: PatchOperation[], after: Pod): PatchOperation[] {
  const path = operations.find((operation) => operation.path.includes(REFUSED))?.path
  if (path === undefined) return operations
  const whole = path.slice(0, path.indexOf(REFUSED))
  const others = operations.filter((operation) => !`${operation.path}/`.startsWith(`${whole}/`))
  const value = jsonPatch.getValueByPointer(after, whole)
  return appliable([...others, { op: 'replace', path: whole, value }], after)
}

/** Lists of things with names. */
const LISTS = ['initContainers', 'containers', 'volumes'] as const
type List = (typeof LISTS)[number]

type Item = { name: string }

/**
 * What goes and comes in one list, and what it then is: found without applying a patch, which would copy
 * the pod with every step.
 */
function movesOf(list: List, before: Item[] | undefined, after: Item[] = []) {
  const removals: PatchOperation[] = []
  const insertions: PatchOperation[] = []
  // Without a list there is nothing to insert into: the comparison adds it as a whole.
  if (!before) return { list, removals, insertions, result: null }
  const wanted = namesOf(after)
  const result = before.filter(({ name }) => wanted.has(name))
  for (const [index, { name }] of before.entries()) {
    // From behind, so that each index is still true when its turn comes.
    if (!wanted.has(name)) removals.unshift({ op: 'remove', path: `/spec/${list}/${index}` })
  }
  const known = namesOf(result)
  for (const [index, value] of after.entries()) {
    if (known.has(value.name)) continue
    insertions.push({ op: 'add', path: `/spec/${list}/${index}`, value })
    result.splice(index, 0, value)
  }
  return { list, removals, insertions, result }
}

function namesOf(items: readonly Item[]): Set<string> {
  return new Set(items.map(({ name }) => name))
}

/** The pod with the patch applied as an API server does, as a new object; throws on a patch that does not fit. */
export function applyPatch(pod: Pod, patch: readonly PatchOperation[]): Pod {
  // `mutateDocument` false: applied to a copy.
  return jsonPatch.applyPatch(pod, [...patch], true, false).newDocument
}
