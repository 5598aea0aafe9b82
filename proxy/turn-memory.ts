/**
 * Memory for what lives no longer than a turn of the event loop: bytes that are read in it, told, and sent at its end. The
 * next turn uses it again. As garbage it would be dear: V8 counts it beside its own heap, and after each 5,000 requests
 * with bodies of 2 KiB it marked that heap for it, on all its threads.
 */

/** Size of a block, bytes: what a read brings at most fits into one. */
const BLOCK_BYTES = 65_536

/** Blocks that wait for the next turn, at most: 512 KiB. 64 connections with 2 KiB each, edited, need five. */
const MOST_SPARE = 8

/** How often is looked whether the spare blocks are needed, ms. */
const SWEEP_MS = 5_000

/** Hears of memory that nobody has any more, before it is used again. */
export type OnFree = (memory: Buffer) => void

export class TurnMemory {
  #block: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #used = 0
  /** The other blocks of this turn. */
  readonly #full: Buffer[] = []
  readonly #spare: Buffer[] = []
  /** A spare block was taken since that was looked at last. */
  #needed = false
  #sweeping = false
  readonly #onFree: OnFree | null

  constructor(onFree: OnFree | null = null) {
    this.#onFree = onFree
  }

  /** Memory that is good until the end of this turn, or for ever if it is kept. */
  room(length: number): Buffer {
    if (length > BLOCK_BYTES) return Buffer.allocUnsafeSlow(length)
    if (this.#used + length > BLOCK_BYTES) {
      this.#full.push(this.#block)
      this.#takeBlock()
    }
    const start = this.#used
    const end = start + length
    // Pieces begin at multiples of 8, where copying is fastest.
    this.#used = (end + 7) & ~7
    return this.#block.subarray(start, end)
  }

  /** The first bytes of `from`, for as long. */
  copy(from: Buffer, length: number): Buffer {
    const copy = this.room(length)
    from.copy(copy, 0, 0, length)
    return copy
  }

  /** Whether these bytes are good until the end of this turn only. */
  has({ buffer }: Buffer): boolean {
    return this.#block.buffer === buffer || this.#full.some((block) => block.buffer === buffer)
  }

  /** Somebody needs these bytes longer: their block stays as it is and is left to the collector. */
  keep({ buffer }: Buffer): void {
    if (this.#block.buffer === buffer) {
      this.#takeBlock()
      return
    }
    const at = this.#full.findIndex((block) => block.buffer === buffer)
    if (at >= 0) this.#full.splice(at, 1)
  }

  /** The turn is over: all that was sent is with the kernel, or was kept. */
  reset(): void {
    this.#onFree?.(this.#block.subarray(0, this.#used))
    this.#used = 0
    if (this.#full.length === 0) return
    for (const block of this.#full) {
      this.#onFree?.(block)
      if (this.#spare.length < MOST_SPARE) this.#spare.push(block)
    }
    this.#full.length = 0
    if (!this.#sweeping) this.#sweepLater()
  }

  #takeBlock(): void {
    this.#needed = true
    this.#block = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)
    this.#used = 0
  }

  #sweepLater(): void {
    this.#sweeping = true
    setTimeout(() => this.#sweep(), SWEEP_MS).unref()
  }

  #sweep(): void {
    this.#sweeping = this.#needed
    if (this.#needed) this.#sweepLater()
    else this.#spare.length = 0
    this.#needed = false
  }
}
