/**
 * Read buffers that are lent to the connections that carry much data: large, of one connection alone, in
 * a bounded number, and taken back when they are not needed.
 */

/**
 * The buffers that there are: the first connections get large ones. The more bytes a system call moves,
 * the fewer there are, and the less often the reader behind has to be woken: 256 KiB move 1.5 times as
 * much in a second of the processor's as 64 KiB, and 1 MiB again 1.3 times; beyond that nothing is won.
 * 16 MiB in all; connections beyond that do without.
 */
const KINDS = [
  { bytes: 1_048_576, most: 8 },
  { bytes: 262_144, most: 32 },
] as const

/** A read of at least this size, bytes, shows that a connection carries much. */
export const BULK_BYTES = 16_384

/** So many reads below this size, bytes, one after the other show that it no longer does. */
const TRICKLE_BYTES = 4_096
const TRICKLES = 16

/**
 * Bytes that a connection may read in one go, where libuv would read 32 times. The others are waiting:
 * 2 MiB take about 1 ms.
 */
const MOST_AT_ONCE = 2_097_152

/** How often lent buffers of idle connections are looked for, ms. */
const SWEEP_MS = 5_000

/** How often one connection may be parted from its buffer: each time costs libuv's listeners 40 bytes. */
const MOST_SWEPT = 100

/** Who can borrow a buffer. */
export interface Borrower {
  readonly bytesRead: number
  /** Parts with the buffer if it can; false if it still needs what is in it. */
  releaseIdle(): boolean
}

export class Loan {
  readonly buffer: Buffer
  /** Bytes that its owner had read when it was looked at last. */
  seen = -1
  #atOnce = 0
  #trickles = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  /** Whether this read, by its size, shows that the connection carries little by now. */
  isOver(count: number): boolean {
    this.#trickles = count < TRICKLE_BYTES ? this.#trickles + 1 : 0
    return this.#trickles >= TRICKLES
  }

  /** Whether it is the others' turn after a read of this size. */
  hasHadEnough(count: number): boolean {
    this.#atOnce = count < this.buffer.length ? 0 : this.#atOnce + count
    if (this.#atOnce < MOST_AT_ONCE) return false
    this.#atOnce = 0
    return true
  }
}

export class Loans {
  readonly #loans = new Map<Borrower, Loan>()
  readonly #swept = new WeakMap<Borrower, number>()
  readonly #pools = KINDS.map(({ bytes, most }) => ({ bytes, left: most, spare: [] as Buffer[] }))
  #sweeping = false

  /** A buffer that nobody else uses; null if all are lent already. */
  lend(to: Borrower): Loan | null {
    if ((this.#swept.get(to) ?? 0) >= MOST_SWEPT) return null
    const pool = this.#pools.find(({ left }) => left > 0)
    if (pool === undefined) return null
    pool.left--
    const loan = new Loan(pool.spare.pop() ?? Buffer.allocUnsafeSlow(pool.bytes))
    this.#loans.set(to, loan)
    this.#sweepLater()
    return loan
  }

  /** @param needed somebody may still need what is in the buffer, so that nobody else may have it */
  end(of: Borrower, { buffer }: Loan, needed: boolean): void {
    this.#loans.delete(of)
    const pool = this.#pools.find(({ bytes }) => bytes === buffer.length)
    if (pool === undefined) return
    pool.left++
    if (!needed) pool.spare.push(buffer)
  }

  #sweepLater(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    setTimeout(() => this.#sweep(), SWEEP_MS).unref()
  }

  #sweep(): void {
    this.#sweeping = false
    for (const [borrower, loan] of [...this.#loans]) {
      if (loan.seen !== borrower.bytesRead) loan.seen = borrower.bytesRead
      else if (borrower.releaseIdle()) {
        this.#swept.set(borrower, (this.#swept.get(borrower) ?? 0) + 1)
      }
    }
    if (this.#loans.size > 0) {
      this.#sweepLater()
      return
    }
    // Nothing was moving for a while: the memory goes back.
    for (const pool of this.#pools) pool.spare.length = 0
  }
}
