/** One connection to a server, which belongs to one client connection and carries streams of it. */
import type { ErrorCode } from '../../core/errors.ts'
import type { ByteStream } from '../stream.ts'
import type { HeaderField } from './field.ts'
import {
  type DataEvent,
  ERROR_CODE,
  type FrameProblem,
  type GoawayEvent,
  type HeadersEvent,
  MAX_STREAM_ID,
  MAX_WINDOW,
} from './frame.ts'
import { connectionProblem } from './frame-rules.ts'
import { FIRST_MAX_STREAMS, MAX_UNREAD_BYTES } from './limits.ts'
import { type Batch, nameOfCode } from './outbox.ts'
import type { StreamRelay } from './stream-relay.ts'
import { StreamTable } from './stream-table.ts'
import type { WindowMove } from './window-move.ts'
import { Wire, type WireOwner } from './wire.ts'

/** What the client's connection has to know of its upstreams. */
export interface UpstreamHost {
  /** The server takes no more streams on this connection and has said so. */
  upstreamLeaves(upstream: Upstream): void
  upstreamGone(upstream: Upstream): void
}

const CONNECT_CODE: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'connect-refused',
  ETIMEDOUT: 'connect-timeout',
}

export class Upstream implements WireOwner {
  /** A server opens no streams here: push is refused. */
  readonly lastStreamId = 0
  readonly wire: Wire
  /** It is closed, or about to be, and carries nothing any more. */
  isGone = false
  readonly #host: UpstreamHost
  readonly #streams = new StreamTable<StreamRelay>()
  #nextId = 1
  #isLeaving = false
  /** Dialled before there was a request, by somebody who does not dial again. */
  readonly #isEarly: boolean

  /** @param first what the server has sent already */
  constructor(
    stream: ByteStream,
    host: UpstreamHost,
    { batch, now, first }: { batch: Batch; now: () => number; first: Buffer | null },
  ) {
    this.#host = host
    this.#isEarly = first !== null
    this.wire = new Wire(stream, 'client', this, { batch, now })
    stream.listen(this.wire)
    stream.resume()
    if (first !== null && first.length > 0) this.wire.onData(first)
  }

  /** Whether it takes one more stream. */
  get hasRoom(): boolean {
    if (this.#isLeaving || this.isGone) return false
    const most = this.wire.isOpen ? this.wire.peerMaxStreams : FIRST_MAX_STREAMS
    return most === null || this.#streams.size < most
  }

  /** The server does not read, and much waits for it. */
  get isClogged(): boolean {
    return this.wire.out.waiting > MAX_UNREAD_BYTES
  }

  get isIdle(): boolean {
    return this.#streams.size === 0
  }

  /** Opens a stream by its head; returns its number. */
  open(stream: StreamRelay, fields: readonly HeaderField[], endStream: boolean): number {
    const id = this.#nextId
    this.#nextId += 2
    if (this.#nextId > MAX_STREAM_ID) this.#leave()
    this.#streams.add(id, stream)
    stream.requestBytes += this.wire.sendHeaders(id, fields, endStream)
    return id
  }

  /** Forgets a stream of which nothing more can come. */
  remove(id: number): void {
    this.#streams.delete(id)
    if (this.#isLeaving) this.#closeIfIdle()
  }

  /** Ends the connection in order. */
  close(): void {
    if (this.isGone) return
    this.isGone = true
    this.#dropRest()
    if (!this.wire.isDeaf) this.wire.sendGoaway(ERROR_CODE.noError)
    this.#letGo()
  }

  /** Ends the connection as a client does that has crashed. */
  reset(): void {
    this.isGone = true
    this.#dropRest()
    this.wire.isDeaf = true
    this.wire.stream.reset()
  }

  onHeaders(event: HeadersEvent, fields: HeaderField[] | null): void {
    const stream = this.#streams.get(event.streamId)
    if (stream !== undefined) stream.upstreamHeaders(event, fields)
    else this.#unknown(event.streamId, 'HEADERS')
  }

  onBody(event: DataEvent): void {
    const stream = this.#streams.get(event.streamId)
    if (stream !== undefined) stream.upstreamBody(event)
    else this.#unknown(event.streamId, 'DATA')
  }

  onReset(streamId: number, code: number): void {
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) stream.upstreamReset(code)
    else this.#unknown(streamId, 'RST_STREAM')
  }

  onStreamWindow(streamId: number, increment: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      this.#unknown(streamId, 'WINDOW_UPDATE')
      return
    }
    if (stream.request.window + increment > MAX_WINDOW) {
      stream.badResponse('a window above 2^31 - 1 (RFC 9113 6.9.1)', ERROR_CODE.flowControlError)
    } else stream.request.widen(increment)
  }

  onInitialWindow({ change, highest }: WindowMove): void {
    for (const { item: stream } of this.#streams.all()) {
      if (stream.request.window + highest > MAX_WINDOW) {
        const text = 'SETTINGS that move a window above 2^31 - 1 (RFC 9113 6.9.2)'
        this.wire.fail(connectionProblem('flowControlError', text))
        return
      }
      stream.request.widen(change)
    }
  }

  onSettings(): void {}

  onPong(): void {}

  /** Streams above the last one were not touched, so they may be sent again (RFC 9113 6.8). */
  onGoaway({ lastStreamId, code }: GoawayEvent): void {
    this.#leave()
    const refused: StreamRelay[] = []
    for (const { number: id, item: stream } of this.#streams.all()) {
      if (id <= lastStreamId) continue
      this.#streams.delete(id)
      refused.push(stream)
    }
    for (const stream of refused) stream.upstreamRefused(`GOAWAY ${nameOfCode(code)}`)
    this.#closeIfIdle()
  }

  onStreamProblem({ streamId, code, message }: FrameProblem): void {
    this.#streams.get(streamId)?.badResponse(message, code)
  }

  onBroken({ message }: FrameProblem): void {
    const isHttp2 = this.wire.isOpen
    const problem = isHttp2 ? message : `the answer is not HTTP/2: ${message}`
    for (const stream of this.#takeAll()) stream.upstreamGone('bad-response', problem, false)
    this.#over()
    this.#letGo()
  }

  onFin(): void {
    this.#lost('closed')
    this.wire.stream.close()
  }

  onWritable(): void {}

  onGone(error: NodeJS.ErrnoException | null): void {
    if (this.isGone) return
    const errno = error?.code ?? 'closed'
    if (error?.syscall !== 'connect') {
      this.#lost(errno)
      return
    }
    const code = CONNECT_CODE[errno] ?? 'connect-failed'
    const again = this.#isEarly && errno === 'ECONNREFUSED'
    for (const stream of this.#takeAll()) stream.upstreamGone(code, errno, again)
    this.#over()
  }

  /** A server that has not even sent SETTINGS has hardly seen a request. */
  #lost(reason: string): void {
    const again = !this.wire.isOpen
    this.#isLeaving = true
    for (const stream of this.#takeAll()) stream.upstreamGone('upstream-closed', reason, again)
    this.#over()
  }

  #letGo(): void {
    const { wire } = this
    wire.isDeaf = true
    wire.out.handOver()
    wire.stream.close()
  }

  /** Streams of which the client has all, or is gone. */
  #dropRest(): void {
    for (const stream of this.#takeAll()) stream.upstreamGone('upstream-closed', 'given up', false)
  }

  #takeAll(): StreamRelay[] {
    const streams = this.#streams.all().map(({ item }) => item)
    this.#streams.clear()
    this.#isLeaving = true
    return streams
  }

  #over(): void {
    if (this.isGone) return
    this.isGone = true
    this.wire.isDeaf = true
    this.#host.upstreamGone(this)
  }

  #leave(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#host.upstreamLeaves(this)
  }

  #closeIfIdle(): void {
    if (this.#streams.size > 0 || this.isGone) return
    this.close()
    this.#host.upstreamGone(this)
  }

  /** Frames of a stream that is over may still be on their way; one never opened is a fault. */
  #unknown(streamId: number, what: string): void {
    if (streamId % 2 === 1 && streamId < this.#nextId) return
    const text = `${what} on a stream that is not open (RFC 9113 5.1)`
    this.wire.fail(connectionProblem('protocolError', text, streamId))
  }
}
