/** What the streams of both transports have in common: their listeners, and what those are told when. */
import type { ByteStream, StreamListener } from './stream.ts'
import type { OnFault } from './transport.ts'

export abstract class ListenedStream {
  protected listener: StreamListener | null = null
  /** The peer's FIN has come. */
  protected ended = false
  /** The connection is gone. */
  protected closed = false
  /** Let go: nothing that comes is told. */
  protected dropped = false
  protected error: NodeJS.ErrnoException | null = null
  readonly #onFault: OnFault
  /** What the present listener has missed and is about to be told. */
  #endUntold = false
  #closeUntold = false

  constructor(onFault: OnFault) {
    this.#onFault = onFault
  }

  abstract write(chunk: Buffer): boolean
  abstract reset(): void

  /** Of its own, where nothing better is known. */
  room(length: number): Buffer {
    return Buffer.allocUnsafe(length)
  }

  /** At once, where nothing better is known. */
  writeSoon(chunk: Buffer): boolean {
    return this.write(chunk)
  }

  /** One that comes late is told of an end in a later turn. */
  protected replaceListener(listener: StreamListener): void {
    this.listener = listener
    this.#endUntold = this.ended && !this.dropped
    this.#closeUntold = this.closed
    if (this.ended || this.closed) this.#tellLater(listener)
  }

  /** Apart, because a function that makes a closure costs memory also where it makes none. */
  #tellLater(listener: StreamListener): void {
    queueMicrotask(() => this.#tellState(listener))
  }

  protected tell(call: (listener: StreamListener) => void): void {
    if (this.listener === null) return
    try {
      call(this.listener)
    } catch (error) {
      this.fault(error)
    }
  }

  /** A fault in handling one connection must not end the process, and with it all the others. */
  protected fault(error: unknown): void {
    this.reset()
    this.#onFault(error, this as unknown as ByteStream)
  }

  protected tellClose(): void {
    this.closed = true
    // What goes wrong after the connection was let go concerns nobody.
    if (this.dropped) this.error = null
    this.#tellEnd()
    this.tell((listener) => listener.onClose(this.error))
  }

  #tellEnd(): void {
    if (!this.#endUntold) return
    this.#endUntold = false
    this.tell((listener) => listener.onEnd())
  }

  #tellState(listener: StreamListener): void {
    if (this.listener !== listener) return
    this.#tellEnd()
    if (this.listener !== listener || !this.#closeUntold) return
    this.#closeUntold = false
    this.tell((present) => present.onClose(this.error))
  }
}
