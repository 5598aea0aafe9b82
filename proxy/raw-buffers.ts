/**
 * The memory that the raw transport reads into. One landing area serves all connections: a turn of the
 * loop reads one of them at a time, and what has come is copied out before anything else is read, or sent from
 * where it is. So an idle connection holds no buffer. What carries much data is lent one of its own (`raw-loans.ts`), which
 * saves the copy and the garbage.
 */
import type { OnFree } from './turn-memory.ts'

/** What libuv itself would read at once, bytes. */
const LANDING_BYTES = 65_536

/** Pieces up to this size are cut from a shared block, which costs less than memory of their own. */
const SMALL_BYTES = 8_192

/** Size of such a block, bytes. It lives as long as its last piece: what is kept long is to be copied. */
const BLOCK_BYTES = 65_536

export class ReadBuffers {
  /** All connections that have no buffer of their own read into this. */
  readonly landing = Buffer.allocUnsafeSlow(LANDING_BYTES)
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #used = 0
  /** A listener is being shown what is in the landing area. */
  showing = false
  readonly #onFree: OnFree | null

  constructor(onFree: OnFree | null = null) {
    this.#onFree = onFree
  }

  /** Whether these bytes are in the landing area, where the next read overwrites them. */
  isLanding(bytes: Buffer): boolean {
    return this.showing && bytes.buffer === this.landing.buffer
  }

  /** The listener is done with what it was shown, so many bytes. */
  hide(length: number): void {
    this.showing = false
    this.#onFree?.(this.landing.subarray(0, length))
  }

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
}
