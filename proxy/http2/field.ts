/**
 * One header field of HTTP/2, judged once: HPACK's tables hold these objects, so that a field which
 * comes again as an index costs neither a string nor a check.
 */
import { TOKEN, VALUE } from '../http1/characters.ts'
import { type Indexing, indexingOf } from './hpack/indexing.ts'
import { STATIC_NAMES, STATIC_VALUES } from './hpack/static-table.ts'

/** What a name means to the rules of a message (RFC 9113 8). */
export type FieldRole =
  | 'ordinary'
  | 'pseudo-method'
  | 'pseudo-scheme'
  | 'pseudo-authority'
  | 'pseudo-path'
  | 'pseudo-status'
  | 'pseudo-unknown'
  | 'content-length'
  | 'host'
  | 'te'
  /** A field that speaks of an HTTP/1 connection (8.2.2). */
  | 'connection-specific'

export interface HeaderField {
  /** Lower case; latin1 as on the wire. */
  readonly name: string
  readonly value: string
  /** The sender wants no one on the way to put it into a table (RFC 7541 6.2.3). */
  readonly neverIndexed: boolean
  readonly role: FieldRole
  /** What makes any message with this field malformed, and the rule; null if nothing does. */
  readonly fault: string | null
  /** What an encoder's table is to make of it. */
  readonly indexing: Indexing
  /** Index in the static table of name and value; 0 for none. */
  readonly staticIndex: number
  /** Index in the static table of the first entry with this name; 0 for none. */
  readonly staticName: number
}

const ROLES: ReadonlyMap<string, FieldRole> = new Map<string, FieldRole>([
  [':method', 'pseudo-method'],
  [':scheme', 'pseudo-scheme'],
  [':authority', 'pseudo-authority'],
  [':path', 'pseudo-path'],
  [':status', 'pseudo-status'],
  ['content-length', 'content-length'],
  ['host', 'host'],
  ['te', 'te'],
  ['connection', 'connection-specific'],
  ['proxy-connection', 'connection-specific'],
  ['keep-alive', 'connection-specific'],
  ['transfer-encoding', 'connection-specific'],
  ['upgrade', 'connection-specific'],
])

const COLON = 0x3a
const SP = 0x20
const HTAB = 0x09

const FAULT = {
  emptyName: 'a field without a name (RFC 9113 8.2.1)',
  upperCase: 'an upper-case letter in a field name (RFC 9113 8.2.1)',
  name: 'a character that no field name may have (RFC 9113 8.2.1)',
  value: 'a control character in a field value (RFC 9113 8.2.1)',
  blank: 'whitespace at the beginning or end of a field value (RFC 9113 8.2.1)',
} as const

/** What is known of a name, whatever the value. */
interface NameFacts {
  role: FieldRole
  fault: string | null
  indexing: Indexing
  staticName: number
  /** Static entries by value; null for none. */
  staticValues: ReadonlyMap<string, number> | null
}

/** Names that have come. Apps use few; beyond this number the rest is judged each time. */
const MAX_KNOWN_NAMES = 1_000
const known = new Map<string, NameFacts>()

/** Makes a field of latin1 strings; `neverIndexed` as it was received, or for a secret of ours. */
export function makeField(name: string, value: string, neverIndexed = false): HeaderField {
  const { role, fault, indexing, staticName, staticValues } = known.get(name) ?? judgeName(name)
  return {
    name,
    value,
    neverIndexed,
    role,
    fault: fault ?? valueFault(value),
    indexing,
    staticIndex: staticValues === null ? 0 : (staticValues.get(value) ?? 0),
    staticName,
  }
}

function judgeName(name: string): NameFacts {
  const isPseudo = name.charCodeAt(0) === COLON
  const facts: NameFacts = {
    role: ROLES.get(name) ?? (isPseudo ? 'pseudo-unknown' : 'ordinary'),
    fault: nameFault(name, isPseudo),
    indexing: indexingOf(name),
    staticName: STATIC_NAMES.get(name) ?? 0,
    staticValues: STATIC_VALUES.get(name) ?? null,
  }
  if (known.size < MAX_KNOWN_NAMES && name.length <= 64) known.set(name, facts)
  return facts
}

/** An unknown pseudo-field is for the rules of the message to refuse, whatever its characters. */
function nameFault(name: string, isPseudo: boolean): string | null {
  if (name === '') return FAULT.emptyName
  for (let i = isPseudo ? 1 : 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code >= 0x41 && code <= 0x5a) return FAULT.upperCase
    if (TOKEN[code] !== 1) return FAULT.name
  }
  return null
}

function valueFault(value: string): string | null {
  if (value === '') return null
  for (let i = 0; i < value.length; i++) {
    if (VALUE[value.charCodeAt(i)] !== 1) return FAULT.value
  }
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1))) {
    return FAULT.blank
  }
  return null
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB
}
