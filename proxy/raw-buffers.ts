/**
 * The memory that the raw transport reads into. One landing area serves all connections: a turn of the
 * loop reads one of them at a time, and what has come is copied out before anything else is read. So an
 * idle connection holds no buffer. A connection that carries much data for a listener that only borrows
 * is lent a buffer of its own, which saves the copy and the garbage.
 */

/** What libuv itself would read at once, bytes. */
const LANDING_BYTES = 65_536

/** Pieces up to this size are cut from a shared block, which costs less than memory of their own. */
const SMALL_BYTES = 8_192

/** Size of such a block, bytes. It lives as long as its last piece: what is kept long is to be copied. */
const BLOCK_BYTES = 65_536

/**
 * Size of a lent buffer, bytes. Measured: 64 KiB move 1.9 GB a CPU second, 128 KiB 2.2 and 256 KiB 2.5,
 * because there are fewer system calls to pay; above that the processor's cache is too small.
 */
export const LENT_BYTES = 262_144

/** How many are lent at most: 16 MiB. Connections beyond that go through the landing area. */
export const MOST_LENT = 64

/** How many unused ones are kept for the next who needs one; 2 MiB. */
const MOST_SPARE = 8

export class ReadBuffers {
  /** All connections that have no buffer of their own read into this. */
  readonly landing = Buffer.allocUnsafeSlow(LANDING_BYTES)
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #used = 0
  readonly #spare: Buffer[] = []
  #lent = 0

  /** A copy of the first bytes of `from`. */
  copy(from: Buffer, length: number): Buffer {
    if (length > SMALL_BYTES) {
      const own = Buffer.allocUnsafeSlow(length)
      from.copy(own, 0, 0, length)
      return own
    }
    if (this.#used + length > BLOCK_BYTES) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
      this.#used = 0
    }
    const start = this.#used
    const end = start + length
    from.copy(this.#block, start, 0, length)
    // Pieces begin at multiples of 8, where copying is fastest.
    this.#used = (end + 7) & ~7
    return this.#block.subarray(start, end)
  }

  /** A buffer that nobody else uses; null if too many are lent. */
  lend(): Buffer | null {
    if (this.#lent >= MOST_LENT) return null
    this.#lent++
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(LENT_BYTES)
  }

  /** Takes a lent buffer back, of which nothing is needed any more. */
  takeBack(buffer: Buffer): void {
    this.#lent--
    if (this.#spare.length < MOST_SPARE) this.#spare.push(buffer)
  }

  /** A lent buffer does not come back: somebody may still need what is in it. */
  giveUp(): void {
    this.#lent--
  }
}
