/**
 * One HTTP/2 connection as both of its ends need it: frames in and out, settings, the connection's
 * windows, header compression, PING, and what a peer may not do to it. Which streams there are is its
 * owner's.
 */
import { settled } from '../http1/redial.ts'
import type { ByteStream, StreamListener } from '../stream.ts'
import type { BodyPipe } from './body-pipe.ts'
import { Budget } from './budget.ts'
import type { HeaderField } from './field.ts'
import {
  CLIENT_PREFACE,
  type DataEvent,
  DEFAULT_WINDOW,
  ERROR_CODE,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  type FrameEvent,
  type FrameProblem,
  type GoawayEvent,
  type HeadersEvent,
  MAX_WINDOW,
  MIN_MAX_FRAME_BYTES,
  SETTING,
  type SettingsEvent,
} from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { connectionProblem } from './frame-rules.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import {
  CONNECTION_WINDOW,
  EARNED_BY_WORK,
  IDLE_FRAME_BURST,
  IDLE_FRAMES_PER_SECOND,
  MAX_QUEUED_BYTES,
  MAX_UNREAD_REPLIES,
  OWN_SETTINGS,
} from './limits.ts'
import { type Batch, Outbox } from './outbox.ts'
import { type WindowMove, windowMoveOf } from './window-move.ts'

/** Who knows the streams of a connection. */
export interface WireOwner {
  /** The last stream of the peer that was taken, for GOAWAY; 0 for none. */
  readonly lastStreamId: number
  /** A head or trailers; `fields` is null for a list that is longer than was announced. */
  onHeaders(event: HeadersEvent, fields: HeaderField[] | null): void
  onBody(event: DataEvent): void
  onReset(streamId: number, code: number): void
  onStreamWindow(streamId: number, increment: number): void
  /** The peer's SETTINGS move the windows of all streams (RFC 9113 6.9.2). */
  onInitialWindow(move: WindowMove): void
  onSettings(): void
  onGoaway(event: GoawayEvent): void
  onPong(): void
  /** A frame that costs its stream. */
  onStreamProblem(problem: FrameProblem): void
  /** The peer has broken a rule for which the connection ends: GOAWAY is written. */
  onBroken(problem: FrameProblem): void
  onFin(): void
  /** The transport takes bytes again. */
  onWritable(): void
  onGone(error: NodeJS.ErrnoException | null): void
}

export class Wire implements StreamListener {
  /** Whatever must outlast a chunk is copied, or its source is paused meanwhile. */
  readonly borrows = true
  stream: ByteStream
  readonly out: Outbox
  peerInitialWindow = DEFAULT_WINDOW
  peerMaxFrame = MIN_MAX_FRAME_BYTES
  /** Most streams that the peer takes; null before its SETTINGS and where they name none. */
  peerMaxStreams: number | null = null
  /** The peer's first SETTINGS have come. */
  isOpen = false
  /** Nothing that comes counts any more. */
  isDeaf = false
  readonly #owner: WireOwner
  readonly #batch: Batch
  readonly #reader: FrameReader
  readonly #decoder = new HpackDecoder()
  readonly #encoder = new HpackEncoder()
  readonly #idleFrames: Budget
  /** What may be sent, and what the peer may send. */
  #sendWindow = DEFAULT_WINDOW
  #allowed = CONNECTION_WINDOW
  #owed = 0
  /** Bytes from this peer that wait for their readers. */
  #queued = 0
  /** Directions that would send if this connection took more. */
  readonly #waiting = new Set<BodyPipe>()
  #unreadReplies = 0
  #isStalled = false
  #endUntold = false

  constructor(
    stream: ByteStream,
    role: 'server' | 'client',
    owner: WireOwner,
    { batch, now }: { batch: Batch; now: () => number },
  ) {
    this.stream = stream
    this.#owner = owner
    this.#batch = batch
    this.#reader = new FrameReader({ role })
    // What a client sends goes to several servers, one of which may not read; what servers send goes to
    // this client alone, and they are not read while it does not.
    this.out = new Outbox(stream, batch, role === 'client')
    this.#idleFrames = new Budget(
      { burst: IDLE_FRAME_BURST, perSecond: IDLE_FRAMES_PER_SECOND },
      now,
    )
    if (role === 'client') this.out.raw(CLIENT_PREFACE)
    this.out.settings(OWN_SETTINGS[role])
    this.out.windowUpdate(0, CONNECTION_WINDOW - DEFAULT_WINDOW)
  }

  /** DATA bytes that the connection takes now. */
  get room(): number {
    return this.out.blocked ? 0 : this.#sendWindow
  }

  /** Returns the bytes of the frames. */
  sendHeaders(streamId: number, fields: readonly HeaderField[], endStream: boolean): number {
    const block = this.#encoder.encode(fields)
    const flag = endStream ? FLAG.endStream : 0
    const max = this.peerMaxFrame
    if (block.length <= max) {
      this.out.copiedFrame(FRAME.headers, flag | FLAG.endHeaders, streamId, block)
      return FRAME_HEADER_BYTES + block.length
    }
    let bytes = block.length
    for (let from = 0; from < block.length; from += max) {
      const isLast = from + max >= block.length
      const type = from === 0 ? FRAME.headers : FRAME.continuation
      const flags = (from === 0 ? flag : 0) | (isLast ? FLAG.endHeaders : 0)
      this.out.copiedFrame(type, flags, streamId, block.subarray(from, from + max))
      bytes += FRAME_HEADER_BYTES
    }
    return bytes
  }

  /** Sends one DATA frame, for which there must be room; returns its bytes. */
  sendData(streamId: number, bytes: Buffer, endStream: boolean): number {
    this.#sendWindow -= bytes.length
    this.#idleFrames.earn(EARNED_BY_WORK)
    this.out.frame(FRAME.data, endStream ? FLAG.endStream : 0, streamId, bytes)
    return FRAME_HEADER_BYTES + bytes.length
  }

  sendReset(streamId: number, code: number): void {
    this.out.rstStream(streamId, code)
    this.countReply()
  }

  /** @param reason goes along as debug data */
  sendGoaway(code: number, reason = ''): void {
    this.out.goaway(this.#owner.lastStreamId, code, reason)
  }

  /** Puts a direction on the list of those that wait for room. */
  wait(pipe: BodyPipe): void {
    this.#waiting.add(pipe)
  }

  waitNoMore(pipe: BodyPipe): void {
    this.#waiting.delete(pipe)
  }

  enqueue(bytes: number): void {
    this.#queued += bytes
  }

  unqueue(bytes: number): void {
    this.#queued -= bytes
    if (this.#owed >= CONNECTION_WINDOW / 2) this.#returnCredit()
  }

  /** Ends the connection for a broken rule; what the owner then does comes after GOAWAY. */
  fail(problem: FrameProblem): void {
    this.isDeaf = true
    this.sendGoaway(problem.code, problem.message)
    this.#owner.onBroken(problem)
  }

  /** Whoever dialled more than once is not needed between any more. */
  onConnect(): void {
    this.stream = settled(this.stream)
    this.out.stream = this.stream
  }

  onData(chunk: Buffer): void {
    if (this.isDeaf) return
    this.#reader.push(chunk)
    this.#readOn()
  }

  /** Reads no further until `goOn`: what comes is for somebody who does not know yet what to do with it. */
  stall(): void {
    this.#isStalled = true
    this.stream.pause()
  }

  goOn(): void {
    this.#isStalled = false
    this.#readOn()
    if (this.#isStalled || this.isDeaf) return
    this.stream.resume()
    if (!this.#endUntold) return
    this.#endUntold = false
    this.onEnd()
  }

  onEnd(): void {
    if (this.isDeaf) return
    if (this.#isStalled) {
      this.#endUntold = true
      return
    }
    this.#owner.onFin()
    this.#batch.flush()
  }

  onDrain(): void {
    this.#unreadReplies = 0
    this.out.unblock()
    if (this.out.blocked) return
    this.#owner.onWritable()
    this.#pumpWaiting()
    this.#batch.flush()
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    this.isDeaf = true
    this.#owner.onGone(error)
    this.#batch.flush()
  }

  #readOn(): void {
    while (!this.isDeaf && !this.#isStalled) {
      const event = this.#reader.next()
      if (event === null) break
      this.#take(event)
    }
    this.#batch.flush()
  }

  #take(event: FrameEvent): void {
    const owner = this.#owner
    switch (event.kind) {
      case 'headers':
        this.#takeHeaders(event)
        return
      case 'data':
        this.#takeData(event)
        return
      case 'window-update':
        this.#countIdle()
        if (event.streamId === 0) this.#widen(event.increment)
        else owner.onStreamWindow(event.streamId, event.increment)
        return
      case 'rst-stream':
        // The HEADERS that it takes back have paid for it.
        this.#countIdle()
        owner.onReset(event.streamId, event.code)
        return
      case 'settings':
        this.#takeSettings(event)
        return
      case 'ping':
        this.#takePing(event.ack, event.payload)
        return
      case 'goaway':
        this.#countIdle()
        owner.onGoaway(event)
        return
      case 'problem':
        if (event.scope === 'connection') this.#break(event)
        else owner.onStreamProblem(event)
        return
      default:
        // Acknowledged SETTINGS; PRIORITY, which RFC 9113 5.3.2 has given up, and unknown types: neither is passed on.
        this.#countIdle()
    }
  }

  #takeHeaders(event: HeadersEvent): void {
    this.#idleFrames.earn(EARNED_BY_WORK)
    const result = this.#decoder.decode(event.block)
    if (result.kind === 'bad') {
      this.#break(connectionProblem('compressionError', result.problem, event.streamId))
      return
    }
    this.#owner.onHeaders(event, result.kind === 'fields' ? result.fields : null)
  }

  #takeData(event: DataEvent): void {
    const { flowBytes } = event
    if (event.bytes.length > 0) this.#idleFrames.earn(EARNED_BY_WORK)
    else if (!event.endStream) this.#countIdle()
    this.#allowed -= flowBytes
    if (this.#allowed < 0) {
      const text = 'more DATA than the window of the connection (RFC 9113 6.9.1)'
      this.#break(connectionProblem('flowControlError', text, event.streamId))
      return
    }
    this.#owed += flowBytes
    this.#owner.onBody(event)
    if (this.#owed >= CONNECTION_WINDOW / 2) this.#returnCredit()
  }

  /** The credit comes back as DATA comes in, so that a stream whose reader sleeps holds up no other. */
  #returnCredit(): void {
    if (this.#queued > MAX_QUEUED_BYTES || this.isDeaf) return
    this.out.windowUpdate(0, this.#owed)
    this.#allowed += this.#owed
    this.#owed = 0
  }

  #widen(increment: number): void {
    this.#sendWindow += increment
    if (this.#sendWindow > MAX_WINDOW) {
      const text = 'a window of the connection above 2^31 - 1 (RFC 9113 6.9.1)'
      this.#break(connectionProblem('flowControlError', text))
      return
    }
    this.#pumpWaiting()
  }

  /**
   * In the order in which they came. Who gets too little goes to the end, and then there is no more for the others: they
   * are not asked, since a peer may give byte by byte what a thousand streams wait for.
   */
  #pumpWaiting(): void {
    for (const pipe of this.#waiting) {
      if (this.room <= 0) return
      this.#waiting.delete(pipe)
      pipe.pump()
    }
  }

  #takeSettings({ settings }: SettingsEvent): void {
    this.#countIdle()
    this.isOpen = true
    for (const [id, value] of settings) this.#setting(id, value)
    const move = windowMoveOf(settings, this.peerInitialWindow)
    if (move !== null) {
      this.peerInitialWindow = move.size
      this.#owner.onInitialWindow(move)
    }
    if (this.isDeaf) return
    this.out.settingsAck()
    this.countReply()
    this.#owner.onSettings()
  }

  #setting(id: number, value: number): void {
    if (id === SETTING.headerTableSize) this.#encoder.setMaxTableBytes(value)
    else if (id === SETTING.maxFrameSize) this.peerMaxFrame = value
    else if (id === SETTING.maxConcurrentStreams) this.peerMaxStreams = value
  }

  #takePing(isAck: boolean, payload: Buffer): void {
    this.#countIdle()
    if (isAck) {
      this.#owner.onPong()
      return
    }
    this.out.copiedFrame(FRAME.ping, FLAG.ack, 0, payload)
    this.countReply()
  }

  #countIdle(): void {
    if (this.#idleFrames.spend()) return
    this.#calm('a flood of frames that move nothing (RFC 9113 10.5)')
  }

  /** To be told of each answer that waits for no window: they pile up here if the peer does not read. */
  countReply(): void {
    if (!this.out.blocked || ++this.#unreadReplies <= MAX_UNREAD_REPLIES) return
    this.#calm('more frames that must be answered than the peer reads answers (RFC 9113 10.5)')
  }

  #calm(message: string): void {
    this.#break({
      kind: 'problem',
      scope: 'connection',
      streamId: 0,
      code: ERROR_CODE.enhanceYourCalm,
      message,
    })
  }

  #break(problem: FrameProblem): void {
    if (!this.isDeaf) this.fail(problem)
  }
}
