/** One TCP connection as a byte stream over `node:net`'s sockets. */
import type net from 'node:net'
import type { Address } from '../core/routing-table.ts'
import type { Deadlines, Waiting } from './deadlines.ts'
import { saveLastBytes } from './last-bytes.ts'
import { ListenedStream } from './listened-stream.ts'
import type { ByteStream, StreamListener } from './stream.ts'
import type { OnFault } from './transport.ts'

export class SocketStream extends ListenedStream implements ByteStream, Waiting {
  readonly remote: Address
  due = 0
  earlier: Waiting | null = null
  later: Waiting | null = null
  readonly #socket: net.Socket
  /** A listener was promised to be told when all is sent. */
  #drainUntold = false
  /** Where this waits, once let go, for its peer to take the last bytes. */
  readonly #lasting: Deadlines<SocketStream>
  /** Bytes that were left when that was looked at last. */
  #waiting = 0

  /** @param socket one with `allowHalfOpen` */
  constructor(
    socket: net.Socket,
    remote: Address,
    { onFault, lasting }: { onFault: OnFault; lasting: Deadlines<SocketStream> },
  ) {
    super(onFault)
    this.remote = remote
    this.#lasting = lasting
    this.#socket = socket
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error ??= error
    })
    saveLastBytes(socket, (chunk) => this.#onData(chunk))
    socket.on('close', () => {
      lasting.end(this)
      this.tellClose()
    })
    socket.on('connect', () => this.tell((listener) => listener.onConnect?.()))
    socket.on('end', () => {
      this.ended = true
      this.tell((listener) => listener.onEnd())
    })
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  /** Without what still waits in user space. */
  get bytesWritten(): number {
    return (this.#socket.bytesWritten ?? 0) - this.#socket.writableLength
  }

  listen(listener: StreamListener): void {
    const first = this.listener === null
    this.replaceListener(listener)
    if (first && !this.closed) {
      // Attaching `data` starts the flow, unless `pause` was called before.
      this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    }
  }

  write(chunk: Buffer): boolean {
    const socket = this.#socket
    if (!socket.writable) return true
    socket.write(chunk, this.#wrote)
    // Asked after the write: mostly the kernel has taken all of it by now, and then there is
    // nothing to wait for.
    if (socket.writableLength === 0) return true
    this.#drainUntold = true
    return false
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.listener !== null) this.#socket.resume()
  }

  end(): void {
    if (this.#socket.writable) this.#socket.end()
  }

  close(): void {
    if (this.dropped || this.closed) return
    this.dropped = true
    // Bytes left unread would make the kernel end with RST, and cost the peer what is on its way.
    this.#socket.resume()
    this.#socket.destroySoon()
    if (this.#socket.writableLength > 0) this.#boundLastBytes()
  }

  /** Let go a while ago, and not all is sent: goes on as long as the peer takes anything. */
  lastBytesDue(): void {
    if (unsentBytes(this.#socket) < this.#waiting) this.#boundLastBytes()
    else this.reset()
  }

  reset(): void {
    const socket = this.#socket
    this.dropped = true
    if (socket.destroyed) return
    // While a FIN is on its way down to the kernel, libuv refuses to reset and Node then loses the
    // handle; it is a matter of one turn of the loop.
    const finishing =
      socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
    if (socket.connecting) socket.destroy()
    else if (finishing) socket.once('finish', () => socket.resetAndDestroy())
    else socket.resetAndDestroy()
  }

  #boundLastBytes(): void {
    this.#waiting = unsentBytes(this.#socket)
    this.#lasting.begin(this)
  }

  readonly #wrote = (error?: Error | null): void => {
    if (error || !this.#drainUntold || this.#socket.writableLength > 0) return
    this.#drainUntold = false
    this.tell((listener) => listener.onDrain())
  }

  #onData(chunk: Buffer): void {
    if (!this.dropped) this.tell((listener) => listener.onData(chunk))
  }
}

/** Bytes that the kernel has not taken. Node's own count of them knows no part of a write, libuv's does. */
function unsentBytes(socket: net.Socket): number {
  const { _handle: handle } = socket as net.Socket & {
    _handle?: { writeQueueSize?: number } | null
  }
  return handle?.writeQueueSize ?? socket.writableLength
}
