/** Sets single fields of a header list and leaves all others, and their order, as they are. */
import type { HeaderList } from '../../core/trace-record.ts'
import { type HeaderField, makeField } from './field.ts'

/**
 * The fields with each of `set` in force: the first of that name gets the value, further ones go, a
 * missing one is added last. `set` has lower-case names, at most 31.
 */
export function setFields(fields: readonly HeaderField[], set: HeaderList): readonly HeaderField[] {
  if (set.length === 0) return fields
  const edited: HeaderField[] = []
  let placed = 0
  for (const field of fields) {
    const at = indexIn(set, field.name)
    if (at < 0) edited.push(field)
    else if ((placed & (1 << at)) === 0) {
      placed |= 1 << at
      edited.push(makeField(field.name, (set[at] as [string, string])[1], field.neverIndexed))
    }
  }
  for (let at = 0; at < set.length; at++) {
    const [name, value] = set[at] as [string, string]
    if ((placed & (1 << at)) === 0) edited.push(makeField(name, value))
  }
  return edited
}

function indexIn(set: HeaderList, name: string): number {
  for (let at = 0; at < set.length; at++) if ((set[at] as [string, string])[0] === name) return at
  return -1
}
