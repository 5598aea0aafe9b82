/**
 * Adds fields to the end of a head that has none of their names, or the first one with a value of the same length:
 * what nearly every request gets that is sent on, traced by its sender or not. Their lines are made once and copied,
 * since from one request to the next only one value changes.
 */
import type { HeaderList } from '../../core/trace-record.ts'
import type { ByteStream } from '../stream.ts'
import { assertField, writeFieldValue } from './field-check.ts'
import type { Head } from './head.ts'

type Field = HeaderList[number]

const CRLF_BYTES = 2

/** The lines of a list and the blank line as bytes, in which the value of the first field is still to be written. */
class AddedFields {
  /** Lower-case names. */
  readonly names: readonly string[]
  readonly bytes: Buffer
  /** The same without the first field. */
  readonly otherNames: readonly string[]
  readonly otherBytes: Buffer
  readonly #set: HeaderList
  /** Where the first field's value stands. */
  readonly #at: number

  constructor(set: HeaderList) {
    this.names = set.map(([name]) => name.toLowerCase())
    const [first = '', ...others] = [...set.map(lineOf), '\r\n']
    this.bytes = Buffer.from(first + others.join(''), 'latin1')
    this.otherNames = this.names.slice(1)
    this.otherBytes = Buffer.from(others.join(''), 'latin1')
    this.#set = set
    this.#at = (set[0]?.[0].length ?? 0) + ': '.length
  }

  /** True for a list that differs in nothing but the first value: the other fields are the same objects. */
  fits(set: HeaderList): boolean {
    const known = this.#set
    if (set.length !== known.length) return false
    for (let i = 1; i < set.length; i++) if (set[i] !== known[i]) return false
    const [name, value] = set[0] as Field
    const [knownName, knownValue] = known[0] as Field
    return name === knownName && value.length === knownValue.length
  }

  /** Writes them behind the first line and the fields of a head. */
  write(set: HeaderList, out: Buffer, from: number): void {
    out.set(this.bytes, from)
    writeFieldValue(set[0] as Field, out, from + this.#at)
  }
}

/** Requests that a pod sends and those that it gets are given different fields, and so are those of another route. */
const TEMPLATES = 4
const templates: AddedFields[] = []
let oldest = 0

function templateOf(set: HeaderList): AddedFields {
  for (const template of templates) if (template.fits(set)) return template
  const template = new AddedFields(set)
  templates[oldest] = template
  oldest = (oldest + 1) % TEMPLATES
  return template
}

/**
 * The head with these fields in force, and room for `tail` bytes behind it; null if that takes more than to add them and
 * to write the first one's value over another.
 * @param set one field at least
 * @throws if a name or value could break out of its line
 */
export function withAdded(
  head: Head,
  set: HeaderList,
  tail: number,
  memory: Pick<ByteStream, 'room'>,
): Buffer | null {
  const template = templateOf(set)
  if (!head.lacksAll(template.names)) return withFirstReplaced(head, set, template, tail, memory)
  const kept = head.length - CRLF_BYTES
  const out = memory.room(kept + template.bytes.length + tail)
  head.buffer.copy(out, 0, head.from, head.from + kept)
  template.write(set, out, kept)
  return out
}

/** For a head that has the first field once, as long as it is to be, and none of the others. */
function withFirstReplaced(
  head: Head,
  set: HeaderList,
  { names, otherNames, otherBytes }: AddedFields,
  tail: number,
  memory: Pick<ByteStream, 'room'>,
): Buffer | null {
  const [name = ''] = names
  const first = set[0] as Field
  const at = head.find(name)
  if (at < 0 || head.find(name, at + 4) >= 0 || !head.lacksAll(otherNames)) return null
  const value = head.fields[at + 2] as number
  if ((head.fields[at + 3] as number) - value !== first[1].length) return null
  const kept = head.length - CRLF_BYTES
  const out = memory.room(kept + otherBytes.length + tail)
  head.buffer.copy(out, 0, head.from, head.from + kept)
  writeFieldValue(first, out, head.base + value - head.from)
  out.set(otherBytes, kept)
  return out
}

/** @throws if the name or value could break out of it */
export function lineOf(field: Field): string {
  assertField(field)
  return `${field[0]}: ${field[1]}\r\n`
}
