/**
 * HPACK's Huffman code (RFC 7541 5.2 and appendix B). The code is canonical (ordered by length, then
 * by symbol), so the lengths are all that has to be written down.
 */

const END_OF_STRING = 256

/** Length of each symbol's code, bits, sixteen symbols a line; the end of string comes last. */
// biome-ignore format: a table of sixteen columns
const LENGTHS = Uint8Array.of(
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
   6, 10, 10, 12, 13,  6,  8, 11, 10, 10,  8, 11,  8,  6,  6,  6,
   5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8, 15,  6, 12, 10,
  13,  6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
   7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8, 13, 19, 13, 14,  6,
  15,  5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,
   6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
)

/**
 * The tables are made for the first string that needs them: the loops that do it wake the optimizing
 * compilers, which is 7 MB of memory in every pod, also where nobody speaks HTTP/2.
 */
let prepared = false
const CODES = new Uint32Array(LENGTHS.length)

/**
 * Decoding takes four bits a step. A state is an inner node of the code's tree, 256 in all; an entry
 * has the next state in its low byte, the symbol (no code is shorter than five bits, so there is one
 * at most) in the second, and marks above.
 */
const EMITS = 1 << 16
const FAILS = 1 << 17
const STEPS = new Uint32Array(256 * 16)
/** States in which a string may end: at most seven bits, all ones, since its last symbol. */
const MAY_END = new Uint8Array(256)

function prepare(): void {
  prepared = true
  assignCodes()
  fillSteps()
}

/** Bytes that `length` encoded ones can decode to at most: no code is shorter than five bits. */
export function maxDecodedBytes(length: number): number {
  return Math.ceil((length * 8) / 5)
}

/**
 * Decodes `source` from `from` to `to` into `target`, which has room for `maxDecodedBytes`.
 * @returns bytes written, or -1 if it is no valid code: the end of string is in it, or the padding
 * is longer than seven bits or not all ones (RFC 7541 5.2)
 */
export function decodeHuffman(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
): number {
  if (!prepared) prepare()
  let state = 0
  let written = 0
  for (let i = from; i < to; i++) {
    const byte = source[i] as number
    const high = STEPS[(state << 4) | (byte >> 4)] as number
    if (high >= EMITS) {
      if (high >= FAILS) return -1
      target[written++] = high >> 8
    }
    const low = STEPS[((high & 0xff) << 4) | (byte & 15)] as number
    if (low >= EMITS) {
      if (low >= FAILS) return -1
      target[written++] = low >> 8
    }
    state = low & 0xff
  }
  return MAY_END[state] === 1 ? written : -1
}

/** Bytes that a latin1 string takes when encoded. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 0xff] as number
  return (bits + 7) >> 3
}

/**
 * Encodes a latin1 string, which takes `huffmanLength` bytes.
 * @returns the offset behind it
 */
export function encodeHuffman(text: string, target: Uint8Array, at: number): number {
  if (!prepared) prepare()
  let next = at
  // Fewer than eight bits wait between two symbols, so that 24 more always fit into a word.
  let waiting = 0
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff
    let code = CODES[symbol] as number
    let length = LENGTHS[symbol] as number
    if (length > 24) {
      waiting = (waiting << 15) | (code >>> (length - 15))
      count += 15
      while (count >= 8) {
        count -= 8
        target[next++] = waiting >>> count
      }
      length -= 15
      code &= (1 << length) - 1
    }
    waiting = (waiting << length) | code
    count += length
    while (count >= 8) {
      count -= 8
      target[next++] = waiting >>> count
    }
  }
  if (count > 0) target[next++] = (waiting << (8 - count)) | (0xff >> count)
  return next
}

function assignCodes(): void {
  let code = 0
  for (let length = 1; length <= 30; length++) {
    code <<= 1
    for (const [symbol, own] of LENGTHS.entries()) {
      if (own === length) CODES[symbol] = code++
    }
  }
}

/** Inner nodes have two children each: another inner node, or minus one minus a symbol. */
function buildTree(): Int16Array {
  const tree = new Int16Array(256 * 2)
  let nodes = 1
  for (const [symbol, length] of LENGTHS.entries()) {
    const code = CODES[symbol] as number
    let node = 0
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = node * 2 + ((code >>> bit) & 1)
      if (tree[slot] === 0) tree[slot] = nodes++
      node = tree[slot] as number
    }
    tree[node * 2 + (code & 1)] = -1 - symbol
  }
  return tree
}

function fillSteps(): void {
  const tree = buildTree()
  for (let state = 0; state < 256; state++) {
    for (let bits = 0; bits < 16; bits++) STEPS[(state << 4) | bits] = step(tree, state, bits)
  }
  for (let node = 0, ones = 0; ones < 8; ones++) {
    MAY_END[node] = 1
    node = tree[node * 2 + 1] as number
  }
}

function step(tree: Int16Array, from: number, bits: number): number {
  let node = from
  let marks = 0
  for (let bit = 3; bit >= 0; bit--) {
    const child = tree[node * 2 + ((bits >> bit) & 1)] as number
    if (child === -1 - END_OF_STRING) return FAILS
    if (child < 0) marks = EMITS | ((-1 - child) << 8)
    node = Math.max(child, 0)
  }
  return marks | node
}
