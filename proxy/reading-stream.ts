/**
 * The reading half of a connection on a handle of libuv's: where its bytes go, when its listener is told of
 * them, and when nothing is read.
 */
import { NOTHING, PassingStream } from './passing-stream.ts'
import { errnoError, type TcpHandle, UV_ENOBUFS, UV_EOF } from './raw-bindings.ts'
import { type Borrower, BULK_BYTES, type Loan } from './raw-loans.ts'
import type { RawLoop } from './raw-loop.ts'
import type { TurnStream } from './raw-turn.ts'
import type { StreamListener } from './stream.ts'
import type { OnFault } from './transport.ts'

/** Where the handle stands. */
export const CONNECTING = 0
export const OPEN = 1
/** The handle is closed, and whoever listens still to be told. */
export const CLOSING = 2
export const CLOSED = 3

export abstract class ReadingStream extends PassingStream implements Borrower, TurnStream {
  protected readonly handle: TcpHandle
  protected readonly loop: RawLoop
  protected phase: number
  /** The buffer that the handle reads into instead of the landing area. */
  #loan: Loan | null = null
  /** What was read and is not told yet. */
  #came: Buffer | null = null
  /** So was the peer's FIN, behind it. */
  #endCame = false
  #paused = false
  /** Has read so much that it is the others' turn. */
  #resting = false
  #reading = false
  /** The listener is in its `onData`. */
  #telling = false

  constructor(
    handle: TcpHandle,
    { loop, onFault, phase }: { loop: RawLoop; onFault: OnFault; phase: number },
  ) {
    super(onFault, loop.pipes)
    this.handle = handle
    this.loop = loop
    this.phase = phase
    handle.owner = this
    handle.onread = onRead
    handle.useUserBuffer(loop.buffers.landing)
  }

  abstract flush(): void
  /** The connection is over, with an error. */
  protected abstract fail(error: NodeJS.ErrnoException): void
  protected abstract closeIfBothEnded(): void

  get hasUntold(): boolean {
    return this.#came !== null
  }

  listen(listener: StreamListener): void {
    const first = this.listener === null
    // The listener before this one may still need what it has borrowed.
    this.leaveLoan()
    this.replaceListener(listener)
    if (first) this.#startOrStop()
  }

  pause(): void {
    this.#paused = true
    this.#startOrStop()
  }

  resume(): void {
    this.#paused = false
    if (this.#came !== null || this.#endCame) this.loop.turn.received(this)
    this.#startOrStop()
  }

  /** Takes the handle's last read; the result, if any, is where the next one is to go. */
  readNow(): Buffer | undefined {
    const count = this.loop.lastRead()
    if (count > 0) return this.#readBytes(count)
    if (count === 0 || this.phase >= CLOSING) return undefined
    if (count === UV_ENOBUFS && this.watching) return this.tellReadable(this.loop.buffers.landing)
    if (count !== UV_EOF) this.fail(errnoError(count, 'read'))
    else if (this.#came !== null) this.#endCame = true
    else {
      this.#tellEnd()
      this.closeIfBothEnded()
    }
    return undefined
  }

  /** Tells what has come, unless the listener has paused. */
  deliver(): void {
    if (this.#paused) {
      // It waits for another turn.
      if (this.#came !== null) this.#came = this.#ownOf(this.#came)
      return
    }
    this.#tellCame()
    if (this.#paused || !this.#endCame) return
    this.#tellEnd()
    this.closeIfBothEnded()
  }

  /** Parts with a lent buffer, as the connection has become idle; false if it still needs it. */
  releaseIdle(): boolean {
    if (this.#loan === null || this.#paused || this.phase !== OPEN) return false
    this.leaveLoan()
    return true
  }

  /** Goes back to the landing area outside of a read. */
  protected leaveLoan(): void {
    if (this.#loan === null) return
    this.#returnLoan()
    if (this.phase < CLOSING) this.handle.useUserBuffer(this.loop.buffers.landing)
  }

  /** Tells what has come also to one who has paused, as nothing more will come. */
  protected tellRest(): void {
    if (this.#came !== null) this.#tellCame()
    if (this.#endCame) this.#tellEnd()
  }

  /** The handle is about to be closed. */
  protected endReading(): void {
    this.#came = null
    this.#endCame = false
    this.#returnLoan()
  }

  #tellCame(): void {
    const chunk = this.#came
    this.#came = null
    const { listener } = this
    if (chunk === null || this.dropped || listener === null) return
    this.#tellData(listener, listener.passes === true ? chunk : this.#ownOf(chunk))
    if (!this.watching || this.phase !== OPEN) return
    this.#returnLoan()
    this.handle.useUserBuffer(NOTHING)
  }

  #tellEnd(): void {
    this.#endCame = false
    this.ended = true
    if (!this.dropped) this.tell((listener) => listener.onEnd())
  }

  #readBytes(count: number): Buffer | undefined {
    this.bytesRead += count
    const listener = this.listener
    if (this.dropped || listener === null) return undefined
    const { buffers } = this.loop
    const loan = this.#loan
    const borrows = listener.borrows === true
    if (this.#came !== null || (!borrows && count < BULK_BYTES)) {
      const known = loan === null ? this.loop.known.find(count) : null
      const memory = listener.passes === true ? this.loop.memory : buffers
      this.#keep(known ?? memory.copy(loan?.buffer ?? buffers.landing, count))
      return loan === null ? undefined : this.#readOn(loan, count)
    }
    if (loan === null && listener.passes === true) this.#show(listener, count)
    else {
      const from = loan?.buffer ?? buffers.landing
      this.#tellData(
        listener,
        loan !== null && borrows ? from.subarray(0, count) : buffers.copy(from, count),
      )
    }
    // Whoever took over in `onData` begins with the landing area.
    if (this.phase !== OPEN || this.#loan !== loan) return undefined
    if (this.watching) {
      this.#returnLoan()
      return NOTHING
    }
    if (loan !== null) return this.#readOn(loan, count)
    if (borrows && count >= BULK_BYTES) this.#loan = this.loop.loans.lend(this)
    return this.#loan?.buffer
  }

  /** The bytes, or a copy if they are in memory that is used again. */
  #ownOf(chunk: Buffer): Buffer {
    return this.loop.memory.has(chunk) ? this.loop.buffers.copy(chunk, chunk.length) : chunk
  }

  /** More can come before all that came is told where the listener had paused for a while. */
  #keep(chunk: Buffer): void {
    if (this.#came === null) {
      this.#came = chunk
      this.loop.turn.received(this)
    } else this.#came = Buffer.concat([this.#came, chunk])
  }

  #tellData(listener: StreamListener, chunk: Buffer): void {
    this.#telling = true
    try {
      listener.onData(chunk)
    } catch (error) {
      this.fault(error)
    }
    this.#telling = false
  }

  /** Tells what has come where it is: of what it writes of that, streams keep nothing. */
  #show(listener: StreamListener, count: number): void {
    const { buffers } = this.loop
    buffers.showing = true
    this.#tellData(listener, buffers.landing.subarray(0, count))
    buffers.hide(count)
  }

  /** After a read into a lent buffer. */
  #readOn(loan: Loan, count: number): Buffer | undefined {
    if (this.#paused) return undefined
    if (loan.isOver(count)) {
      this.#returnLoan()
      return this.loop.buffers.landing
    }
    if (loan.hasHadEnough(count)) {
      this.#rest(true)
      setImmediate(() => this.#rest(false))
    }
    return undefined
  }

  #returnLoan(): void {
    const loan = this.#loan
    if (loan === null) return
    this.#loan = null
    // Paused, or in its `onData`, the listener may still need the last bytes.
    this.loop.loans.end(this, loan, this.#paused || this.#telling)
  }

  #rest(resting: boolean): void {
    this.#resting = resting
    this.#startOrStop()
  }

  #startOrStop(): void {
    // Reading on behind FIN would find it again, and it would be told twice.
    const over = this.ended || this.#endCame
    const wanted = !this.#paused && !this.#resting && this.listener !== null && !over
    if (wanted === this.#reading || this.phase >= CLOSING) return
    this.#reading = wanted
    if (wanted) this.handle.readStart()
    else this.handle.readStop()
  }
}

function onRead(this: TcpHandle): Buffer | undefined {
  return (this.owner as ReadingStream).readNow()
}
