/**
 * Reads HTTP/2 frames from chunks cut anywhere. DATA is handed on as it comes, in views of the
 * chunk; everything else when it is whole. Each fault says what must end for it, and why.
 */
import {
  CLIENT_PREFACE,
  type DataEvent,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  type FrameEvent,
  type FrameProblem,
  MIN_MAX_FRAME_BYTES,
} from './frame.ts'
import { headersBlock, paddingProblem, type Role, readControlFrame } from './frame-payload.ts'
import {
  connectionProblem,
  continuationProblem,
  type FrameHeader,
  firstFrameProblem,
  frameHeaderProblem,
  isKnownType,
} from './frame-rules.ts'

const EMPTY = Buffer.alloc(0)

// What is done with the bytes that come next.
const PREFACE = 0
const HEADER = 1
const DATA = 2
const PAYLOAD = 3
const SKIP = 4
const FAILED = 5

/** A header block whose last frame has not come. */
interface Block {
  streamId: number
  endStream: boolean
  dependsOnItself: boolean
  /** Its bytes so far: copies, so that no chunk is held for them. */
  parts: Buffer[]
  bytes: number
  continuations: number
}

export interface FrameReaderOptions {
  /** `server` reads what a client sends: the preface first. */
  role: Role
  /** SETTINGS_MAX_FRAME_SIZE as announced to the peer, payload bytes. */
  maxFrameBytes?: number
}

export class FrameReader {
  readonly #role: Role
  readonly #maxFrameBytes: number
  readonly #frame: FrameHeader = { length: 0, type: 0, flags: 0, streamId: 0 }
  #state: number
  #isFirst = true
  #chunk: Buffer = EMPTY
  #at = 0
  /** Bytes of the frame's payload that are still to come. */
  #remaining = 0
  /** Bytes of DATA that are padding, at the end of what remains; -1 until its length has come. */
  #padding = 0
  /** Flow-controlled bytes that no event has told yet. */
  #untold = 0
  /** A frame header, preface or payload that spans chunks, and how much of it is there. */
  readonly #headerCarry = Buffer.alloc(FRAME_HEADER_BYTES)
  #carry: Buffer = EMPTY
  #carried = 0
  #block: Block | null = null

  constructor({ role, maxFrameBytes = MIN_MAX_FRAME_BYTES }: FrameReaderOptions) {
    this.#role = role
    this.#maxFrameBytes = maxFrameBytes
    this.#state = role === 'server' ? PREFACE : HEADER
  }

  /**
   * Gives the next chunk. The one before must have been read to its end (`next` returned null). What
   * events show of a chunk is good for as long as the chunk is; nothing of it is kept here.
   */
  push(chunk: Buffer): void {
    this.#chunk = chunk
    this.#at = 0
  }

  /**
   * What comes next in the chunk; null when more bytes are needed. After a problem whose scope is
   * the connection it is null for ever; after one of a stream, reading goes on. The caller may stop
   * calling at any time and go on later. Never throws.
   */
  next(): FrameEvent | null {
    while (this.#state !== FAILED) {
      const event = this.#step()
      if (event === MORE) return this.#used()
      if (event !== null) return this.#told(event)
    }
    return null
  }

  /** Lets go of a chunk that is read, so that an idle connection holds none. */
  #used(): null {
    this.#chunk = EMPTY
    this.#at = 0
    return null
  }

  #told(event: FrameEvent): FrameEvent {
    if (event.kind === 'problem' && event.scope === 'connection') {
      this.#state = FAILED
      this.#block = null
      this.#carry = EMPTY
      this.#chunk = EMPTY
    }
    return event
  }

  #step(): FrameEvent | typeof MORE | null {
    switch (this.#state) {
      case PREFACE:
        return this.#preface()
      case HEADER:
        return this.#header()
      case DATA:
        return this.#data()
      case PAYLOAD:
        return this.#payload()
      default:
        return this.#skip()
    }
  }

  #preface(): FrameProblem | typeof MORE | null {
    while (this.#carried < CLIENT_PREFACE.length) {
      if (this.#at === this.#chunk.length) return MORE
      if (this.#chunk[this.#at++] !== CLIENT_PREFACE[this.#carried++]) {
        return connectionProblem('protocolError', 'not the client preface (RFC 9113 3.4)')
      }
    }
    this.#carried = 0
    this.#state = HEADER
    return null
  }

  #header(): FrameEvent | typeof MORE | null {
    const chunk = this.#chunk
    if (this.#carried === 0 && chunk.length - this.#at >= FRAME_HEADER_BYTES) {
      this.#take(chunk, this.#at)
      this.#at += FRAME_HEADER_BYTES
      return this.#begin()
    }
    const copied = chunk.copy(this.#headerCarry, this.#carried, this.#at)
    this.#at += copied
    this.#carried += copied
    if (this.#carried < FRAME_HEADER_BYTES) return MORE
    this.#carried = 0
    this.#take(this.#headerCarry, 0)
    return this.#begin()
  }

  #take(bytes: Buffer, at: number): void {
    const frame = this.#frame
    frame.length = bytes.readUIntBE(at, 3)
    frame.type = bytes[at + 3] as number
    frame.flags = bytes[at + 4] as number
    frame.streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff
  }

  #begin(): FrameEvent | null {
    const frame = this.#frame
    const problem = this.#headerProblem(frame)
    this.#remaining = frame.length
    if (problem !== null) {
      this.#state = SKIP
      return problem
    }
    if (frame.type === FRAME.data) {
      this.#state = DATA
      this.#padding = (frame.flags & FLAG.padded) === 0 ? 0 : -1
    } else if (isKnownType(frame.type)) this.#state = PAYLOAD
    else {
      this.#state = SKIP
      return { kind: 'ignored', type: frame.type }
    }
    return null
  }

  #headerProblem(frame: FrameHeader): FrameProblem | null {
    if (this.#isFirst) {
      const problem = firstFrameProblem(frame)
      if (problem !== null) return problem
      this.#isFirst = false
    }
    const { type } = frame
    if (this.#block !== null || type === FRAME.continuation) {
      const problem = continuationProblem(frame, this.#block)
      if (problem !== null) return problem
    }
    return frameHeaderProblem(frame, this.#maxFrameBytes)
  }

  #data(): DataEvent | FrameProblem | typeof MORE {
    const { streamId, flags } = this.#frame
    const chunk = this.#chunk
    if (this.#padding < 0) {
      if (this.#at === chunk.length) return MORE
      this.#padding = chunk[this.#at++] as number
      this.#remaining--
      this.#untold = 1
      if (this.#padding > this.#remaining) return paddingProblem(streamId)
    }
    const from = this.#at
    const available = Math.min(this.#remaining, chunk.length - from)
    const length = Math.min(this.#remaining - this.#padding, available)
    this.#at += available
    this.#remaining -= available
    this.#padding = Math.min(this.#padding, this.#remaining)
    const isLast = this.#remaining === 0
    const flowBytes = this.#untold + available
    if (length === 0 && !isLast) {
      this.#untold = flowBytes
      return MORE
    }
    this.#untold = 0
    if (isLast) this.#state = HEADER
    return {
      kind: 'data',
      streamId,
      bytes: length === chunk.length ? chunk : chunk.subarray(from, from + length),
      flowBytes,
      endStream: isLast && (flags & FLAG.endStream) !== 0,
    }
  }

  #payload(): FrameEvent | typeof MORE | null {
    const { length } = this.#frame
    const from = this.#at
    if (this.#carried === 0 && this.#chunk.length - from >= length) {
      this.#at += length
      this.#state = HEADER
      return this.#whole(this.#chunk.subarray(from, this.#at))
    }
    if (this.#carried === 0) this.#carry = Buffer.allocUnsafe(length)
    const copied = this.#chunk.copy(this.#carry, this.#carried, from)
    this.#at += copied
    this.#carried += copied
    if (this.#carried < length) return MORE
    const payload = this.#carry
    this.#carried = 0
    this.#carry = EMPTY
    this.#state = HEADER
    return this.#whole(payload)
  }

  #whole(payload: Buffer): FrameEvent | null {
    const frame = this.#frame
    if (frame.type === FRAME.headers) return this.#headers(frame, payload)
    if (frame.type === FRAME.continuation) return this.#continuation(frame, payload)
    return readControlFrame(frame, payload, this.#role)
  }

  #headers(frame: FrameHeader, payload: Buffer): FrameEvent | null {
    const { streamId, flags } = frame
    const endStream = (flags & FLAG.endStream) !== 0
    // Nearly all are like this, and go without what is made for the others.
    if ((flags & (FLAG.endHeaders | FLAG.padded | FLAG.priority)) === FLAG.endHeaders) {
      return { kind: 'headers', streamId, block: payload, endStream, dependsOnItself: false }
    }
    const read = headersBlock(frame, payload)
    if (read.kind === 'problem') return read
    const { block, dependsOnItself } = read
    if ((flags & FLAG.endHeaders) !== 0) {
      return { kind: 'headers', streamId, block, endStream, dependsOnItself }
    }
    const parts = [Buffer.from(block)]
    const bytes = block.length
    this.#block = { streamId, endStream, dependsOnItself, parts, bytes, continuations: 0 }
    return null
  }

  #continuation({ flags }: FrameHeader, payload: Buffer): FrameEvent | null {
    const open = this.#block as Block
    open.continuations++
    open.bytes += payload.length
    open.parts.push(Buffer.from(payload))
    if ((flags & FLAG.endHeaders) === 0) return null
    this.#block = null
    const { streamId, endStream, dependsOnItself } = open
    return {
      kind: 'headers',
      streamId,
      block: Buffer.concat(open.parts),
      endStream,
      dependsOnItself,
    }
  }

  #skip(): typeof MORE | null {
    const skipped = Math.min(this.#remaining, this.#chunk.length - this.#at)
    this.#at += skipped
    this.#remaining -= skipped
    if (this.#remaining > 0) return MORE
    this.#state = HEADER
    return null
  }
}

/** Told by a step that has used up the chunk. */
const MORE = 'more'
