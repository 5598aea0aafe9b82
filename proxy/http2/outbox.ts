/**
 * Frames on their way to one connection. Whatever is made while one read is handled leaves together:
 * a frame each in a write of its own would cost a system call each.
 */
import type { ByteStream } from '../stream.ts'
import { ERROR_CODE, FLAG, FRAME, FRAME_HEADER_BYTES } from './frame.ts'

/**
 * A buffer in which frames are laid one behind the other, by one connection after the other. No byte is
 * written twice, so that what was handed over may wait for the kernel for as long as it likes.
 */
interface Slab {
  readonly bytes: Buffer
  /** Where the unused rest begins. */
  used: number
}

/** Below what the allocator maps anew from the kernel each time. */
const SLAB_BYTES = 65_536

/** A rest below this is given up, bytes: few small frames would fit. */
const LEAST_REST = 1_024

/** Slabs that nobody writes to at present: a connection holds one only until its next flush. */
const spare: Slab[] = []
const MAX_SPARE = 16

/** Payloads up to this size are always copied behind their header; 2 KiB take some 100 ns. */
const COPIED_BYTES = 2_048

/** Up to this size all leaves in one write, copied together if need be: 64 KiB take some 6 µs, a call more. */
const JOINED_BYTES = 65_536

/** The outboxes of one client and its upstreams that have something to send. */
export class Batch {
  readonly #dirty: Outbox[] = []

  add(outbox: Outbox): void {
    this.#dirty.push(outbox)
  }

  flush(): void {
    for (let i = 0; i < this.#dirty.length; i++) (this.#dirty[i] as Outbox).flush()
    this.#dirty.length = 0
  }
}

export class Outbox {
  /** The transport takes no more until it says that it has drained. */
  blocked = false
  /** Hears of that. */
  onBlocked: (() => void) | null = null
  stream: ByteStream
  readonly #batch: Batch
  /** Payloads up to this size are copied. */
  readonly #copied: number
  #slab: Slab | null = null
  /** Where in the slab that begins which is to be sent next; it ends where the rest begins. */
  #from = 0
  /** What goes before it. */
  #parts: Buffer[] = []
  #isDirty = false
  /** Bytes since the beginning: of frames made, and handed to the transport. */
  #made = 0
  #written = 0
  #onEmpty: (() => void) | null = null

  /**
   * @param copies whether long payloads are copied, too: then their memory is free when a frame is
   *   made. Otherwise it must not be written to before the next flush, nor then while `blocked`
   */
  constructor(stream: ByteStream, batch: Batch, copies: boolean) {
    this.stream = stream
    this.#batch = batch
    this.#copied = copies ? Number.POSITIVE_INFINITY : COPIED_BYTES
  }

  /** A frame with a payload that is copied now, or not until it leaves; see the constructor. */
  frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    const { length } = payload
    const isCopied = length <= this.#copied
    const at = this.#header(length, type, flags, streamId, isCopied ? length : 0)
    if (length === 0) return
    if (isCopied) payload.copy(this.#bytes, at)
    else this.#append(payload)
  }

  /** As `frame`, of a payload that will be written over at once. */
  copiedFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    const at = this.#header(payload.length, type, flags, streamId, payload.length)
    payload.copy(this.#bytes, at)
  }

  rstStream(streamId: number, code: number): void {
    this.#number(FRAME.rstStream, streamId, code)
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#number(FRAME.windowUpdate, streamId, increment)
  }

  /** @param reason goes along as debug data */
  goaway(lastStreamId: number, code: number, reason = ''): void {
    const debug = Buffer.from(reason, 'latin1')
    const at = this.#header(8 + debug.length, FRAME.goaway, 0, 0, 8 + debug.length)
    const slab = this.#bytes
    slab.writeUInt32BE(lastStreamId, at)
    slab.writeUInt32BE(code, at + 4)
    debug.copy(slab, at + 8)
  }

  settingsAck(): void {
    this.#header(0, FRAME.settings, FLAG.ack, 0, 0)
  }

  settings(values: readonly (readonly [id: number, value: number])[]): void {
    const bytes = values.length * 6
    let at = this.#header(bytes, FRAME.settings, 0, 0, bytes)
    const slab = this.#bytes
    for (const [id, value] of values) {
      at = slab.writeUInt16BE(id, at)
      at = slab.writeUInt32BE(value, at)
    }
  }

  /** Bytes that are no frame: the client's preface. */
  raw(bytes: Buffer): void {
    this.#touch()
    this.#made += bytes.length
    this.#append(bytes)
  }

  /** Bytes that the transport has not been given yet. */
  get waiting(): number {
    return this.#made - this.#written
  }

  /** Sends all that has been collected, or keeps it while the transport takes nothing. */
  flush(): void {
    this.#isDirty = false
    const run = this.#takeRun()
    this.#giveBack()
    const parts = this.#parts
    if (parts.length === 0 && !this.blocked) {
      if (run !== null) this.#write(run)
      return
    }
    if (run !== null) parts.push(run)
    if (this.blocked || parts.length === 0) return
    this.#parts = []
    let bytes = 0
    for (const part of parts) bytes += part.length
    if (bytes <= JOINED_BYTES) this.#write(Buffer.concat(parts, bytes))
    else this.#writeEach(parts)
  }

  /** Sends all, however long that takes, then calls `end` once. */
  finish(end: () => void): void {
    this.flush()
    if (this.#parts.length === 0) end()
    else this.#onEmpty = end
  }

  /**
   * Hands all to the transport, whether it takes it or not. For a stream that is closed then: the transport
   * knows how long to wait for a peer that takes nothing.
   */
  handOver(): void {
    this.flush()
    const parts = this.#parts
    this.#parts = []
    for (const part of parts) this.#write(part)
  }

  /** The transport has drained. */
  unblock(): void {
    this.blocked = false
    this.flush()
    const end = this.#onEmpty
    if (end === null || this.#parts.length > 0) return
    this.#onEmpty = null
    end()
  }

  get #bytes(): Buffer {
    return (this.#slab as Slab).bytes
  }

  #writeEach(parts: Buffer[]): void {
    let written = 0
    while (written < parts.length && !this.blocked) this.#write(parts[written++] as Buffer)
    this.#parts = parts.slice(written)
  }

  #write(bytes: Buffer): void {
    this.#written += bytes.length
    if (this.stream.write(bytes) || this.blocked) return
    this.blocked = true
    this.onBlocked?.()
  }

  #number(type: number, streamId: number, value: number): void {
    const at = this.#header(4, type, 0, streamId, 4)
    this.#bytes.writeUInt32BE(value, at)
  }

  /** Writes a header and reserves `room` behind it; returns where that begins in the slab. */
  #header(length: number, type: number, flags: number, streamId: number, room: number): number {
    this.#touch()
    this.#made += FRAME_HEADER_BYTES + length
    const slab = this.#slabFor(FRAME_HEADER_BYTES + room)
    const { bytes, used: at } = slab
    bytes[at] = length >>> 16
    bytes[at + 1] = length >>> 8
    bytes[at + 2] = length
    bytes[at + 3] = type
    bytes[at + 4] = flags
    bytes[at + 5] = streamId >>> 24
    bytes[at + 6] = streamId >>> 16
    bytes[at + 7] = streamId >>> 8
    bytes[at + 8] = streamId
    slab.used = at + FRAME_HEADER_BYTES + room
    return at + FRAME_HEADER_BYTES
  }

  #slabFor(needed: number): Slab {
    const present = this.#slab
    if (present !== null && present.bytes.length - present.used >= needed) return present
    const run = this.#takeRun()
    if (run !== null) this.#parts.push(run)
    this.#giveBack()
    let slab = spare.pop()
    if (slab === undefined || slab.bytes.length - slab.used < needed) {
      slab = { bytes: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, needed)), used: 0 }
    }
    this.#slab = slab
    this.#from = slab.used
    return slab
  }

  #append(bytes: Buffer): void {
    const run = this.#takeRun()
    if (run !== null) this.#parts.push(run)
    this.#parts.push(bytes)
  }

  #takeRun(): Buffer | null {
    const slab = this.#slab
    if (slab === null || slab.used === this.#from) return null
    const run = slab.bytes.subarray(this.#from, slab.used)
    this.#from = slab.used
    return run
  }

  #giveBack(): void {
    const slab = this.#slab
    this.#slab = null
    if (slab === null || slab.bytes.length - slab.used < LEAST_REST) return
    if (spare.length < MAX_SPARE) spare.push(slab)
  }

  #touch(): void {
    if (this.#isDirty) return
    this.#isDirty = true
    this.#batch.add(this)
  }
}

/** What an error code is called in messages (RFC 9113 7); unknown ones by their number. */
export function nameOfCode(code: number): string {
  const known = CODE_NAMES[code]
  return known === undefined ? `error ${code}` : `${known} (${code})`
}

const CODE_NAMES: readonly string[] = Object.keys(ERROR_CODE).map((key) =>
  key.replace(/[A-Z1]/g, (part) => `_${part}`).toUpperCase(),
)
