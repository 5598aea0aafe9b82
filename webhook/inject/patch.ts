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
  const removals = LISTS.flatMap((list) => removed(before, after, list))
  const kept = applyPatch(before, removals)
  const insertions = LISTS.flatMap((list) => inserted(kept, after, list))
  const between = applyPatch(kept, insertions)
  return [...removals, ...insertions, ...appliable(jsonPatch.compare(between, after), after)]
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

/** The pod with the patch applied, as a new object; throws on a patch that does not fit. */
export function applyPatch(pod: Pod, patch: readonly PatchOperation[]): Pod {
  // `mutateDocument` false: applied to a copy.
  return jsonPatch.applyPatch(pod, [...patch], true, false).newDocument
}

/** From behind, so that each index is still true when its turn comes. */
function removed({ spec: before }: Pod, { spec: after }: Pod, list: List): PatchOperation[] {
  const names = namesIn(after, list)
  return (before[list] ?? [])
    .flatMap(({ name }, index) =>
      names.has(name) ? [] : [{ op: 'remove' as const, path: `/spec/${list}/${index}` }],
    )
    .toReversed()
}

function inserted({ spec: before }: Pod, { spec: after }: Pod, list: List): PatchOperation[] {
  // Without a list there is nothing to insert into: the comparison adds it as a whole.
  if (!before[list]) return []
  const names = namesIn(before, list)
  return (after[list] ?? []).flatMap((value, index) =>
    names.has(value.name) ? [] : [{ op: 'add' as const, path: `/spec/${list}/${index}`, value }],
  )
}

function namesIn(spec: Pod['spec'], list: List): Set<string> {
  return new Set((spec[list] ?? []).map(({ name }) => name))
}
