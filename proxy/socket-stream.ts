/**
 * Byte streams over the kernel's TCP sockets, by `node:net`. Besides the listeners, no other file of
 * the proxy touches a socket.
 */
import net from 'node:net'
import type { Address } from '../core/routing-table.ts'
import { saveLastBytes } from './last-bytes.ts'
import type { ByteStream, StreamListener } from './stream.ts'

/**
 * Time to establish a connection, ms. Inside a cluster a SYN is answered in under 1 ms; the kernel
 * sends it again after 1 s and 3 s, so 5 s stand two lost packets and still answer a waiting user.
 */
export const CONNECT_TIMEOUT_MS = 5_000

/**
 * Idle time before TCP keep-alive probes, ms. Peers that vanished without a FIN (a node that died)
 * are noticed in 10 s + 9 probes instead of the kernel's two hours.
 */
const KEEP_ALIVE_MS = 10_000

/** Hears of what a listener has thrown: a fault of ours, after which the connection is reset. */
export type OnFault = (error: unknown) => void

/** What the log says of one. */
export const CONNECTION_FAULT = 'a connection was reset by a fault of this proxy'

const rethrow: OnFault = (error) => {
  throw error
}

/** Wraps a socket that a server with `allowHalfOpen` has accepted. */
export function acceptStream(socket: net.Socket, onFault: OnFault = rethrow): ByteStream {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  const remote = { ip: plainIp(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
  return new SocketStream(socket, remote, onFault)
}

/**
 * Opens a connection. Failures come as `onClose` with the errno in `code` and `syscall` `connect`;
 * `ETIMEDOUT` after `timeoutMs`.
 */
export function dialTcp(
  target: Address,
  {
    timeoutMs = CONNECT_TIMEOUT_MS,
    onFault = rethrow,
  }: { timeoutMs?: number; onFault?: OnFault } = {},
): ByteStream {
  const socket = net.connect({
    host: target.ip,
    port: target.port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    autoSelectFamily: false,
  })
  const stream = new SocketStream(socket, target, onFault)
  const timer = setTimeout(() => {
    const error: NodeJS.ErrnoException = new Error(
      `connect ETIMEDOUT ${target.ip}:${target.port}: no answer in ${timeoutMs} ms`,
    )
    error.code = 'ETIMEDOUT'
    error.syscall = 'connect'
    socket.destroy(error)
  }, timeoutMs)
  const done = () => clearTimeout(timer)
  socket.once('connect', done)
  socket.once('close', done)
  return stream
}

/** An IPv4 peer of a dual-stack listener shows as `::ffff:1.2.3.4`; it is plainly `1.2.3.4`. */
function plainIp(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip
}

class SocketStream implements ByteStream {
  readonly remote: Address
  readonly #socket: net.Socket
  readonly #onFault: OnFault
  #listener: StreamListener | null = null
  #ended = false
  #closed = false
  #dropped = false
  /** What the present listener has missed and is about to be told. */
  #endUntold = false
  #closeUntold = false
  #error: NodeJS.ErrnoException | null = null

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
    socket.on('drain', () => this.#tell((listener) => listener.onDrain()))
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
    socket.write(chunk)
    // Asked after the write: mostly the kernel has taken all of it by now, and then there is
    // nothing to wait for. At or above the mark Node is bound to emit `drain`.
    return socket.writableLength < socket.writableHighWaterMark
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
      this.#onFault(error)
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
