/**
 * Writes HTTP/2 frames (RFC 9113 4 and 6) into slabs, so that all that one turn has to say leaves in
 * one write, in the order in which it was said.
 */
import { FLAG, FRAME, FRAME_HEADER_BYTES, MIN_MAX_FRAME_BYTES } from './frame.ts'

/**
 * Size of a slab, bytes: a full DATA frame of the default size and the small frames around it. One
 * is made when the last is used up, so an idle connection holds at most one.
 */
const SLAB_BYTES = 32_768

/**
 * A payload up to this size is copied into the slab; a longer one is sent as it is, which costs a
 * write of its own. Copying 16 KiB costs a tenth of what the call into the kernel does.
 */
const MAX_COPIED_BYTES = 16_384

/** A SETTINGS entry; see `SETTING`. */
export type Setting = readonly [id: number, value: number]

export class FrameWriter {
  /** The peer's SETTINGS_MAX_FRAME_SIZE, payload bytes; the caller keeps it true. */
  maxFrameBytes = MIN_MAX_FRAME_BYTES
  readonly #send: (bytes: Buffer) => boolean
  #slab: Buffer | null = null
  /** The part of the slab that has been written but not sent. */
  #from = 0
  #to = 0
  /** What the last `send` answered. */
  #isFlowing = true

  /** @param send takes bytes that are never changed afterwards; false asks to wait for a drain */
  constructor(send: (bytes: Buffer) => boolean) {
    this.#send = send
  }

  /** Bytes that wait for `flush`. */
  get pendingBytes(): number {
    return this.#to - this.#from
  }

  /**
   * Sends what waits. To be called at the end of each turn that wrote something.
   * @returns false if the stream asks to wait for its drain
   */
  flush(): boolean {
    if (this.#slab !== null && this.#to > this.#from) {
      const bytes = this.#slab.subarray(this.#from, this.#to)
      this.#from = this.#to
      this.#isFlowing = this.#send(bytes)
    }
    return this.#isFlowing
  }

  /** Bytes outside any frame: the client preface. */
  raw(bytes: Buffer): void {
    const slab = this.#room(bytes.length)
    this.#to += bytes.copy(slab, this.#to)
  }

  settings(settings: readonly Setting[]): void {
    const slab = this.#begin(settings.length * 6, FRAME.settings, 0, 0)
    for (const [id, value] of settings) {
      slab.writeUInt16BE(id, this.#to)
      this.#to = slab.writeUInt32BE(value, this.#to + 2)
    }
  }

  settingsAck(): void {
    this.#begin(0, FRAME.settings, FLAG.ack, 0)
  }

  /** @param payload eight bytes */
  ping(payload: Buffer, ack: boolean): void {
    const slab = this.#begin(8, FRAME.ping, ack ? FLAG.ack : 0, 0)
    this.#to += payload.copy(slab, this.#to, 0, 8)
  }

  /** @param debug why, in words; cut to what one frame of the least size holds */
  goaway(lastStreamId: number, code: number, debug: string): void {
    const text = Buffer.from(debug, 'latin1').subarray(0, 1_024)
    const slab = this.#begin(8 + text.length, FRAME.goaway, 0, 0)
    this.#to = slab.writeUInt32BE(lastStreamId, this.#to)
    this.#to = slab.writeUInt32BE(code, this.#to)
    this.#to += text.copy(slab, this.#to)
  }

  rstStream(streamId: number, code: number): void {
    const slab = this.#begin(4, FRAME.rstStream, 0, streamId)
    this.#to = slab.writeUInt32BE(code, this.#to)
  }

  /** @param streamId 0 for the connection. @param increment from 1 to 2^31 - 1 */
  windowUpdate(streamId: number, increment: number): void {
    const slab = this.#begin(4, FRAME.windowUpdate, 0, streamId)
    this.#to = slab.writeUInt32BE(increment, this.#to)
  }

  /** HEADERS, and CONTINUATION for what exceeds the peer's frame size. The block is copied. */
  headers(streamId: number, block: Buffer, endStream: boolean): void {
    const limit = this.maxFrameBytes
    const flags = endStream ? FLAG.endStream : 0
    if (block.length <= limit) {
      this.#frame(block, FRAME.headers, flags | FLAG.endHeaders, streamId)
      return
    }
    this.#frame(block.subarray(0, limit), FRAME.headers, flags, streamId)
    for (let at = limit; at < block.length; at += limit) {
      const part = block.subarray(at, at + limit)
      const isLast = at + part.length === block.length
      this.#frame(part, FRAME.continuation, isLast ? FLAG.endHeaders : 0, streamId)
    }
  }

  /**
   * DATA, in several frames where the payload exceeds the peer's frame size. A long payload is sent
   * as it is, without a copy, so it must not be changed afterwards; an empty one makes one frame.
   */
  data(streamId: number, payload: Buffer, endStream: boolean): void {
    const limit = this.maxFrameBytes
    let at = 0
    while (payload.length - at > limit) {
      this.#dataFrame(streamId, payload.subarray(at, at + limit), 0)
      at += limit
    }
    const rest = at === 0 ? payload : payload.subarray(at)
    this.#dataFrame(streamId, rest, endStream ? FLAG.endStream : 0)
  }

  #dataFrame(streamId: number, payload: Buffer, flags: number): void {
    if (payload.length <= MAX_COPIED_BYTES) {
      this.#frame(payload, FRAME.data, flags, streamId)
      return
    }
    this.#header(payload.length, FRAME.data, flags, streamId, this.#room(FRAME_HEADER_BYTES))
    this.flush()
    this.#isFlowing = this.#send(payload)
  }

  #frame(payload: Buffer, type: number, flags: number, streamId: number): void {
    const slab = this.#begin(payload.length, type, flags, streamId)
    const at = this.#to
    this.#to += payload.length
    // Below this length a loop is quicker than the call that copies.
    if (payload.length < 48) {
      for (let i = 0; i < payload.length; i++) slab[at + i] = payload[i] as number
    } else payload.copy(slab, at)
  }

  /** Writes a frame's header with room behind it for the payload, which is the caller's to write. */
  #begin(length: number, type: number, flags: number, streamId: number): Buffer {
    const slab = this.#room(FRAME_HEADER_BYTES + length)
    this.#header(length, type, flags, streamId, slab)
    return slab
  }

  #header(length: number, type: number, flags: number, streamId: number, slab: Buffer): void {
    const at = this.#to
    slab[at] = length >>> 16
    slab[at + 1] = length >>> 8
    slab[at + 2] = length
    slab[at + 3] = type
    slab[at + 4] = flags
    slab[at + 5] = streamId >>> 24
    slab[at + 6] = streamId >>> 16
    slab[at + 7] = streamId >>> 8
    slab[at + 8] = streamId
    this.#to = at + FRAME_HEADER_BYTES
  }

  /** A slab with that much room behind `#to`; what waited in a full one is sent. */
  #room(bytes: number): Buffer {
    if (this.#slab !== null && this.#slab.length - this.#to >= bytes) return this.#slab
    this.flush()
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes))
    this.#from = 0
    this.#to = 0
    return this.#slab
  }
}
