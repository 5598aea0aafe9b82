/** One TCP connection as a byte stream directly on a handle of libuv's, without `node:net` between. */
import type { Address } from '../core/routing-table.ts'
import type { Deadlines, Waiting } from './deadlines.ts'
import { EarlyBytes } from './early-bytes.ts'
import { errnoError, type TcpHandle } from './raw-bindings.ts'
import type { RawLoop } from './raw-loop.ts'
import { CLOSED, CLOSING, CONNECTING, OPEN, ReadingStream } from './reading-stream.ts'
import type { ByteStream } from './stream.ts'
import { connectTimeout, type OnFault } from './transport.ts'
import { readRest } from './unread-bytes.ts'
import { writeNow } from './write-now.ts'

export class RawStream extends ReadingStream implements ByteStream, Waiting {
  readonly remote: Address
  due = 0
  earlier: Waiting | null = null
  later: Waiting | null = null
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
  /** What goes when all that has come in this turn is told. */
  #soon: Buffer | null = null
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
    super(handle, { loop, onFault, phase: connecting ? CONNECTING : OPEN })
    this.remote = remote
  }

  get fd(): number {
    return this.phase >= CLOSING ? -1 : this.handle.fd
  }

  /** Without what still waits in user space. */
  get bytesWritten(): number {
    if (this.#pending === 0 || this.phase >= CLOSING) return this.sent - this.#unsent
    return this.sent - this.handle.writeQueueSize
  }

  get isClear(): boolean {
    const waits = this.#pending > 0 || this.#soon !== null
    return this.phase === OPEN && !waits && !this.#finishing && !this.#broken
  }

  write(chunk: Buffer): boolean {
    if (this.#soon !== null) this.flush()
    const passing = this.loop.buffers.isLanding(chunk)
    if (this.phase !== OPEN) return this.#writeEarly(passing ? Buffer.from(chunk) : chunk)
    if (this.#finishing || chunk.length === 0) return true
    return passing ? this.#pass(chunk) : this.#writeNow(chunk)
  }

  override writeSoon(chunk: Buffer): boolean {
    if (chunk.length === 0 || !this.isClear || this.loop.buffers.showing) return this.write(chunk)
    this.#soon = chunk
    this.loop.turn.unsent(this)
    return true
  }

  override room(length: number): Buffer {
    return this.loop.memory.room(length)
  }

  flush(): void {
    const chunk = this.#soon
    if (chunk === null) return
    this.#soon = null
    this.#writeNow(chunk)
  }

  end(): void {
    if (this.#soon !== null) this.flush()
    if (this.#finishing || this.phase >= CLOSING) return
    this.#finishing = true
    this.#shutDownIfDone()
  }

  close(): void {
    if (this.phase >= CLOSING) return
    if (this.#soon !== null) this.#sendLast(this.#soon)
    this.dropped = true
    if (this.phase === CONNECTING && this.#early === null) {
      this.#closeHandle()
      return
    }
    // All is with the kernel, which sends it and FIN behind it: the peer sees that in the same turn, and
    // nothing is left to wait for.
    if (this.phase === OPEN && this.#pending === 0 && !this.#shutting) {
      this.#closeHandle()
      return
    }
    this.leaveLoan()
    // Bytes left unread would make the kernel end with RST, and cost the peer what is on its way.
    this.resume()
    this.end()
    if (this.#finished) this.#closeHandle()
    else if (this.#pending > 0) this.#boundLastBytes()
  }

  reset(): void {
    if (this.#soon !== null) this.flush()
    this.dropped = true
    if (this.phase >= CLOSING) return
    if (this.phase === CONNECTING) this.#closeHandle()
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
    if (this.phase !== CONNECTING) return
    this.#waitsIn?.end(this)
    if (errno !== 0) {
      this.fail(errnoError(errno, 'connect', this.remote))
      return
    }
    this.phase = OPEN
    const early = this.#early
    this.#early = null
    for (const chunk of early?.chunks ?? []) this.#writeNow(chunk)
    if (this.#finishing) this.#shutDownIfDone()
    if (this.dropped) this.#boundLastBytes()
    else this.waitIn(this.loop.young)
    this.tell((listener) => listener.onConnect?.())
    if (early?.full && this.#pending === 0) this.tell((listener) => listener.onDrain())
  }

  /** No connection in time. */
  connectTimedOut(timeoutMs: number): void {
    if (this.phase === CONNECTING) this.fail(connectTimeout(this.remote, timeoutMs))
  }

  /** Let go a while ago, and not all is sent: goes on as long as the peer takes anything. */
  lastBytesDue(): void {
    const waiting = this.handle.writeQueueSize
    if (waiting < this.#waiting) this.#boundLastBytes()
    else this.#closeHandle(!this.#shutting)
  }

  /** An established connection that has lasted a while is to be watched over. */
  keepAlive(seconds: number): void {
    if (this.phase === OPEN) this.handle.setKeepAlive(true, seconds)
  }

  failed(errno: number, syscall: 'read' | 'write'): void {
    if (syscall === 'write') this.#break(errno)
    else this.fail(errnoError(errno, 'read'))
  }

  /** A write that was under way is over. */
  written(status: number): void {
    this.#pending--
    if (this.phase >= CLOSING) return
    if (status < 0) {
      this.fail(errnoError(status, 'write'))
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
    if (this.phase >= CLOSING) return
    if (this.#resetWanted) this.#closeHandle(true)
    else if (this.dropped) this.#closeHandle()
    else this.closeIfBothEnded()
  }

  /** The turn in which the handle was closed is over. */
  wasClosed(): void {
    this.phase = CLOSED
    this.tellClose()
  }

  #writeNow(chunk: Buffer): boolean {
    if (this.#broken) return true
    const loop = this.loop
    const errno = this.handle.writeBuffer(loop.spare, chunk)
    if (errno !== 0) {
      this.#break(errno)
      return true
    }
    this.sent += chunk.length
    if (!loop.wasAsync()) return true
    // Libuv has the request and the buffer until `written`.
    loop.memory.keep(chunk)
    loop.useSpare(this, chunk)
    this.#pending++
    this.#drainUntold = true
    return false
  }

  /** Sends what goes before FIN, and FIN with it, if the kernel takes it. The connection is then to be closed. */
  #sendLast(chunk: Buffer): void {
    this.#soon = null
    const taken = this.loop.sendLast?.(this.handle.fd, chunk) ?? 0
    if (taken < 0) {
      this.#break(taken)
      return
    }
    this.sent += taken
    if (taken < chunk.length) this.#writeNow(taken === 0 ? chunk : chunk.subarray(taken))
  }

  /** Sends what is in the landing area; what the kernel does not take at once goes as a copy. */
  #pass(chunk: Buffer): boolean {
    if (this.#broken) return true
    const taken = this.#pending > 0 ? 0 : writeNow(this.handle.fd, chunk)
    if (taken < 0) {
      this.#break(taken)
      return true
    }
    this.sent += taken
    return taken === chunk.length || this.#writeNow(Buffer.from(chunk.subarray(taken)))
  }

  #writeEarly(chunk: Buffer): boolean {
    if (this.phase !== CONNECTING || this.#finishing) return true
    this.#early ??= new EarlyBytes()
    const taken = this.#early.add(chunk)
    // Not copied any more.
    if (!taken) this.loop.memory.keep(chunk)
    return taken
  }

  /** A failed write; what the peer has said before is still to be read, in a turn of its own. */
  #break(errno: number): void {
    this.#broken = true
    queueMicrotask(() => this.fail(errnoError(errno, 'write')))
  }

  protected fail(error: NodeJS.ErrnoException): void {
    this.tellRest()
    if (this.phase >= CLOSING) return
    this.error ??= error
    const unread = error.syscall === 'write' && !this.ended
    if (unread && !this.dropped) {
      for (const chunk of readRest(this.handle.fd)) {
        this.bytesRead += chunk.length
        this.tell((listener) => listener.onData(chunk))
        if (this.phase >= CLOSING) return
      }
    }
    this.#closeHandle()
  }

  #boundLastBytes(): void {
    if (this.phase !== OPEN) return
    this.#waiting = this.handle.writeQueueSize
    this.#waitsIn?.end(this)
    this.waitIn(this.loop.lasting)
  }

  #shutDownIfDone(): void {
    if (this.#pending > 0 || this.phase !== OPEN || this.#shutting || this.#finished) return
    // All that the peer has sent is read, so that closing sends a plain FIN.
    if (this.ended) {
      this.#finished = true
      this.#closeHandle()
      return
    }
    this.#shutting = true
    if (this.loop.shutDown(this.handle, this) !== 0) this.wasShutDown()
  }

  protected closeIfBothEnded(): void {
    if (this.ended && (this.#finished || this.dropped)) this.#closeHandle()
  }

  #closeHandle(withReset = false): void {
    if (this.phase >= CLOSING) return
    if (this.#pending > 0) this.#unsent = this.handle.writeQueueSize
    this.#waitsIn?.end(this)
    this.phase = CLOSING
    this.endReading()
    this.#soon = null
    this.#early = null
    if (withReset) this.handle.reset()
    else this.handle.close()
    this.loop.closed(this)
  }
}
