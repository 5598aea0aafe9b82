/** A byte stream that speaks TLS over another one, as its client. */
import type { Address } from '../core/routing-table.ts'
import { ListenedStream } from './listened-stream.ts'
import type { ByteStream, StreamListener } from './stream.ts'
import type { TlsSession } from './tls-session.ts'
import { connectTimeout, rethrow } from './transport.ts'

/** So much is encrypted at once, bytes: OpenSSL keeps as much memory for as long as the connection lasts. */
const PORTION_BYTES = 65_536

export class TlsStream extends ListenedStream implements ByteStream, StreamListener {
  readonly remote: Address
  /** OpenSSL copies what it is given. */
  readonly borrows = true
  readonly #below: ByteStream
  readonly #session: TlsSession
  readonly #timer: NodeJS.Timeout
  /** What is to be said once it is certain who hears it; null from then on. */
  #early: Buffer[] | null = []
  #endWanted = false
  #paused = false
  #drainUntold = false
  /** The connection below has ended. */
  #cutOff = false

  /**
   * @param below just dialled, without a listener
   * @param timeoutMs how long connection and handshake together may take
   */
  constructor(below: ByteStream, session: TlsSession, timeoutMs: number) {
    super(rethrow)
    this.remote = below.remote
    this.#below = below
    this.#session = session
    this.#timer = setTimeout(() => {
      this.error ??= connectTimeout(this.remote, timeoutMs)
      below.reset()
    }, timeoutMs)
    below.listen(this)
    this.#goOn()
  }

  get bytesRead(): number {
    return this.#below.bytesRead
  }

  get bytesWritten(): number {
    return this.#below.bytesWritten
  }

  listen(listener: StreamListener): void {
    this.replaceListener(listener)
    queueMicrotask(() => this.#goOn())
  }

  write(chunk: Buffer): boolean {
    const taken = this.#early === null ? this.#writeNow(chunk) : this.#writeEarly(chunk)
    if (!taken) this.#drainUntold = true
    return taken
  }

  pause(): void {
    this.#paused = true
    // What the handshake needs is to come all the same.
    if (this.#early === null) this.#below.pause()
  }

  resume(): void {
    this.#paused = false
    this.#below.resume()
    queueMicrotask(() => this.#goOn())
  }

  end(): void {
    if (this.#early !== null) {
      this.#endWanted = true
      return
    }
    this.#session.end()
    this.#send()
    this.#below.end()
  }

  close(): void {
    if (this.dropped || this.closed) return
    this.dropped = true
    if (this.#early !== null) {
      this.#below.reset()
      return
    }
    this.#session.end()
    this.#send()
    this.#below.close()
  }

  reset(): void {
    this.dropped = true
    this.#below.reset()
  }

  onData(chunk: Buffer): void {
    if (this.dropped) return
    this.#session.receive(chunk)
    this.#goOn()
  }

  onEnd(): void {
    this.#cutOff = true
    this.#goOn()
  }

  onDrain(): void {
    if (!this.#drainUntold || this.#early !== null) return
    this.#drainUntold = false
    this.tell((listener) => listener.onDrain())
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    clearTimeout(this.#timer)
    this.#session.free()
    this.error ??= error
    this.tellClose()
  }

  /** Does what can be done with what has come. */
  #goOn(): void {
    if (this.#early !== null) this.#shakeHands(this.#early)
    if (this.#early === null) this.#tellAll()
    this.#send()
    if (this.#cutOff && this.#hears) this.#tellEnd()
  }

  /** Whether the listener is to hear what comes. */
  get #hears(): boolean {
    return this.listener !== null && !this.#paused && !this.dropped && !this.closed
  }

  #shakeHands(early: readonly Buffer[]): void {
    if (this.#attempt(() => this.#session.handshake()) !== true) return
    clearTimeout(this.#timer)
    this.#early = null
    if (this.#paused) this.#below.pause()
    this.tell((listener) => listener.onConnect?.())
    const taken = early.map((chunk) => this.#writeNow(chunk))
    if (this.#endWanted) this.end()
    if (!taken.includes(false)) this.onDrain()
  }

  #tellAll(): void {
    while (this.#hears) {
      const piece = this.#attempt(() => this.#session.read())
      if (piece === null) break
      this.tell((listener) => listener.onData(piece))
    }
    if (this.#session.ended && !this.ended && this.#hears) {
      this.ended = true
      this.tell((listener) => listener.onEnd())
    }
  }

  /** Without a word of the peer's own it may as well be that somebody cuts off what it says. */
  #tellEnd(): void {
    if (this.#session.ended) return
    this.#fail(new Error('the connection was cut off: TLS had not ended'))
  }

  #writeEarly(chunk: Buffer): boolean {
    this.#early?.push(chunk)
    return false
  }

  #writeNow(chunk: Buffer): boolean {
    let taken = true
    for (let at = 0; at < chunk.length; at += PORTION_BYTES) {
      const portion = chunk.subarray(at, at + PORTION_BYTES)
      this.#attempt(() => this.#session.write(portion))
      taken = this.#send()
    }
    return taken
  }

  /** Sends what the session has for the peer; whether it was taken. */
  #send(): boolean {
    const bytes = this.#session.send()
    return bytes === null || this.#below.write(bytes)
  }

  /** Null where the session is broken, and with it the connection. */
  #attempt<T>(call: () => T): T | null {
    try {
      return call()
    } catch (error) {
      this.#fail(error as Error)
      return null
    }
  }

  #fail(error: Error): void {
    this.error ??= error
    // The peer is told why.
    this.#send()
    this.#session.free()
    this.#below.close()
  }
}
