/** Encodes fields as HPACK blocks (RFC 7541 6): what repeats becomes an index, secrets never do. */
import type { HeaderField } from '../field.ts'
import { DEFAULT_TABLE_BYTES } from '../frame.ts'
import { DynamicTable, fieldSize } from './dynamic-table.ts'
import { encodeHuffman, huffmanLength } from './huffman.ts'
import { MAX_INTEGER_BYTES, writeInteger } from './integer.ts'
import { STATIC_COUNT } from './static-table.ts'

/** A cookie below this length is short enough to be guessed whole, bytes (RFC 7541 7.1.3). */
const SHORT_COOKIE = 20

/** How many values of fickle fields are remembered, and how long one may be, characters. */
const MAX_SEEN = 64
const MAX_SEEN_LENGTH = 512

interface KnownName {
  /** Number of the newest entry with this name. */
  newest: number
  /** Number of the newest entry with each value. */
  values: Map<string, number>
}

/** Where blocks are made; shared by all encoders, since a block is copied before the next is made. */
let scratch = Buffer.allocUnsafeSlow(4_096)

/** The beginning of `scratch` by length: blocks of most messages have few lengths, all of them short. */
let views: (Buffer | undefined)[] = []
const MAX_VIEW_BYTES = 256

export class HpackEncoder {
  readonly #ownLimit: number
  readonly #table: DynamicTable
  readonly #names = new Map<string, KnownName>()
  readonly #seen = new Set<string>()
  /** Least and last bound that the peer has set since the last block; null for none. */
  #resized: { least: number; last: number } | null = null

  /** @param ownLimit most bytes that the table may take here, whatever the peer allows */
  constructor(ownLimit = DEFAULT_TABLE_BYTES) {
    this.#ownLimit = ownLimit
    this.#table = new DynamicTable(Math.min(ownLimit, DEFAULT_TABLE_BYTES), (field, number) =>
      this.#forget(field, number),
    )
    if (ownLimit < DEFAULT_TABLE_BYTES) this.#resized = { least: ownLimit, last: ownLimit }
  }

  /**
   * Obeys the peer's SETTINGS_HEADER_TABLE_SIZE, in bytes; to be called before its acknowledgement
   * is sent. The next block begins with the updates that this needs (RFC 7541 4.2).
   */
  setMaxTableBytes(bytes: number): void {
    const bound = Math.min(bytes, this.#ownLimit)
    if (bound === this.#table.maxBytes && this.#resized === null) return
    const least = Math.min(bound, this.#resized?.least ?? bound)
    this.#resized = { least, last: bound }
    this.#table.resize(bound)
  }

  /**
   * Encodes one header list. Blocks must be sent in the order in which they were made.
   * @returns a view that is valid until any encoder makes its next block
   */
  encode(fields: readonly HeaderField[]): Buffer {
    let at = this.#resized === null ? 0 : this.#writeResize(this.#resized)
    for (const field of fields) {
      reserve(at, field)
      at =
        field.staticIndex === 0 || field.neverIndexed
          ? this.#write(field, at)
          : indexed(field.staticIndex, at)
    }
    return viewOf(at)
  }

  #writeResize({ least, last }: { least: number; last: number }): number {
    this.#resized = null
    const at = least < last ? writeInteger(scratch, 0, least, 5, 0x20) : 0
    return writeInteger(scratch, at, last, 5, 0x20)
  }

  #write(field: HeaderField, at: number): number {
    const { name, value, indexing } = field
    if (field.neverIndexed || isSecret(field)) return this.#literal(field, 4, 0x10, at)
    const known = this.#names.get(name)
    if (indexing === 'unique' && known !== undefined) return this.#unique(known, value, at)
    const number = known?.values.get(value)
    if (number !== undefined) return indexed(this.#indexOf(number), at)
    if (!this.#isWorthAnEntry(field)) return this.#literal(field, 4, 0, at)
    const end = this.#literal(field, 6, 0x40, at)
    if (this.#table.add(field)) this.#remember(name, value)
    return end
  }

  /**
   * A literal with the index of its name, in plain: Huffman saves a quarter of the bytes and costs
   * each sidecar on the way more time than all other fields together.
   */
  #unique({ newest }: KnownName, value: string, at: number): number {
    return writePlain(value, writeInteger(scratch, at, this.#indexOf(newest), 4, 0))
  }

  #indexOf(number: number): number {
    return STATIC_COUNT + 1 + this.#table.added - number
  }

  #isWorthAnEntry(field: HeaderField): boolean {
    const { value, indexing } = field
    if (fieldSize(field) * 4 > this.#table.maxBytes * 3) return false
    if (indexing !== 'fickle') return true
    if (this.#seen.delete(value)) return true
    if (value.length > MAX_SEEN_LENGTH) return false
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear()
    this.#seen.add(value)
    return false
  }

  /** A literal with its name as an index if there is one; `pattern` and `bits` say of which kind. */
  #literal(
    { name, value, staticName }: HeaderField,
    bits: number,
    pattern: number,
    at: number,
  ): number {
    const known = staticName === 0 ? this.#names.get(name) : undefined
    const index = known === undefined ? staticName : this.#indexOf(known.newest)
    let end = writeInteger(scratch, at, index, bits, pattern)
    if (index === 0) end = writeString(name, end)
    return writeString(value, end)
  }

  #remember(name: string, value: string): void {
    const number = this.#table.added
    const known = this.#names.get(name)
    if (known === undefined)
      this.#names.set(name, { newest: number, values: new Map([[value, number]]) })
    else {
      known.newest = number
      known.values.set(value, number)
    }
  }

  #forget({ name, value }: HeaderField, number: number): void {
    const known = this.#names.get(name)
    if (known === undefined) return
    if (known.values.get(value) === number) known.values.delete(value)
    if (known.newest === number) this.#names.delete(name)
  }
}

function viewOf(length: number): Buffer {
  if (length > MAX_VIEW_BYTES) return scratch.subarray(0, length)
  let view = views[length]
  if (view === undefined) {
    view = scratch.subarray(0, length)
    views[length] = view
  }
  return view
}

function isSecret({ indexing, value }: HeaderField): boolean {
  return indexing === 'secret' || (indexing === 'cookie' && value.length < SHORT_COOKIE)
}

/** Makes room for the longest that a field can become. */
function reserve(at: number, { name, value }: HeaderField): void {
  const needed = at + name.length + value.length + 3 * MAX_INTEGER_BYTES
  if (needed <= scratch.length) return
  const larger = Buffer.allocUnsafeSlow(needed * 2)
  scratch.copy(larger, 0, 0, at)
  scratch = larger
  views = []
}

function indexed(index: number, at: number): number {
  return writeInteger(scratch, at, index, 7, 0x80)
}

/** Huffman only where it is shorter (RFC 7541 5.2 leaves the choice). */
function writeString(text: string, at: number): number {
  const length = huffmanLength(text)
  if (length < text.length) {
    return encodeHuffman(text, scratch, writeInteger(scratch, at, length, 7, 0x80))
  }
  return writePlain(text, at)
}

function writePlain(text: string, at: number): number {
  let end = writeInteger(scratch, at, text.length, 7, 0)
  for (let i = 0; i < text.length; i++) scratch[end++] = text.charCodeAt(i)
  return end
}
