/** HPACK's integers (RFC 7541 5.1). */

/**
 * Bytes that may follow the prefix. Five hold more than any index or length that a block of ours
 * can mean; without a limit, leading zeros could go on for ever (RFC 7541 5.1 and 7.4).
 */
const MAX_FOLLOWING = 5

/**
 * Where a read leaves off: an object that is reused, since an integer stands before every string.
 */
export interface IntegerReader {
  /** Offset behind the integer. */
  next: number
}

/** The integer does not end within the block. */
export const INTEGER_CUT = -1
/** The integer is longer than any that can be meant. */
export const INTEGER_TOO_LONG = -2

/**
 * Reads the integer whose prefix is the low `bits` bits of the byte at `at`.
 * @returns the value, or `INTEGER_CUT`, or `INTEGER_TOO_LONG`
 */
export function readInteger(
  block: Uint8Array,
  at: number,
  end: number,
  bits: number,
  reader: IntegerReader,
): number {
  const full = (1 << bits) - 1
  const prefix = (block[at] as number) & full
  if (prefix < full) {
    reader.next = at + 1
    return prefix
  }
  return readFollowing(block, at + 1, end, full, reader)
}

function readFollowing(
  block: Uint8Array,
  from: number,
  end: number,
  prefix: number,
  reader: IntegerReader,
): number {
  let value = prefix
  let unit = 1
  for (let i = from; i < from + MAX_FOLLOWING; i++) {
    if (i >= end) return INTEGER_CUT
    const byte = block[i] as number
    value += (byte & 0x7f) * unit
    if (byte < 0x80) {
      reader.next = i + 1
      return value
    }
    unit *= 128
  }
  return INTEGER_TOO_LONG
}

/** Longest integer that `writeInteger` makes of a number below 2^32, bytes. */
export const MAX_INTEGER_BYTES = 6

/**
 * Writes `value` (below 2^32) with a prefix of `bits` bits; the bits above it are those of `pattern`.
 * @returns the offset behind it
 */
export function writeInteger(
  target: Uint8Array,
  at: number,
  value: number,
  bits: number,
  pattern: number,
): number {
  const full = (1 << bits) - 1
  if (value < full) {
    target[at] = pattern | value
    return at + 1
  }
  target[at] = pattern | full
  let rest = value - full
  let i = at + 1
  while (rest >= 0x80) {
    target[i++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  target[i++] = rest
  return i
}
