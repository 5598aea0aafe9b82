/** Decodes HPACK header blocks (RFC 7541 3 and 6) into fields, some of them known from before. */
import { type HeaderField, makeField } from '../field.ts'
import { DEFAULT_TABLE_BYTES, MAX_HEADER_LIST_BYTES } from '../frame.ts'
import { DynamicTable, fieldSize } from './dynamic-table.ts'
import { decodeHuffman, maxDecodedBytes } from './huffman.ts'
import { INTEGER_CUT, INTEGER_TOO_LONG, readInteger } from './integer.ts'
import { keepLiteral, knownLiteral, literalEnd, type Missed } from './literal-cache.ts'
import { STATIC_COUNT, STATIC_ENTRIES } from './static-table.ts'

export type HpackResult =
  | {
      kind: 'fields'
      /** In order. Fields are shared with the table: the same one may come again. */
      fields: HeaderField[]
      /** Size of the list as RFC 9113 10.5.1 counts it. */
      bytes: number
    }
  /** The list exceeds the limit. The table is in step all the same: the connection can go on. */
  | { kind: 'too-large'; bytes: number }
  /** The block cannot be decoded; a connection error COMPRESSION_ERROR (RFC 9113 4.3). */
  | { kind: 'bad'; problem: string }

const PROBLEM = {
  cut: 'a header block that ends within a field (RFC 7541 3)',
  long: 'an integer longer than any that is meant (RFC 7541 5.1)',
  zero: 'the index 0 (RFC 7541 6.1)',
  index: 'an index beyond the tables (RFC 7541 2.3.3)',
  huffman: 'a string that is no valid Huffman code (RFC 7541 5.2)',
  late: 'a table size update behind a field (RFC 7541 4.2)',
  size: 'a table size update above SETTINGS_HEADER_TABLE_SIZE (RFC 7541 6.3)',
} as const

/** Index 1 is the first entry. */
const STATIC_FIELDS: readonly HeaderField[] = [
  makeField('', ''),
  ...STATIC_ENTRIES.map(([name, value]) => makeField(name, value)),
]

/** Takes decoded strings on their way; shared, since nothing else runs meanwhile. */
let scratch = Buffer.allocUnsafeSlow(4_096)

export class HpackDecoder {
  readonly #limit: number
  readonly #maxListBytes: number
  readonly #table: DynamicTable
  /** What is being read, and how far. */
  #block: Buffer = EMPTY
  next = 0
  #problem: string | null = null

  /**
   * @param maxTableBytes SETTINGS_HEADER_TABLE_SIZE as announced to the peer (and, where that is less
   * than the default, acknowledged), bytes
   * @param maxListBytes SETTINGS_MAX_HEADER_LIST_SIZE as announced, bytes
   */
  constructor(maxTableBytes = DEFAULT_TABLE_BYTES, maxListBytes = MAX_HEADER_LIST_BYTES) {
    this.#limit = maxTableBytes
    this.#maxListBytes = maxListBytes
    // A larger table begins with an update of the peer's (RFC 7541 4.2).
    this.#table = new DynamicTable(Math.min(maxTableBytes, DEFAULT_TABLE_BYTES))
  }

  /** Bytes that the dynamic table has now (RFC 7541 4.1). */
  get tableBytes(): number {
    return this.#table.size
  }

  /** Decodes a whole block. Blocks must come in the order of the wire. Never throws. */
  decode(block: Buffer): HpackResult {
    this.#block = block
    const result = this.#decode(block)
    // The block is mostly a small part of a chunk, which must not be held until the next one.
    this.#block = EMPTY
    return result
  }

  #decode(block: Buffer): HpackResult {
    this.next = 0
    this.#problem = null
    let count = 0
    let bytes = 0
    while (this.next < block.length) {
      const field = this.#field(block[this.next] as number, bytes === 0)
      if (this.#problem !== null) return { kind: 'bad', problem: this.#problem }
      if (field === null) continue
      bytes += fieldSize(field)
      if (bytes <= this.#maxListBytes) collected[count++] = field
    }
    if (bytes > this.#maxListBytes) {
      collected.length = 0
      return { kind: 'too-large', bytes }
    }
    const fields = collected.slice(0, count)
    if (count > USUAL_FIELDS) collected.length = 0
    return { kind: 'fields', fields, bytes }
  }

  /** One representation (RFC 7541 6); null for a size update, or with `#problem`. */
  #field(first: number, atStart: boolean): HeaderField | null {
    if (first >= 0x80) return this.#indexed()
    if (first >= 0x40) return this.#added(this.#openLiteral(6))
    if (first >= 0x20) return this.#resize(atStart)
    return first >= 0x10 ? this.#literal(4, true) : this.#openLiteral(4)
  }

  #added(field: HeaderField | null): HeaderField | null {
    if (field !== null) this.#table.add(field)
    return field
  }

  /** A literal that is no secret, which may be known by its bytes. */
  #openLiteral(bits: number): HeaderField | null {
    const block = this.#block
    const from = this.next
    const end = literalEnd(block, from)
    if (end < 0) return this.#literal(bits, false)
    const known = knownLiteral(block, from, end, MISSED)
    if (known !== null) {
      this.next = end
      return known
    }
    const field = this.#literal(bits, false)
    if (field !== null) keepLiteral(block, MISSED, field)
    return field
  }

  #indexed(): HeaderField | null {
    const index = this.#integer(7)
    if (index < 0) return null
    if (index === 0) return this.#refuse(PROBLEM.zero)
    return this.#entry(index)
  }

  #entry(index: number): HeaderField | null {
    if (index <= STATIC_COUNT) return STATIC_FIELDS[index] as HeaderField
    return this.#table.get(index - STATIC_COUNT - 1) ?? this.#refuse(PROBLEM.index)
  }

  #literal(bits: number, neverIndexed: boolean): HeaderField | null {
    const index = this.#integer(bits)
    if (index < 0) return null
    const name = index === 0 ? this.#string() : (this.#entry(index)?.name ?? null)
    if (name === null) return null
    const value = this.#string()
    if (value === null) return null
    return makeField(name, value, neverIndexed)
  }

  #resize(atStart: boolean): null {
    const bytes = this.#integer(5)
    if (bytes < 0) return null
    if (!atStart) return this.#refuse(PROBLEM.late)
    if (bytes > this.#limit) return this.#refuse(PROBLEM.size)
    this.#table.resize(bytes)
    return null
  }

  #string(): string | null {
    const block = this.#block
    if (this.next >= block.length) return this.#refuse(PROBLEM.cut)
    const isHuffman = (block[this.next] as number) >= 0x80
    const length = this.#integer(7)
    if (length < 0) return null
    const from = this.next
    const to = from + length
    if (to > block.length) return this.#refuse(PROBLEM.cut)
    this.next = to
    if (!isHuffman) return block.toString('latin1', from, to)
    const room = maxDecodedBytes(length)
    if (scratch.length < room) scratch = Buffer.allocUnsafeSlow(room * 2)
    const decoded = decodeHuffman(block, from, to, scratch)
    return decoded < 0 ? this.#refuse(PROBLEM.huffman) : scratch.toString('latin1', 0, decoded)
  }

  #integer(bits: number): number {
    const value = readInteger(this.#block, this.next, this.#block.length, bits, this)
    if (value === INTEGER_CUT) this.#problem = PROBLEM.cut
    else if (value === INTEGER_TOO_LONG) this.#problem = PROBLEM.long
    return value
  }

  #refuse(problem: string): null {
    this.#problem = problem
    return null
  }
}

/**
 * Where fields are collected, so that the list that is handed out has no spare room; shared, as above.
 * What a list of the usual length leaves behind here is soon written over; more is let go.
 */
const collected: HeaderField[] = []
const USUAL_FIELDS = 32

/** Reused, since nothing else runs between a look-up and what follows it. */
const MISSED: Missed = { from: 0, to: 0, hash: 0 }

const EMPTY = Buffer.alloc(0)
