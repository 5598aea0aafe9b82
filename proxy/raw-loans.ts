/**
 * Read buffers that are lent to the connections that carry much data: large, of one connection alone, in
 * a bounded number, and taken back when they are not needed.
 */

/**
 * Sizes of the first buffers that are lent and of the others, bytes. The more bytes a system call moves,
 * the fewer there are, and the less often the reader behind has to be woken: 256 KiB move 1.5 times as
 * much in a second of the processor's as 64 KiB, and 1 MiB again 1.3 times; beyond that nothing is won.
 */
const LARGE_BYTES = 1_048_576
const MEDIUM_BYTES = 262_144

/** Bytes up to which buffers are large ones, and that are lent at most; others read without. */
const MOST_LARGE_BYTES = 8 * LARGE_BYTES
const MOST_BYTES = 16 * LARGE_BYTES

/** Unused bytes that are kept for those who need a buffer next. */
const MOST_SPARE_BYTES = 2 * LARGE_BYTES

/** A read of at least this size, bytes, makes a connection one that carries much; one below the other, not. */
export const BULK_BYTES = 16_384
const TRICKLE_BYTES = 4_096

/**
 * Bytes that a connection may read in one go, where libuv would read 32 times. The others are waiting:
 * 2 MiB take about 1 ms.
 */
const MOST_AT_ONCE = 2 * LARGE_BYTES

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

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  /** Whether a read of this size shows that the connection carries little by now. */
  isOver(count: number): boolean {
    return count < TRICKLE_BYTES
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
  readonly #spare: Buffer[] = []
  #lentBytes = 0
  #sweeping = false

  /** A buffer that nobody else uses; null if too much is lent already. */
  lend(to: Borrower): Loan | null {
    if ((this.#swept.get(to) ?? 0) >= MOST_SWEPT) return null
    const size = this.#lentBytes < MOST_LARGE_BYTES ? LARGE_BYTES : MEDIUM_BYTES
    if (this.#lentBytes + size > MOST_BYTES) return null
    this.#lentBytes += size
    const loan = new Loan(this.#take(size))
    this.#loans.set(to, loan)
    this.#sweepLater()
    return loan
  }

  /** @param needed somebody may still need what is in the buffer, so that nobody else may have it */
  end(of: Borrower, { buffer }: Loan, needed: boolean): void {
    this.#loans.delete(of)
    this.#lentBytes -= buffer.length
    const spare = this.#spare.reduce((sum, { length }) => sum + length, buffer.length)
    if (!needed && spare <= MOST_SPARE_BYTES) this.#spare.push(buffer)
  }

  #take(size: number): Buffer {
    const at = this.#spare.findIndex(({ length }) => length === size)
    if (at < 0) return Buffer.allocUnsafeSlow(size)
    return this.#spare.splice(at, 1)[0] as Buffer
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
    if (this.#loans.size > 0) this.#sweepLater()
  }
}
