/**
 * The streams of a connection by their numbers. A `Map` would do, but one whose entries come and go makes
 * a new table every few streams, and the old ones hold on to each other and to the streams that were in
 * them: a third of all garbage then outlived its scavenge, which cost a quarter of the processor.
 */

/** Slots at first: a connection that is used by one call after another needs no more. */
const FIRST_SLOTS = 16

interface Entry<T> {
  number: number
  item: T
}

export class StreamTable<T> {
  size = 0
  /** A power of two; a stream stands at the half of its number, modulo length. */
  #items: (T | undefined)[] = new Array(FIRST_SLOTS).fill(undefined)
  #numbers: number[] = new Array(FIRST_SLOTS).fill(0)
  /** Streams that have lived so long that the numbers came round to their slots. */
  #old: Map<number, T> | null = null

  get(number: number): T | undefined {
    const slot = this.#slotOf(number)
    if (this.#numbers[slot] === number) return this.#items[slot]
    return this.#old?.get(number)
  }

  /** @param number odd, and greater than all that were there before */
  add(number: number, item: T): void {
    while (this.size * 2 > this.#items.length) this.#grow()
    this.size++
    this.#place({ number, item })
  }

  delete(number: number): void {
    const slot = this.#slotOf(number)
    if (this.#items[slot] !== undefined && this.#numbers[slot] === number) {
      this.#items[slot] = undefined
      this.#numbers[slot] = 0
    } else if (!this.#old?.delete(number)) return
    this.size--
  }

  /** All, as a list of their own, by number. */
  all(): Entry<T>[] {
    const found: Entry<T>[] = []
    for (const [number, item] of this.#old ?? []) found.push({ number, item })
    for (const [slot, item] of this.#items.entries()) {
      if (item !== undefined) found.push({ number: this.#numbers[slot] as number, item })
    }
    return found.sort((a, b) => a.number - b.number)
  }

  clear(): void {
    this.#resize(FIRST_SLOTS)
    this.size = 0
  }

  #slotOf(number: number): number {
    return (number >>> 1) & (this.#items.length - 1)
  }

  #place({ number, item }: Entry<T>): void {
    const slot = this.#slotOf(number)
    const older = this.#items[slot]
    if (older !== undefined) {
      this.#old ??= new Map()
      this.#old.set(this.#numbers[slot] as number, older)
    }
    this.#items[slot] = item
    this.#numbers[slot] = number
  }

  #grow(): void {
    const all = this.all()
    this.#resize(this.#items.length * 2)
    for (const entry of all) this.#place(entry)
  }

  #resize(slots: number): void {
    this.#items = new Array(slots).fill(undefined)
    this.#numbers = new Array(slots).fill(0)
    this.#old = null
  }
}
