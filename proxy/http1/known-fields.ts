/**
 * Remembers the fields of heads that were read before. A client mostly sends the same ones with every
 * request, and a server with every answer of a second; to compare them is many times cheaper than to read
 * them, and whatever was found out about them need not be found out again. Equal bytes have equal parts, and so have
 * bytes that differ in a value of a varying field alone (`varying-fields.ts`).
 */
import { LF } from './characters.ts'
import { FieldSet } from './field-set.ts'
import { isWholeValue } from './varying-fields.ts'

/** Sets that are told apart by their first bytes, and how many of each kind there is room for. */
const KINDS = 16
const WAYS = 8

/**
 * Longest set that is remembered, bytes; browsers' have some 800. With `KINDS` and `WAYS` it bounds what
 * is kept at 256 KiB, and as much as text.
 */
const MOST_BYTES = 2_048

/** Shortest, bytes: as many are looked at to tell the kind. */
const LEAST_BYTES = 8

/** Up to so many bytes are compared one by one: less than it takes to call Node for it. */
const SHORT_BYTES = 256

/**
 * After so many sets of a kind that were not known, only one in `LEARNT_ONE_IN` is learnt until one is met
 * again: fields that never come twice (a nonce in a cookie) are not worth a copy.
 */
const STRANGERS = 8
const LEARNT_ONE_IN = 64

export class KnownFields {
  readonly #sets: (FieldSet | null)[] = new Array<FieldSet | null>(KINDS * WAYS).fill(null)
  /** By kind: where the next one goes, and how many were not known since one was. */
  readonly #next = new Uint8Array(KINDS)
  readonly #strange = new Uint32Array(KINDS)

  /**
   * The set that stands in `buffer` at `from`, where bytes up to `stop` are there; null if it is not known.
   * @param from where the first field's name begins
   */
  find(buffer: Buffer, from: number, stop: number): FieldSet | null {
    if (stop - from < LEAST_BYTES) return null
    const kind = kindOf(buffer, from)
    for (let at = kind * WAYS; at < (kind + 1) * WAYS; at++) {
      const set = this.#sets[at] ?? null
      if (set === null) return null
      if (!stands(set, buffer, from, stop)) continue
      this.#strange[kind] = 0
      return set
    }
    return null
  }

  /** Makes the set of fields that were read from `from` to `to`, and remembers it if that may be of use. */
  learn(offsets: readonly number[], buffer: Buffer, from: number, to: number): FieldSet {
    const length = to - from
    if (length < LEAST_BYTES || length > MOST_BYTES) return new FieldSet(offsets)
    const kind = kindOf(buffer, from)
    const strange = (this.#strange[kind] as number) + 1
    this.#strange[kind] = strange
    if (strange > STRANGERS && strange % LEARNT_ONE_IN !== 0) return new FieldSet(offsets)
    const bytes = Buffer.allocUnsafeSlow(length)
    buffer.copy(bytes, 0, from, to)
    const set = new FieldSet(offsets, bytes)
    const way = this.#next[kind] as number
    this.#sets[kind * WAYS + way] = set
    this.#next[kind] = (way + 1) % WAYS
    return set
  }
}

/** Looks at few bytes before it compares all: mostly it is one of them in which sets differ. */
function stands(set: FieldSet, buffer: Buffer, from: number, stop: number): boolean {
  const { varying } = set
  const bytes = set.bytes as Buffer
  const { length } = bytes
  const to = from + length
  if (to > stop || buffer[to - 1] !== LF || buffer[to - 3] !== LF) return false
  if (varying.length === 0) {
    const middle = length >> 1
    if (buffer[from + middle] !== bytes[middle]) return false
    return isSame(bytes, buffer, from, 0, length)
  }
  let compared = 0
  for (let i = 0; i < varying.length; i += 2) {
    if (!isSame(bytes, buffer, from, compared, varying[i] as number)) return false
    compared = varying[i + 1] as number
  }
  if (!isSame(bytes, buffer, from, compared, length)) return false
  for (let i = 0; i < varying.length; i += 2) {
    const value = from + (varying[i] as number)
    if (!isWholeValue(buffer, value, from + (varying[i + 1] as number))) return false
  }
  return true
}

/** Whether `bytes` from `start` to `end` stand as far behind `from` in `buffer`. */
function isSame(bytes: Buffer, buffer: Buffer, from: number, start: number, end: number): boolean {
  if (end - start > SHORT_BYTES) {
    return bytes.compare(buffer, from + start, from + end, start, end) === 0
  }
  for (let i = start; i < end; i++) if (bytes[i] !== buffer[from + i]) return false
  return true
}

/** Of the first name and its value: `Host: a…`, `Server: …`. */
function kindOf(buffer: Buffer, from: number): number {
  let sum = 0
  for (let i = 0; i < LEAST_BYTES; i++) sum = sum * 31 + (buffer[from + i] as number)
  return (sum ^ (sum >>> 7)) & (KINDS - 1)
}
