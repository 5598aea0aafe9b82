/** One TCP connection as a byte stream directly on a handle of libuv's, without `node:net` between. */
import type { Address } from '../core/routing-table.ts'
import type { Deadlines, Waiting } from './deadlines.ts'
import { EarlyBytes } from './early-bytes.ts'
import { NOTHING, PassingStream } from './passing-stream.ts'
import { errnoError, type TcpHandle, UV_ENOBUFS, UV_EOF } from './raw-bindings.ts'
import { type Borrower, BULK_BYTES, type Loan } from './raw-loans.ts'
import type { RawLoop } from './raw-loop.ts'
import type { ByteStream, StreamListener } from './stream.ts'
import { connectTimeout, type OnFault } from './transport.ts'
import { readRest } from './unread-bytes.ts'

/** Where the handle stands. */
const CONNECTING = 0
const OPEN = 1
/** The handle is closed, and whoever listens still to be told. */
const CLOSING = 2
const CLOSED = 3

export class RawStream extends PassingStream implements ByteStream, Waiting, Borrower {
  readonly remote: Address
  due = 0
  earlier: Waiting | null = null
  later: Waiting | null = null
  readonly #handle: TcpHandle
  readonly #loop: RawLoop
  #phase: number
  /** Bytes of `sent` that the kernel had not taken when the handle was closed. */
  #unsent = 0
  /** Writes that libuv has not finished. */
  #pending = 0
  /** Bytes that they had left when that was looked at last, after the connection was let go. */
  #waiting = 0
  /** The list in which this waits, for its connection or for keep-alive probes. */
  #waitsIn: Deadlines<RawStream> | null = null
  /** What was written before the connection was there. */
  #early: EarlyBytes | null = null
  /** The buffer that the handle reads into instead of the landing area. */
  #loan: Loan | null = null
  #paused = false
  /** Has read so much that it is the others' turn. */
  #resting = false
  #reading = false
  /** The listener is in its `onData`. */
  #telling = false
  /** FIN was asked for; it is on its way to the kernel; the kernel has it. */
  #finishing = false
  #shutting = false
  #finished = false
  /** A write has failed and is about to be reported. */
  #broken = false
  #resetWanted = false
  /** A listener promised to be told when all is sent. */
  #drainUntold = false

  /** @param connecting whether a connection is still to be made, which `connected` will report */
  constructor(
    handle: TcpHandle,
    remote: Address,
    { loop, onFault, connecting }: { loop: RawLoop; onFault: OnFault; connecting: boolean },
  ) {
    super(onFault, loop.pipes)
    this.remote = remote
    this.#handle = handle
    this.#loop = loop
    this.#phase = connecting ? CONNECTING : OPEN
    handle.owner = this
    handle.onread = onRead
    handle.useUserBuffer(loop.buffers.landing)
  }

  get fd(): number {
    return this.#phase >= CLOSING ? -1 : this.#handle.fd
  }

  /** Without what still waits in user space. */
  get bytesWritten(): number {
    if (this.#pending === 0 || this.#phase >= CLOSING) return this.sent - this.#unsent
    return this.sent - this.#handle.writeQueueSize
  }

  get isClear(): boolean {
    return this.#phase === OPEN && this.#pending === 0 && !this.#finishing && !this.#broken
  }

  listen(listener: StreamListener): void {
    const first = this.listener === null
    // The listener before this one may still need what it has borrowed.
    if (this.#loan !== null) this.#leaveLoan()
    this.replaceListener(listener)
    if (first) this.#startOrStop()
  }

  write(chunk: Buffer): boolean {
    if (this.#phase !== OPEN) return this.#writeEarly(chunk)
    return this.#finishing || chunk.length === 0 || this.#writeNow(chunk)
  }

  pause(): void {
    this.#paused = true
    this.#startOrStop()
  }

  resume(): void {
    this.#paused = false
    this.#startOrStop()
  }

  end(): void {
    if (this.#finishing || this.#phase >= CLOSING) return
    this.#finishing = true
    this.#shutDownIfDone()
  }

  close(): void {
    if (this.#phase >= CLOSING) return
    this.dropped = true
    if (this.#phase === CONNECTING && this.#early === null) {
      this.#closeHandle()
      return
    }
    // All is with the kernel, which sends it and FIN behind it: the peer sees that in the same turn, and
    // nothing is left to wait for.
    if (this.#phase === OPEN && this.#pending === 0 && !this.#shutting) {
      this.#closeHandle()
      return
    }
    if (this.#loan !== null) this.#leaveLoan()
    // Bytes left unread would make the kernel end with RST, and cost the peer what is on its way.
    this.resume()
    this.end()
    if (this.#finished) this.#closeHandle()
    else if (this.#pending > 0) this.#boundLastBytes()
  }

  reset(): void {
    this.dropped = true
    if (this.#phase >= CLOSING) return
    if (this.#phase === CONNECTING) this.#closeHandle()
    // While a FIN is on its way down to the kernel, libuv refuses to reset and Node then loses the
    // handle; it is a matter of one turn of the loop.
    else if (this.#shutting) this.#resetWanted = true
    else this.#closeHandle(true)
  }

  /** Begins to wait in a list; the end of what it waits for ends that. */
  waitIn(list: Deadlines<RawStream>): void {
    this.#waitsIn = list
    list.begin(this)
  }

  /** The connection is established, or has failed with a negative errno. */
  connected(errno: number): void {
    if (this.#phase !== CONNECTING) return
    this.#waitsIn?.end(this)
    if (errno !== 0) {
      this.#fail(errnoError(errno, 'connect', this.remote))
      return
    }
    this.#phase = OPEN
    const early = this.#early
    this.#early = null
    for (const chunk of early?.chunks ?? []) this.#writeNow(chunk)
    if (this.#finishing) this.#shutDownIfDone()
    if (this.dropped) this.#boundLastBytes()
    else this.waitIn(this.#loop.young)
    this.tell((listener) => listener.onConnect?.())
    if (early?.full && this.#pending === 0) this.tell((listener) => listener.onDrain())
  }

  /** No connection in time. */
  connectTimedOut(timeoutMs: number): void {
    if (this.#phase === CONNECTING) this.#fail(connectTimeout(this.remote, timeoutMs))
  }

  /** Let go a while ago, and not all is sent: goes on as long as the peer takes anything. */
  lastBytesDue(): void {
    const waiting = this.#handle.writeQueueSize
    if (waiting < this.#waiting) this.#boundLastBytes()
    else this.#closeHandle(!this.#shutting)
  }

  /** An established connection that has lasted a while is to be watched over. */
  keepAlive(seconds: number): void {
    if (this.#phase === OPEN) this.#handle.setKeepAlive(true, seconds)
  }

  failed(errno: number, syscall: 'read' | 'write'): void {
    if (syscall === 'write') this.#break(errno)
    else this.#fail(errnoError(errno, 'read'))
  }

  /** Takes the handle's last read; the result, if any, is where the next one is to go. */
  readNow(): Buffer | undefined {
    const count = this.#loop.lastRead()
    if (count > 0) return this.#readBytes(count)
    if (count === 0 || this.#phase >= CLOSING) return undefined
    if (count === UV_ENOBUFS && this.watching) return this.tellReadable(this.#loop.buffers.landing)
    if (count !== UV_EOF) {
      this.#fail(errnoError(count, 'read'))
      return undefined
    }
    this.ended = true
    if (!this.dropped) this.tell((listener) => listener.onEnd())
    this.#closeIfBothEnded()
    return undefined
  }

  /** A write that was under way is over. */
  written(status: number): void {
    this.#pending--
    if (this.#phase >= CLOSING) return
    if (status < 0) {
      this.#fail(errnoError(status, 'write'))
      return
    }
    if (this.#pending > 0) return
    if (this.#drainUntold) {
      this.#drainUntold = false
      this.tell((listener) => listener.onDrain())
    }
    if (this.#finishing) this.#shutDownIfDone()
  }

  /** The kernel has the FIN. That there is no connection any more is for the reader to find out. */
  wasShutDown(): void {
    this.#shutting = false
    this.#finished = true
    if (this.#phase >= CLOSING) return
    if (this.#resetWanted) this.#closeHandle(true)
    else if (this.dropped) this.#closeHandle()
    else this.#closeIfBothEnded()
  }

  /** The turn in which the handle was closed is over. */
  wasClosed(): void {
    this.#phase = CLOSED
    this.tellClose()
  }

  /** Parts with a lent buffer, as the connection has become idle; false if it still needs it. */
  releaseIdle(): boolean {
    if (this.#loan === null || this.#paused || this.#phase !== OPEN) return false
    this.#leaveLoan()
    return true
  }

  #readBytes(count: number): Buffer | undefined {
    this.bytesRead += count
    const listener = this.listener
    if (this.dropped || listener === null) return undefined
    const { buffers } = this.#loop
    const loan = this.#loan
    const borrows = listener.borrows === true
    const chunk =
      loan !== null && borrows
        ? loan.buffer.subarray(0, count)
        : buffers.copy(loan?.buffer ?? buffers.landing, count)
    this.#telling = true
    try {
      listener.onData(chunk)
    } catch (error) {
      this.fault(error)
    }
    this.#telling = false
    // Whoever took over in `onData` begins with the landing area.
    if (this.#phase !== OPEN || this.#loan !== loan) return undefined
    if (this.watching) {
      this.#returnLoan()
      return NOTHING
    }
    if (loan !== null) return this.#readOn(loan, count)
    if (borrows && count >= BULK_BYTES) this.#loan = this.#loop.loans.lend(this)
    return this.#loan?.buffer
  }

  /** After a read into a lent buffer. */
  #readOn(loan: Loan, count: number): Buffer | undefined {
    if (this.#paused) return undefined
    if (loan.isOver(count)) {
      this.#returnLoan()
      return this.#loop.buffers.landing
    }
    if (loan.hasHadEnough(count)) {
      this.#rest(true)
      setImmediate(() => this.#rest(false))
    }
    return undefined
  }

  /** Goes back to the landing area outside of a read. */
  #leaveLoan(): void {
    this.#returnLoan()
    if (this.#phase < CLOSING) this.#handle.useUserBuffer(this.#loop.buffers.landing)
  }

  #returnLoan(): void {
    const loan = this.#loan
    if (loan === null) return
    this.#loan = null
    // Paused, or in its `onData`, the listener may still need the last bytes.
    this.#loop.loans.end(this, loan, this.#paused || this.#telling)
  }

  #writeNow(chunk: Buffer): boolean {
    if (this.#broken) return true
    const loop = this.#loop
    const errno = this.#handle.writeBuffer(loop.spare, chunk)
    if (errno !== 0) {
      this.#break(errno)
      return true
    }
    this.sent += chunk.length
    if (!loop.wasAsync()) return true
    // Libuv has the request and the buffer until `written`.
    loop.useSpare(this, chunk)
    this.#pending++
    this.#drainUntold = true
    return false
  }

  #writeEarly(chunk: Buffer): boolean {
    if (this.#phase !== CONNECTING || this.#finishing) return true
    this.#early ??= new EarlyBytes()
    return this.#early.add(chunk)
  }

  /** A failed write; what the peer has said before is still to be read, in a turn of its own. */
  #break(errno: number): void {
    this.#broken = true
    queueMicrotask(() => this.#fail(errnoError(errno, 'write')))
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#phase >= CLOSING) return
    this.error ??= error
    const unread = error.syscall === 'write' && !this.ended
    if (unread && !this.dropped) {
      for (const chunk of readRest(this.#handle.fd)) {
        this.bytesRead += chunk.length
        this.tell((listener) => listener.onData(chunk))
        if (this.#phase >= CLOSING) return
      }
    }
    this.#closeHandle()
  }

  #boundLastBytes(): void {
    if (this.#phase !== OPEN) return
    this.#waiting = this.#handle.writeQueueSize
    this.#waitsIn?.end(this)
    this.waitIn(this.#loop.lasting)
  }

  #shutDownIfDone(): void {
    if (this.#pending > 0 || this.#phase !== OPEN || this.#shutting || this.#finished) return
    // All that the peer has sent is read, so that closing sends a plain FIN.
    if (this.ended) {
      this.#finished = true
      this.#closeHandle()
      return
    }
    this.#shutting = true
    if (this.#loop.shutDown(this.#handle, this) !== 0) this.wasShutDown()
  }

  #closeIfBothEnded(): void {
    if (this.ended && (this.#finished || this.dropped)) this.#closeHandle()
  }

  #closeHandle(withReset = false): void {
    if (this.#phase >= CLOSING) return
    if (this.#pending > 0) this.#unsent = this.#handle.writeQueueSize
    this.#waitsIn?.end(this)
    this.#phase = CLOSING
    this.#returnLoan()
    this.#early = null
    if (withReset) this.#handle.reset()
    else this.#handle.close()
    this.#loop.closed(this)
  }

  #rest(resting: boolean): void {
    this.#resting = resting
    this.#startOrStop()
  }

  #startOrStop(): void {
    const wanted = !this.#paused && !this.#resting && this.listener !== null && !this.ended
    if (wanted === this.#reading || this.#phase >= CLOSING) return
    this.#reading = wanted
    if (wanted) this.#handle.readStart()
    else this.#handle.readStop()
  }
}

function onRead(this: TcpHandle): Buffer | undefined {
  return (this.owner as RawStream).readNow()
}
