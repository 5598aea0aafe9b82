/**
 * The byte stream that everything in the proxy is written against: one TCP connection, either
 * accepted or dialled. What stands on it never sees a socket, so that the transport below can be
 * chosen at start (`transport.ts`).
 */
import type { Address } from '../core/routing-table.ts'

/** Who listens to a stream. Handing a stream over means replacing its listener. */
export interface StreamListener {
  /**
   * True while the listener only borrows what `onData` brings: it is done with the bytes when it
   * returns, or else pauses the stream before it returns and is done when it resumes it. The transport
   * may then read the next bytes into the same memory. Asked before each `onData`. What one has
   * borrowed and still needs when another (or itself once more) becomes the listener stays untouched.
   */
  readonly borrows?: boolean
  /**
   * True while the listener is done with what `onData` brings when it returns, paused or not: it writes the bytes to
   * another stream of its transport, whatever that says, and of what it keeps it makes a copy. The transport may then
   * show it memory that is used again: at once, or when this turn of the event loop is over. Asked before each `onData`.
   */
  readonly passes?: boolean
  /** A dialled connection is established. Never called for accepted ones. */
  onConnect?(): void
  /**
   * Bytes came. Unless the listener borrows or passes, the buffer is never changed afterwards, so it may be
   * passed on to another stream or kept for as long as an exchange lasts; what is kept longer should
   * be a copy, since a small part holds the whole.
   */
  onData(chunk: Buffer): void
  /**
   * There is something to be read on a stream that only watches, at the listener's wish
   * (`passing-stream.ts`). False, or not there: it is to be read as usual from now on.
   */
  onReadable?(): boolean
  /** The peer has sent FIN; writing may go on. */
  onEnd(): void
  /** Everything written so far has been taken by the kernel. */
  onDrain(): void
  /** The connection is gone, and no other call follows; `error` is null after an orderly end. */
  onClose(error: NodeJS.ErrnoException | null): void
}

/** Hears out a connection of which nothing is wanted any more. */
export const DEAF: StreamListener = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
}

export interface ByteStream {
  readonly remote: Address
  /** Payload bytes so far, from and to the peer. */
  readonly bytesRead: number
  readonly bytesWritten: number
  /** Bytes have come that no listener has been told of yet; absent where they are told at once. */
  readonly hasUntold?: boolean
  /**
   * Replaces the listener; bytes that came while there was none are delivered to it. A listener
   * that comes after the peer's FIN, or after the end of the connection, is told so again, in a
   * later turn. Whether the stream is paused does not change.
   */
  listen(listener: StreamListener): void
  /**
   * Sends bytes. True: they have been taken, by the kernel or as a copy, and the buffer is the
   * caller's again. False: the buffer must not be changed, nor should more be written, until `onDrain`.
   */
  write(chunk: Buffer): boolean
  /**
   * The same for bytes that nobody changes any more in this turn of the event loop: they may go with its end,
   * together with what other connections send. What is written afterwards comes after them.
   */
  writeSoon(chunk: Buffer): boolean
  /**
   * Memory for `length` bytes that are given to `writeSoon` in this turn of the event loop, which is over for them then:
   * the stream may use it again. Whoever needs them longer takes memory of its own.
   */
  room(length: number): Buffer
  /** Stops and starts reading, which stops and starts the peer through TCP's window. */
  pause(): void
  resume(): void
  /** Sends FIN after all that was written. */
  end(): void
  /** Lets the connection go: what was written is still sent, then FIN; nothing more is heard. */
  close(): void
  /**
   * Ends at once with RST, so that the peer sees an error and no made-up end. As after `close`,
   * `onClose(null)` follows.
   */
  reset(): void
}

/** Opens a connection; the outcome comes as `onConnect` or `onClose(error)`. */
export type Dial = (target: Address) => ByteStream
