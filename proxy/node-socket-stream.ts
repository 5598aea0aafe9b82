/** What byte streams over Node's own sockets have in common, TCP or TLS: reading, pausing, and the end of either side. */
import type net from 'node:net'
import type { Address } from '../core/routing-table.ts'
import { ListenedStream } from './listened-stream.ts'
import type { StreamListener } from './stream.ts'
import type { OnFault } from './transport.ts'

export abstract class NodeSocketStream<Socket extends net.Socket> extends ListenedStream {
  readonly remote: Address
  protected readonly socket: Socket

  constructor(socket: Socket, remote: Address, onFault: OnFault) {
    super(onFault)
    this.remote = remote
    this.socket = socket
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error ??= this.explained(error)
    })
    socket.on('end', () => {
      this.ended = true
      this.tell((listener) => listener.onEnd())
    })
  }

  get bytesRead(): number {
    return this.socket.bytesRead
  }

  listen(listener: StreamListener): void {
    const first = this.listener === null
    this.replaceListener(listener)
    if (first && !this.closed) {
      // Attaching `data` starts the flow, unless `pause` was called before.
      this.socket.on('data', (chunk: Buffer) => this.onData(chunk))
    }
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    if (this.listener !== null) this.socket.resume()
  }

  end(): void {
    if (this.socket.writable) this.socket.end()
  }

  protected onData(chunk: Buffer): void {
    if (!this.dropped) this.tell((listener) => listener.onData(chunk))
  }

  /** The error as a listener is to be told of it. */
  protected explained(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
    return error
  }
}
