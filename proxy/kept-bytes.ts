/**
 * Bytes that wait, as copies. Small pieces are laid side by side: with a buffer for each, bytes that a peer sends one by
 * one would take a hundred times the memory that they count for.
 */

/** A piece from this size on, bytes, has memory of its own; smaller ones share some that is at most as large. */
const LARGE_BYTES = 16_384

interface Piece {
  readonly memory: Buffer
  from: number
  to: number
}

export class KeptBytes {
  length = 0
  /** In order. What is behind the last one's end in its memory is free. */
  readonly #pieces: Piece[] = []

  add(bytes: Buffer): void {
    const { length } = bytes
    if (length === 0) return
    let last = this.#pieces.at(-1)
    if (last === undefined || last.memory.length - last.to < length) {
      // A single piece takes as much as it has; what several share grows with what there is.
      const room = Math.max(length, Math.min(LARGE_BYTES, 2 * this.length))
      last = { memory: Buffer.allocUnsafe(room), from: 0, to: 0 }
      this.#pieces.push(last)
    }
    bytes.copy(last.memory, last.to)
    last.to += length
    this.length += length
  }

  /** Takes the first bytes out, `most` of them or fewer. They are never written over; empty if there are none. */
  take(most: number): Buffer {
    const [first] = this.#pieces
    if (first === undefined) return NOTHING
    const { memory, from } = first
    const end = Math.min(first.to, from + most)
    first.from = end
    if (end === first.to) this.#pieces.shift()
    this.length -= end - from
    return memory.subarray(from, end)
  }

  /** All of them, as a copy. */
  toBuffer(): Buffer {
    return Buffer.concat(this.#pieces.map(({ memory, from, to }) => memory.subarray(from, to)))
  }
}

const NOTHING = Buffer.alloc(0)
