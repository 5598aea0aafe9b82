/** The difference of two pods as a JSON patch (RFC 6902). The only importer of fast-json-patch. */
import jsonPatch, { type Operation } from 'fast-json-patch'
import type { Container, Pod } from '../../core/kube/types.ts'

export type PatchOperation = Operation

/**
 * Operations that turn `before` into `after`; empty if they are equal.
 *
 * A plain comparison goes by index: one container put first would rewrite all that follow, field by
 * field. So containers that are new by name are added whole first, and only the rest is compared.
 */
export function patchBetween(before: Pod, after: Pod): PatchOperation[] {
  const insertions = [
    ...insertedContainers(before, after, 'initContainers'),
    ...insertedContainers(before, after, 'containers'),
  ]
  const between = applyPatch(before, insertions)
  return [...insertions, ...jsonPatch.compare(between, after)]
}

/** The pod with the patch applied, as a new object; throws on a patch that does not fit. */
export function applyPatch(pod: Pod, patch: readonly PatchOperation[]): Pod {
  // `mutateDocument` false: applied to a copy.
  return jsonPatch.applyPatch(pod, [...patch], true, false).newDocument
}

function insertedContainers(
  before: Pod,
  after: Pod,
  list: 'initContainers' | 'containers',
): PatchOperation[] {
  const known = before.spec[list]
  // Without a list there is nothing to insert into: the comparison adds it as a whole.
  if (!known) return []
  const names = new Set(known.map(({ name }: Container) => name))
  return (after.spec[list] ?? []).flatMap((container: Container, index) =>
    names.has(container.name)
      ? []
      : [{ op: 'add' as const, path: `/spec/${list}/${index}`, value: container }],
  )
}
