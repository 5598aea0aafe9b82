/** Relays one client connection that speaks HTTP/2: reads its streams and sends each its own way. */
import type { ErrorCode } from '../../core/errors.ts'
import type { ExchangePlan, PlanStream, RefusedRequest } from '../exchange.ts'
import type { ByteStream, Dial } from '../stream.ts'
import { Budget } from './budget.ts'
import { Closing, type ClosingTimes } from './closing.ts'
import { Departure } from './departure.ts'
import type { HeaderField } from './field.ts'
import {
  type DataEvent,
  ERROR_CODE,
  FRAME_HEADER_BYTES,
  type FrameProblem,
  type HeadersEvent,
  MAX_WINDOW,
} from './frame.ts'
import { connectionProblem } from './frame-rules.ts'
import { lengthProblem, requestHead } from './header-rules.ts'
import {
  EARLY_RESET_BURST,
  EARLY_RESETS_PER_SECOND,
  MAX_REMEMBERED_RESETS,
  MAX_STREAMS,
} from './limits.ts'
import { Batch } from './outbox.ts'
import { sendRefusal, startOf } from './refusal.ts'
import { type ClientSide, StreamRelay, type StreamStart } from './stream-relay.ts'
import { StreamTable } from './stream-table.ts'
import { type FirstUpstream, Upstreams } from './upstreams.ts'
import type { WindowMove } from './window-move.ts'
import { Wire, type WireOwner } from './wire.ts'

export interface Http2RelayDeps extends ClosingTimes {
  /** Asked for each stream. While a promise is waited for, the client is not read. */
  plan: PlanStream
  dial: Dial
  /** Milliseconds, never going back. */
  now: () => number
  /** Hears of a plan that could not be made, or not be carried out, and is to reset the connection. */
  onFault(error: unknown): void
  /** Hears of each request that was refused before there was a plan. */
  onRefused(refused: RefusedRequest): void
  /** A connection that was dialled before it was known where the first stream goes. */
  firstUpstream?: FirstUpstream | null
}

export interface Http2Connection {
  /** Tells the client to open its next streams elsewhere, finishes those that are open, then closes. */
  drain(): void
  /** As `drain`, but a connection without any stream yet serves its first. */
  retire(): void
  /** Resolves when the client's connection is gone. */
  readonly closed: Promise<void>
}

/**
 * Takes over `downstream`, of which `first` has been read already: the preface and what follows it.
 * Every answer comes from the target that `plan` names, or is one of ours and marked by
 * `azds-proxy-error`.
 */
export function relayHttp2(
  downstream: ByteStream,
  first: Buffer,
  deps: Http2RelayDeps,
): Http2Connection {
  return new ClientRelay(downstream, first, deps)
}

class ClientRelay implements WireOwner, ClientSide, Http2Connection {
  lastStreamId = 0
  readonly wire: Wire
  readonly upstreams: Upstreams
  readonly closed: Promise<void>
  readonly #deps: Http2RelayDeps
  readonly #batch = new Batch()
  readonly #streams = new StreamTable<StreamRelay>()
  /** Streams that we have reset, whose late frames are ignored (RFC 9113 5.1). */
  readonly #resets = new Set<number>()
  readonly #earlyResets: Budget
  readonly #departure: Departure
  readonly #closing: Closing
  #isRetiring = false
  #isFinishing = false
  /** A stream has come whose plan is still being made. */
  #isPlanning = false
  #resolveClosed: () => void = () => {}

  constructor(downstream: ByteStream, first: Buffer, deps: Http2RelayDeps) {
    const { now, dial, firstUpstream } = deps
    this.#deps = deps
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const rate = { burst: EARLY_RESET_BURST, perSecond: EARLY_RESETS_PER_SECOND }
    this.#earlyResets = new Budget(rate, now)
    this.wire = new Wire(downstream, 'server', this, { batch: this.#batch, now })
    this.#departure = new Departure(this.wire, () => this.#closeIfDone())
    this.#closing = new Closing(this.wire, deps)
    this.wire.out.onBlocked = () => this.upstreams.hold(true)
    this.upstreams = new Upstreams({
      dial,
      batch: this.#batch,
      now,
      firstUpstream: firstUpstream ?? null,
      onLeaves: () => this.#departure.announce(),
    })
    downstream.listen(this.wire)
    downstream.resume()
    this.wire.onData(first)
  }

  retire(): void {
    this.#isRetiring = true
    if (this.lastStreamId === 0) return
    this.#departure.announce()
    this.#batch.flush()
  }

  drain(): void {
    this.#departure.announce()
    this.#batch.flush()
  }

  remove(streamId: number, isReset: boolean): void {
    this.#streams.delete(streamId)
    if (isReset) this.#remember(streamId)
    if (this.#departure.isLast) this.#closeIfDone()
  }

  onHeaders(event: HeadersEvent, fields: HeaderField[] | null): void {
    const id = event.streamId
    const stream = this.#streams.get(id)
    if (stream !== undefined) {
      stream.clientTrailers(event, fields)
      return
    }
    if (id % 2 === 0) {
      this.#breakOff('protocolError', 'a stream of the client with an even number (RFC 9113 5.1.1)')
      return
    }
    if (id <= this.lastStreamId) {
      if (this.#resets.has(id)) return
      this.#breakOff('streamClosed', 'HEADERS on a stream that is over (RFC 9113 5.1)')
      return
    }
    if (this.#departure.isLast) return
    this.lastStreamId = id
    this.#openStream(event, fields)
  }

  onBody(event: DataEvent): void {
    const { streamId } = event
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) stream.clientBody(event)
    else if (this.#isIdle(streamId)) this.#idleFrame('DATA')
    else if (!this.#resets.has(streamId)) this.#resetStream(streamId, ERROR_CODE.streamClosed)
  }

  onReset(streamId: number, code: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      if (this.#isIdle(streamId)) this.#idleFrame('RST_STREAM')
      return
    }
    const isEarly = !stream.isAnswered
    stream.clientReset(code)
    if (isEarly) this.countEarly()
  }

  onStreamWindow(streamId: number, increment: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      if (this.#isIdle(streamId)) this.#idleFrame('WINDOW_UPDATE')
      return
    }
    if (stream.response.window + increment <= MAX_WINDOW) stream.response.widen(increment)
    else {
      const text = 'a window above 2^31 - 1 (RFC 9113 6.9.1)'
      stream.clientFault(text, ERROR_CODE.flowControlError)
    }
  }

  onInitialWindow({ change, highest }: WindowMove): void {
    for (const { item: stream } of this.#streams.all()) {
      if (stream.response.window + highest > MAX_WINDOW) {
        const text = 'SETTINGS that move a window above 2^31 - 1 (RFC 9113 6.9.2)'
        this.#breakOff('flowControlError', text)
        return
      }
      stream.response.widen(change)
    }
  }

  onSettings(): void {}

  /** The client has read the first GOAWAY, so it opens no more streams than those that have come. */
  onPong(): void {
    this.#departure.acknowledged()
  }

  /** The client takes no pushes anyway; its streams go on until it closes. */
  onGoaway(): void {}

  onStreamProblem(problem: FrameProblem): void {
    const { streamId, code, message } = problem
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) {
      stream.clientFault(message, code)
      return
    }
    // Of all frames, PRIORITY alone may come for a stream not yet open; this one has the wrong length.
    if (this.#isIdle(streamId) && code === ERROR_CODE.frameSizeError)
      this.#resetStream(streamId, code)
    else if (this.#isIdle(streamId)) this.#idleFrame('WINDOW_UPDATE')
    this.countEarly()
  }

  onBroken({ message }: FrameProblem): void {
    this.#deps.onRefused({
      code: 'bad-request',
      version: '2',
      message,
      start: '',
      requestBytes: this.wire.stream.bytesRead,
      responseBytes: this.wire.stream.bytesWritten,
    })
    this.#dropStreams(message)
    this.#shutDown()
  }

  /**
   * The end of the connection for all its streams, as for Node's server: a client that can send no
   * more can widen no window either, so a stream that waits for one would wait for ever.
   */
  onFin(): void {
    this.#dropStreams('closed')
    this.#shutDown()
  }

  onWritable(): void {
    this.upstreams.hold(false)
  }

  onGone(error: NodeJS.ErrnoException | null): void {
    this.#isFinishing = true
    this.#departure.cancel()
    this.#closing.cancel()
    const isBroken = error !== null && this.#streams.size > 0
    this.#dropStreams(error?.code ?? 'closed')
    this.upstreams.release(isBroken)
    this.#resolveClosed()
  }

  #openStream(event: HeadersEvent, fields: HeaderField[] | null): void {
    const { streamId: id, endStream } = event
    if (event.dependsOnItself) {
      const text = 'a stream that depends on itself (RFC 7540 5.3.1)'
      this.#refuse(event, fields, 'bad-request', text)
      return
    }
    if (this.#streams.size >= MAX_STREAMS) {
      this.#resetStream(id, ERROR_CODE.refusedStream)
      return
    }
    if (fields === null) {
      this.#refuse(event, fields, 'head-too-large', 'the request head is longer than 65536 bytes')
      return
    }
    const head = requestHead(fields)
    const problem =
      head.kind === 'malformed'
        ? head.problem
        : endStream && lengthProblem(head.contentLength, 0, true)
    if (head.kind === 'malformed' || problem) {
      this.#refuse(event, fields, 'bad-request', problem || '')
      return
    }
    const plan = this.#deps.plan(head)
    if (plan instanceof Promise) this.#openLate({ id, head, isBodiless: endStream }, plan)
    else this.#open({ id, head, isBodiless: endStream }, plan)
  }

  #open(start: StreamStart, plan: ExchangePlan): void {
    const stream = new StreamRelay(this, start, plan.recorder)
    this.#streams.add(start.id, stream)
    stream.begin(plan)
    if (this.#isRetiring) this.#departure.announce()
  }

  /** A fault in making the plan costs the connection. */
  #openLate(start: StreamStart, late: Promise<ExchangePlan>): void {
    this.wire.stall()
    this.#isPlanning = true
    const begin = (plan: ExchangePlan) => {
      this.#isPlanning = false
      if (this.#isFinishing) {
        const error = { code: 'client-closed' as const, message: 'client: closed' }
        plan.recorder.done({ requestBytes: 0, responseBytes: 0, error })
        return
      }
      this.#open(start, plan)
      this.wire.goOn()
    }
    late.then(begin).catch((error: unknown) => this.#deps.onFault(error))
  }

  /** A request that cannot be planned: a reset for a broken rule (RFC 9113 8.1.1), else an answer. */
  #refuse(
    { streamId, block, endStream }: HeadersEvent,
    fields: HeaderField[] | null,
    code: ErrorCode,
    message: string,
  ): void {
    let responseBytes = FRAME_HEADER_BYTES + 4
    if (code === 'bad-request') this.#resetStream(streamId, ERROR_CODE.protocolError)
    else {
      responseBytes = sendRefusal(this.wire, streamId, { code, message })
      if (!endStream) this.#resetStream(streamId, ERROR_CODE.noError)
    }
    this.#deps.onRefused({
      code,
      version: '2',
      message,
      start: startOf(fields ?? []),
      requestBytes: FRAME_HEADER_BYTES + block.length,
      responseBytes,
    })
    this.countEarly()
  }

  #resetStream(streamId: number, code: number): void {
    this.wire.sendReset(streamId, code)
    this.#remember(streamId)
  }

  #remember(streamId: number): void {
    this.#resets.add(streamId)
    if (this.#resets.size <= MAX_REMEMBERED_RESETS) return
    for (const oldest of this.#resets) {
      this.#resets.delete(oldest)
      return
    }
  }

  countEarly(): void {
    if (this.#earlyResets.spend()) return
    this.#breakOff('enhanceYourCalm', 'a flood of requests that are taken back or break rules')
  }

  #isIdle(streamId: number): boolean {
    return streamId > this.lastStreamId || streamId % 2 === 0
  }

  #idleFrame(what: string): void {
    if (this.#departure.isLast) return
    this.#breakOff('protocolError', `${what} on a stream that is not open (RFC 9113 5.1)`)
  }

  #breakOff(code: keyof typeof ERROR_CODE, message: string): void {
    if (!this.wire.isDeaf) this.wire.fail(connectionProblem(code, message))
  }

  #dropStreams(reason: string): void {
    for (const { item: stream } of this.#streams.all()) stream.clientGone(reason)
  }

  get #hasNone(): boolean {
    return this.#streams.size === 0 && !this.#isPlanning
  }

  /** What is left of the answers goes out first, at the client's pace. */
  #closeIfDone(): void {
    if (this.#hasNone) this.#shutDown(true)
  }

  /** Sends FIN and waits a while for the client's, taking no more streams. */
  #shutDown(isPatient = false): void {
    if (this.#isFinishing) return
    this.#isFinishing = true
    this.wire.isDeaf = true
    this.#departure.cancel()
    this.upstreams.release(false)
    this.#closing.begin(isPatient)
  }
}
