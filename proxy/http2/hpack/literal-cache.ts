/**
 * Literal fields that come again and again, recognised by their bytes: many servers never refer to
 * the dynamic table (nginx fills it with each message, but reads it never), so that without this each
 * of their fields would cost a Huffman decoding, two strings and a check in every message.
 *
 * One cache serves all connections. Only literals whose name is new or static are kept, since these
 * mean the same everywhere, and none that is never to be indexed (RFC 7541 7.1.3).
 */
import type { HeaderField } from '../field.ts'
import { STATIC_COUNT } from './static-table.ts'

/** Slots; each field has one place, and the one that came last stays. */
const SLOTS = 1_024

/** Longest literal that is kept, bytes; so the cache takes some 300 KB at the most. */
const MAX_LITERAL_BYTES = 127

interface Slot {
  /** Hash of the literal that came last; what comes once is not worth a copy. */
  hash: number
  bytes: Uint8Array | null
  field: HeaderField | null
}

/** Made with the first literal, so that a proxy without HTTP/2 has none of it. */
let slots: Slot[] | null = null

/** A literal that was looked up and not found, to be told to `keep` when it is decoded. */
export interface Missed {
  from: number
  to: number
  hash: number
}

/**
 * The end of the literal that begins at `at`, with or without indexing; -1 if it is none of those
 * that are kept, or not whole.
 */
export function literalEnd(block: Uint8Array, at: number): number {
  const first = block[at] as number
  let next = at + 1
  const index = first >= 0x40 ? first & 63 : first
  if (first >= 0x40) {
    if (index > STATIC_COUNT) return -1
  } else if (index === 15 && (block[next++] as number) > STATIC_COUNT - 15) return -1
  if (index === 0) next = stringEnd(block, next)
  const end = next < 0 ? -1 : stringEnd(block, next)
  return end - at > MAX_LITERAL_BYTES ? -1 : end
}

/** Strings of 127 bytes and more have longer lengths; none of them is kept. */
function stringEnd(block: Uint8Array, at: number): number {
  if (at >= block.length) return -1
  const length = (block[at] as number) & 0x7f
  const end = at + 1 + length
  return length === 0x7f || end > block.length ? -1 : end
}

/** The field of the literal from `from` to `to`; null if it is not known, with `missed` filled in. */
export function knownLiteral(
  block: Uint8Array,
  from: number,
  to: number,
  missed: Missed,
): HeaderField | null {
  const hash = hashOf(block, from, to)
  const slot = slotOf(hash)
  if (slot.hash === hash && slot.bytes !== null && isSame(block, from, to, slot.bytes)) {
    return slot.field
  }
  missed.from = from
  missed.to = to
  missed.hash = hash
  return null
}

/** Keeps a decoded field if it has come before. */
export function keepLiteral(
  block: Uint8Array,
  { from, to, hash }: Missed,
  field: HeaderField,
): void {
  const slot = slotOf(hash)
  const isAgain = slot.hash === hash
  slot.hash = hash
  slot.bytes = isAgain ? Uint8Array.prototype.slice.call(block, from, to) : null
  slot.field = isAgain ? field : null
}

function slotOf(hash: number): Slot {
  slots ??= Array.from({ length: SLOTS }, () => ({ hash: -1, bytes: null, field: null }))
  return slots[hash & (SLOTS - 1)] as Slot
}

/** FNV-1a, folded so that it stays a small integer. */
function hashOf(block: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5 | 0
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (block[i] as number), 0x01000193)
  return (hash ^ (hash >>> 15)) & 0x3fff_ffff
}

function isSame(block: Uint8Array, from: number, to: number, bytes: Uint8Array): boolean {
  if (bytes.length !== to - from) return false
  for (let i = 0; i < bytes.length; i++) if (block[from + i] !== bytes[i]) return false
  return true
}
