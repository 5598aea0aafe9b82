/** Relays one client connection that speaks HTTP/2: reads its streams and sends each its own way. */
import type { ErrorCode } from '../../core/errors.ts'
import type { PlanExchange, RefusedRequest } from '../exchange.ts'
import type { ByteStream, Dial } from '../stream.ts'
import { Budget } from './budget.ts'
import type { HeaderField } from './field.ts'
import {
  type DataEvent,
  ERROR_CODE,
  FRAME,
  FRAME_HEADER_BYTES,
  type FrameProblem,
  type HeadersEvent,
  MAX_STREAM_ID,
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
import { ownAnswer } from './own-answer.ts'
import { type ClientSide, StreamRelay } from './stream-relay.ts'
import { type FirstUpstream, Upstreams } from './upstreams.ts'
import { Wire, type WireOwner } from './wire.ts'

/**
 * How long a connection that we have ended waits for the client's FIN, ms; as for HTTP/1: closing at
 * once would answer bytes on their way with RST, which can cost the client our last frames.
 */
const LINGER_MS = 5_000

/**
 * How long the last GOAWAY waits for the PING's answer, which shows that the client has read the
 * first one, ms. A round trip takes 1 ms in a cluster and 0.3 s round the world.
 */
const GOAWAY_MS = 1_000

/** Characters of method and path in a report of a refused request. */
const START_LINE_LENGTH = 200

export interface Http2RelayDeps {
  plan: PlanExchange
  dial: Dial
  /** Milliseconds, never going back. */
  now: () => number
  /** Hears of each request that was refused before there was a plan. */
  onRefused(refused: RefusedRequest): void
  /** A connection that was dialled before it was known where the first stream goes. */
  firstUpstream?: FirstUpstream | null
  /** For tests; `LINGER_MS` otherwise. */
  lingerMs?: number
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
  readonly #streams = new Map<number, StreamRelay>()
  /** Streams that we have reset, whose late frames are ignored (RFC 9113 5.1). */
  readonly #resets = new Set<number>()
  readonly #earlyResets: Budget
  #isRetiring = false
  /** The client has been told that this connection goes. */
  #isLeaving = false
  /** No stream above `lastStreamId` is taken any more. */
  #isLast = false
  #isFinishing = false
  /** The client has sent its FIN. */
  #ended = false
  #timer: NodeJS.Timeout | undefined
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
    this.wire.out.onBlocked = () => this.upstreams.hold(true)
    this.upstreams = new Upstreams({
      dial,
      batch: this.#batch,
      now,
      firstUpstream: firstUpstream ?? null,
      onLeaves: () => this.#leave(),
    })
    downstream.listen(this.wire)
    downstream.resume()
    this.wire.onData(first)
  }

  retire(): void {
    this.#isRetiring = true
    if (this.lastStreamId === 0) return
    this.#leave()
    this.#batch.flush()
  }

  drain(): void {
    this.#leave()
    if (this.#streams.size === 0) this.#leaveNow()
    this.#batch.flush()
  }

  remove(streamId: number, isReset: boolean): void {
    this.#streams.delete(streamId)
    if (isReset) this.#remember(streamId)
    if (this.#streams.size === 0 && this.#isLast) this.#shutDown()
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
    if (this.#isLast) return
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
    if (isEarly) this.#countEarly()
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

  onInitialWindow(change: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.response.window + change > MAX_WINDOW) {
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
    if (this.#isLeaving) this.#leaveNow()
  }

  /** The client takes no pushes anyway; its streams go on until it closes. */
  onGoaway(): void {}

  onStreamProblem(problem: FrameProblem): void {
    const { streamId, code, message } = problem
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) stream.clientFault(message, code)
    else if (this.#isIdle(streamId)) {
      // A PRIORITY of the wrong length is all that can come for a stream not yet open.
      this.#resetStream(streamId, code)
    }
    this.#countEarly()
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
    this.#ended = true
    this.#dropStreams('closed')
    this.#shutDown()
  }

  onWritable(): void {
    this.upstreams.hold(false)
  }

  onGone(error: NodeJS.ErrnoException | null): void {
    this.#isFinishing = true
    clearTimeout(this.#timer)
    this.#dropStreams(error?.code ?? 'closed')
    this.upstreams.release(error !== null)
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
    const stream = new StreamRelay(this, { id, head, isBodiless: endStream }, plan.recorder)
    this.#streams.set(id, stream)
    stream.begin(plan)
    if (this.#isRetiring) this.#leave()
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
      responseBytes = this.#sendRefusal(streamId, code, message)
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
    this.#countEarly()
  }

  #sendRefusal(streamId: number, code: ErrorCode, message: string): number {
    const { wire } = this
    const { head, body } = ownAnswer(code, message, null)
    const room = Math.min(wire.peerInitialWindow, wire.room)
    const sent = body !== null && body.length <= room ? body : null
    // Without room for the text, the head has to do.
    const fields = sent ? head.fields : head.fields.filter(({ name }) => name !== 'content-length')
    const bytes = wire.sendHeaders(streamId, fields, sent === null)
    return sent === null ? bytes : bytes + wire.sendData(streamId, sent, true)
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

  #countEarly(): void {
    if (this.#earlyResets.spend()) return
    this.#breakOff('enhanceYourCalm', 'a flood of requests that are taken back or break rules')
  }

  #isIdle(streamId: number): boolean {
    return streamId > this.lastStreamId || streamId % 2 === 0
  }

  #idleFrame(what: string): void {
    if (this.#isLast) return
    this.#breakOff('protocolError', `${what} on a stream that is not open (RFC 9113 5.1)`)
  }

  #breakOff(code: keyof typeof ERROR_CODE, message: string): void {
    if (!this.wire.isDeaf) this.wire.fail(connectionProblem(code, message), this.lastStreamId)
  }

  #dropStreams(reason: string): void {
    const streams = [...this.#streams.values()]
    for (const stream of streams) stream.clientGone(reason)
  }

  /** The first of two steps (RFC 9113 6.8): streams that are on their way are still served. */
  #leave(): void {
    if (this.#isLeaving || this.#isFinishing) return
    this.#isLeaving = true
    const { out } = this.wire
    out.goaway(MAX_STREAM_ID, ERROR_CODE.noError)
    out.frame(FRAME.ping, 0, 0, DRAIN_PING)
    this.#timer = setTimeout(() => {
      this.#leaveNow()
      this.#batch.flush()
    }, GOAWAY_MS)
  }

  /** The second step: nothing more is taken, and the connection ends with its last stream. */
  #leaveNow(): void {
    if (this.#isLast || this.#isFinishing) return
    this.#isLast = true
    clearTimeout(this.#timer)
    this.wire.out.goaway(this.lastStreamId, ERROR_CODE.noError)
    if (this.#streams.size === 0) this.#shutDown()
  }

  /** Sends FIN and waits a while for the client's, taking no more streams. */
  #shutDown(): void {
    if (this.#isFinishing) return
    this.#isFinishing = true
    this.wire.isDeaf = true
    clearTimeout(this.#timer)
    const { stream, out } = this.wire
    out.flush()
    this.upstreams.release(false)
    stream.resume()
    stream.end()
    if (this.#ended) return
    this.#timer = setTimeout(() => stream.close(), this.#deps.lingerMs ?? LINGER_MS)
  }
}

const DRAIN_PING = Buffer.from('azds-bye')

function startOf(fields: readonly HeaderField[]): string {
  const value = (name: string) => fields.find((field) => field.name === name)?.value ?? ''
  return `${value(':method')} ${value(':path')}`.trim().slice(0, START_LINE_LENGTH)
}
