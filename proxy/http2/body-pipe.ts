/**
 * One direction of one stream: DATA from the connection that sends it to the one that is to get it,
 * and the credit for it back: as much as the reader takes. What it does not take waits here.
 */
import { KeptBytes } from '../kept-bytes.ts'
import type { HeaderField } from './field.ts'
import { MAX_STREAM_WINDOW, STREAM_WINDOW } from './limits.ts'
import type { Wire } from './wire.ts'

/** Hears of what becomes of a direction. */
export interface PipeOwner {
  /** Everything has been sent on, END_STREAM or a reset included. */
  pipeEnded(pipe: BodyPipe): void
}

export class BodyPipe {
  /** The sender has sent END_STREAM. */
  ended = false
  /** END_STREAM has been sent on. */
  endSent = false
  /** Payload bytes that have come. */
  received = 0
  /** DATA bytes that the reader's stream still takes; below 0 after a change of its settings. */
  window = 0
  /** Frame bytes sent on. */
  sentBytes = 0
  readonly #owner: PipeOwner
  /** Null for what comes from this proxy itself. */
  #source: Wire | null
  #sourceId: number
  #sink: Wire | null = null
  #sinkId = 0
  #queue: KeptBytes | null = null
  /** What the sender may still send. */
  #allowed = STREAM_WINDOW
  /** What may be on its way from it or wait here. */
  #span = STREAM_WINDOW
  #trailers: readonly HeaderField[] | null = null
  /** A reset to be sent behind what waits; -1 for none. */
  #resetCode = -1
  #isWaiting = false
  #isClosed = false

  constructor(owner: PipeOwner, source: Wire | null, sourceId: number) {
    this.#owner = owner
    this.#source = source
    this.#sourceId = sourceId
  }

  /** Bytes that wait here. */
  get #queued(): number {
    return this.#queue?.length ?? 0
  }

  /** Payload bytes that have been sent on. */
  get sentOn(): number {
    return this.received - this.#queued
  }

  /** Says where it comes from, before anything has come. */
  comeFrom(source: Wire, sourceId: number): void {
    this.#source = source
    this.#sourceId = sourceId
  }

  /** Says where it goes, which sends what has come so far. */
  connect(sink: Wire, sinkId: number): void {
    this.#sink = sink
    this.#sinkId = sinkId
    this.window = sink.peerInitialWindow
    if (this.#queue !== null || this.ended) this.pump()
  }

  /** Stops sending; what comes is kept until there is another `connect`. */
  disconnect(): void {
    this.#waitNoMore()
    this.#sink = null
  }

  /**
   * Takes a piece of DATA; `flowBytes` with padding.
   * @returns false if the sender has sent more than it was allowed (RFC 9113 6.9.1)
   */
  push(bytes: Buffer, flowBytes: number, endStream: boolean): boolean {
    this.#allowed -= flowBytes
    if (this.#allowed < 0) return false
    this.received += bytes.length
    this.ended = endStream
    const sink = this.#sink
    const { length } = bytes
    if (this.#isClosed) {
      this.#credit()
      return true
    }
    if (sink !== null && this.#queue === null && this.#takes(sink, length)) {
      if (length > 0 || endStream) this.#send(sink, bytes, endStream)
      this.#credit()
      if (endStream) this.#finish()
      return true
    }
    if (length > 0) this.#enqueue(bytes)
    this.#credit()
    this.pump()
    return true
  }

  /** Ends the direction by trailers, behind what waits; null for END_STREAM alone. */
  end(trailers: readonly HeaderField[] | null): void {
    this.ended = true
    this.#trailers = trailers
    this.pump()
  }

  /** Sends RST_STREAM to the reader behind what waits. */
  resetAfter(code: number): void {
    this.ended = true
    this.#resetCode = code
    this.pump()
  }

  /** The reader's stream takes more. */
  widen(increment: number): void {
    this.window += increment
    if (this.#queue !== null) this.pump()
    this.#credit()
  }

  /** Drops what waits and what is still to come: nobody wants it. */
  close(): void {
    this.#isClosed = true
    this.#waitNoMore()
    const dropped = this.#queued
    this.#queue = null
    this.#source?.unqueue(dropped)
  }

  /** Sends as much as the reader takes. */
  pump(): void {
    this.#isWaiting = false
    const sink = this.#sink
    if (sink === null || this.#isClosed || this.endSent) return
    while (this.#queue !== null) {
      const room = Math.min(this.window, sink.room)
      if (room <= 0) {
        if (this.window > 0) this.#waitFor(sink)
        return
      }
      this.#sendQueued(sink, this.#queue, Math.min(room, sink.peerMaxFrame))
    }
    if (!this.ended || this.endSent) return
    if (this.#resetCode >= 0) sink.out.rstStream(this.#sinkId, this.#resetCode)
    else if (this.#trailers !== null) {
      this.sentBytes += sink.sendHeaders(this.#sinkId, this.#trailers, true)
    } else this.#send(sink, EMPTY, true)
    this.#finish()
  }

  #takes(sink: Wire, length: number): boolean {
    if (length === 0) return true
    return length <= this.window && length <= sink.room && length <= sink.peerMaxFrame
  }

  #sendQueued(sink: Wire, queue: KeptBytes, room: number): void {
    const piece = queue.take(room)
    this.#source?.unqueue(piece.length)
    if (queue.length === 0) this.#queue = null
    const isLast = this.#queue === null && this.ended
    const plainEnd = isLast && this.#trailers === null && this.#resetCode < 0
    this.#send(sink, piece, plainEnd)
    this.#credit()
    if (plainEnd) this.#finish()
  }

  #send(sink: Wire, bytes: Buffer, endStream: boolean): void {
    this.window -= bytes.length
    this.sentBytes += sink.sendData(this.#sinkId, bytes, endStream)
  }

  #finish(): void {
    this.endSent = true
    this.#owner.pipeEnded(this)
  }

  /** Copied: a chunk is only borrowed, and a small piece would hold on to the whole of it. */
  #enqueue(bytes: Buffer): void {
    this.#queue ??= new KeptBytes()
    this.#queue.add(bytes)
    this.#source?.enqueue(bytes.length)
  }

  #waitFor(sink: Wire): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    sink.wait(this)
  }

  #waitNoMore(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#sink?.waitNoMore(this)
  }

  /**
   * Lets the sender send what the reader takes, and a window of ours at the least, so that over a long
   * distance a stream is as fast as without us. At most twice as much as before, so that no more can come to
   * wait for a connection that is stuck than went through it. Given when half is used up: a WINDOW_UPDATE for
   * each frame would double their number.
   */
  #credit(): void {
    const source = this.#source
    if (this.ended || source === null) return
    const unused = this.#allowed + this.#queued
    if (unused > this.#span / 2) return
    const wanted = Math.min(this.window, 2 * this.#span, MAX_STREAM_WINDOW)
    const span = Math.max(STREAM_WINDOW, wanted)
    const grant = span - unused
    if (grant < span / 2) return
    source.out.windowUpdate(this.#sourceId, grant)
    this.#allowed += grant
    this.#span = span
  }
}

const EMPTY = Buffer.alloc(0)
