/** HPACK's dynamic table (RFC 7541 2.3.2 and 4): newest entry first, bounded by size. */
import type { HeaderField } from '../field.ts'

/** What an entry costs besides its name and value, bytes (RFC 7541 4.1). */
export const ENTRY_OVERHEAD = 32

/** Slots at first; a table of the default size can hold 128 entries at most. */
const FIRST_SLOTS = 32

/** Size of a field as tables and lists count it, bytes (RFC 7541 4.1, RFC 9113 10.5.1). */
export function fieldSize(field: HeaderField): number {
  return field.name.length + field.value.length + ENTRY_OVERHEAD
}

/** Hears of each entry that leaves, with its number. */
export type OnEvict = (field: HeaderField, number: number) => void

export class DynamicTable {
  /** Bytes, as `fieldSize` counts them. */
  size = 0
  /** Entries that are there. */
  count = 0
  /** Entries that were ever added: the number of the newest one. Numbers are never used again. */
  added = 0
  #maxBytes: number
  /** A ring whose length is a power of two: entry number n stands at n modulo length. */
  #ring: (HeaderField | undefined)[] = new Array(FIRST_SLOTS).fill(undefined)
  readonly #onEvict: OnEvict | null

  constructor(maxBytes: number, onEvict: OnEvict | null = null) {
    this.#maxBytes = maxBytes
    this.#onEvict = onEvict
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** Changes the bound; entries that no longer fit leave, oldest first (RFC 7541 4.3). */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#evictTo(maxBytes)
  }

  /** The entry that came `age` entries before the newest; undefined if there is none. */
  get(age: number): HeaderField | undefined {
    if (age >= this.count) return undefined
    return this.#ring[(this.added - age) & (this.#ring.length - 1)]
  }

  /**
   * Adds an entry; older ones leave for it. One that is larger than the whole table empties it and
   * is not added, which is no error (RFC 7541 4.4).
   * @returns whether the entry is there now
   */
  add(field: HeaderField): boolean {
    const size = fieldSize(field)
    this.#evictTo(this.#maxBytes - size)
    if (size > this.#maxBytes) return false
    if (this.count === this.#ring.length) this.#grow()
    this.added++
    this.#ring[this.added & (this.#ring.length - 1)] = field
    this.count++
    this.size += size
    return true
  }

  #evictTo(bytes: number): void {
    while (this.size > bytes && this.count > 0) {
      const number = this.added - this.count + 1
      const slot = number & (this.#ring.length - 1)
      const field = this.#ring[slot] as HeaderField
      this.#ring[slot] = undefined
      this.count--
      this.size -= fieldSize(field)
      this.#onEvict?.(field, number)
    }
  }

  #grow(): void {
    const larger: (HeaderField | undefined)[] = new Array(this.#ring.length * 2).fill(undefined)
    for (let age = 0; age < this.count; age++) {
      const number = this.added - age
      larger[number & (larger.length - 1)] = this.#ring[number & (this.#ring.length - 1)]
    }
    this.#ring = larger
  }
}
