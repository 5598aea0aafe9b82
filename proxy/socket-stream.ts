/** One TCP connection as a byte stream over `node:net`'s sockets. */
import type net from 'node:net'
import type { Address } from '../core/routing-table.ts'
import { saveLastBytes } from './last-bytes.ts'
import type { ByteStream, StreamListener } from './stream.ts'
import type { OnFault } from './transport.ts'

export class SocketStream implements ByteStream {
  readonly remote: Address
  readonly #socket: net.Socket
  readonly #onFault: OnFault
  #listener: StreamListener | null = null
  #ended = false
  #closed = false
  #dropped = false
  /** A listener was promised to be told when all is sent. */
  #drainUntold = false
  /** What the present listener has missed and is about to be told. */
  #endUntold = false
  #closeUntold = false
  #error: NodeJS.ErrnoException | null = null

  /** @param socket one with `allowHalfOpen` */
  constructor(socket: net.Socket, remote: Address, onFault: OnFault) {
    this.remote = remote
    this.#onFault = onFault
    this.#socket = socket
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error ??= error
    })
    saveLastBytes(socket, (chunk) => this.#onData(chunk))
    socket.on('close', () => this.#onClose())
    socket.on('connect', () => this.#tell((listener) => listener.onConnect?.()))
    socket.on('end', () => {
      this.#ended = true
      this.#tell((listener) => listener.onEnd())
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
    const first = this.#listener === null
    this.#listener = listener
    this.#endUntold = this.#ended && !this.#dropped
    this.#closeUntold = this.#closed
    if (this.#ended || this.#closed) queueMicrotask(() => this.#tellState(listener))
    if (first && !this.#closed) {
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
    if (this.#listener !== null) this.#socket.resume()
  }

  end(): void {
    if (this.#socket.writable) this.#socket.end()
  }

  close(): void {
    this.#dropped = true
    this.#socket.destroySoon()
  }

  reset(): void {
    const socket = this.#socket
    this.#dropped = true
    if (socket.destroyed) return
    // While a FIN is on its way down to the kernel, libuv refuses to reset and Node then loses the
    // handle; it is a matter of one turn of the loop.
    const finishing =
      socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
    if (socket.connecting) socket.destroy()
    else if (finishing) socket.once('finish', () => socket.resetAndDestroy())
    else socket.resetAndDestroy()
  }

  readonly #wrote = (error?: Error | null): void => {
    if (error || !this.#drainUntold || this.#socket.writableLength > 0) return
    this.#drainUntold = false
    this.#tell((listener) => listener.onDrain())
  }

  #onData(chunk: Buffer): void {
    if (!this.#dropped) this.#tell((listener) => listener.onData(chunk))
  }

  #onClose(): void {
    this.#closed = true
    // What goes wrong after the connection was let go concerns nobody.
    if (this.#dropped) this.#error = null
    this.#tellEnd()
    this.#tell((listener) => listener.onClose(this.#error))
  }

  #tellEnd(): void {
    if (!this.#endUntold) return
    this.#endUntold = false
    this.#tell((listener) => listener.onEnd())
  }

  /** A fault in handling one connection must not end the process, and with it all the others. */
  #tell(call: (listener: StreamListener) => void): void {
    if (this.#listener === null) return
    try {
      call(this.#listener)
    } catch (error) {
      this.reset()
      this.#onFault(error, this)
    }
  }

  #tellState(listener: StreamListener): void {
    if (this.#listener !== listener) return
    this.#tellEnd()
    if (this.#listener !== listener || !this.#closeUntold) return
    this.#closeUntold = false
    this.#tell((present) => present.onClose(this.#error))
  }
}
