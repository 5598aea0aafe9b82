/** How long a head may be, and what of it does not count. */
import { HEADER } from '../../core/names.ts'
import { LOWER } from './characters.ts'

/**
 * Longest head, bytes. Above nginx's (32 KiB), Node's (16 KiB) and Envoy's (60 KiB) default, so that
 * the sidecar is not what refuses a head that the app would take; an attacker's cost is one such
 * buffer a connection.
 */
export const MAX_HEAD_BYTES = 65_536

/**
 * Room for what other sidecars have written into a head, bytes: a head that the first one takes must not
 * be too long for the second. `traceparent` takes 70, `azds-hop` 13, `azds-route-as` 80 at the most;
 * `Connection: close` in an answer 19.
 */
export const OWN_FIELDS_BYTES = 256

const OWN_FIELDS = {
  request: [HEADER.traceparent, HEADER.hop, HEADER.routeAs],
  response: ['connection'],
} as const

/** A head as offsets into a buffer: four for each field, counted from the first one. */
export interface MeasuredHead {
  buffer: Buffer
  /** Where the first field begins in the buffer. */
  base: number
  fields: readonly number[]
  /** Of the whole head, first line included, and of that line. */
  length: number
  lineLength: number
}

/** Whether a complete head is beyond the limit, sidecars' own fields not counted. */
export function isTooLong(kind: 'request' | 'response', head: MeasuredHead): boolean {
  const { fields, length, lineLength } = head
  if (length <= MAX_HEAD_BYTES) return false
  let own = 0
  for (let i = 0; i < fields.length; i += 4) {
    // A line reaches to the next one's name, or to the blank line.
    const end = fields[i + 4] ?? length - lineLength - 2
    if (OWN_FIELDS[kind].some((name) => isNamed(head, i, name))) own += end - (fields[i] as number)
  }
  return length - own > MAX_HEAD_BYTES
}

function isNamed({ buffer, base, fields }: MeasuredHead, field: number, name: string): boolean {
  const from = fields[field] as number
  if ((fields[field + 1] as number) - from !== name.length) return false
  for (let k = 0; k < name.length; k++) {
    if (LOWER[buffer[base + from + k] as number] !== name.charCodeAt(k)) return false
  }
  return true
}
