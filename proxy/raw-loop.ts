/**
 * What the connections of one raw transport share: requests of libuv's, read buffers and the clocks that
 * are kept for each of them.
 */
import { Deadlines } from './deadlines.ts'
import { KnownChunks } from './known-chunks.ts'
import type { Pipes } from './pipes.ts'
import type { RawBindings, RawRequest, TcpHandle } from './raw-bindings.ts'
import { ReadBuffers } from './raw-buffers.ts'
import { Loans } from './raw-loans.ts'
import type { RawStream } from './raw-stream.ts'
import { Turn } from './raw-turn.ts'
import type { SendLast } from './send-last.ts'
import { KEEP_ALIVE_SECONDS, LAST_BYTES_MS } from './transport.ts'
import { type OnFree, TurnMemory } from './turn-memory.ts'

/**
 * Age at which a dialled connection gets its keep-alive probes, ms. To ask for them takes four system
 * calls, which connections that carry one request can do without; half the probes' own idle time is
 * early enough for the others.
 */
const YOUNG_MS = (KEEP_ALIVE_SECONDS * 1000) / 2

export interface LoopOptions {
  /** For tests; `LAST_BYTES_MS` otherwise. */
  lastBytesMs?: number | undefined
  pipes?: Pipes | null
  /** Called once, when a connection ends with bytes; without it they and FIN go one after the other. */
  loadSendLast?: () => SendLast | null
  /** For tests: hears of memory that is about to be used again. */
  onFree?: OnFree | null
}

export class RawLoop {
  readonly buffers: ReadBuffers
  readonly known: KnownChunks
  readonly loans = new Loans()
  readonly memory: TurnMemory
  readonly turn = new Turn(() => this.memory.reset())
  /** Dialled connections without keep-alive probes so far. */
  readonly young = new Deadlines<RawStream>(YOUNG_MS, (stream) =>
    stream.keepAlive(KEEP_ALIVE_SECONDS),
  )
  /** For the next write. Mostly the kernel takes all at once, and then it serves the one after as well. */
  spare: RawRequest
  /** Those that were let go with bytes yet to be sent. */
  readonly lasting: Deadlines<RawStream>
  /** Through which the kernel passes bytes; null where it is not to. */
  readonly pipes: Pipes | null
  readonly #bindings: RawBindings
  readonly #loadSendLast: () => SendLast | null
  #sendLast: SendLast | null | undefined
  readonly #closed: RawStream[] = []
  readonly #connects = new Map<number, Deadlines<RawStream>>()

  constructor(
    bindings: RawBindings,
    {
      lastBytesMs = LAST_BYTES_MS,
      pipes = null,
      loadSendLast = () => null,
      onFree = null,
    }: LoopOptions = {},
  ) {
    this.buffers = new ReadBuffers(onFree)
    this.known = new KnownChunks(this.buffers.landing)
    this.memory = new TurnMemory(onFree)
    this.#bindings = bindings
    this.pipes = pipes
    this.#loadSendLast = loadSendLast
    this.lasting = new Deadlines<RawStream>(lastBytesMs, (stream) => stream.lastBytesDue())
    this.spare = this.#writeRequest()
  }

  /** Null where bytes and FIN cannot go together. */
  get sendLast(): SendLast | null {
    if (this.#sendLast === undefined) this.#sendLast = this.#loadSendLast()
    return this.#sendLast
  }

  /** Bytes that the read had, or a negative errno. */
  lastRead(): number {
    return this.#bindings.state[this.#bindings.readAt] as number
  }

  /** Whether libuv still holds something of the last write, and the request. */
  wasAsync(): boolean {
    return this.#bindings.state[this.#bindings.asyncAt] !== 0
  }

  /** The last write is under way for a stream, with the spare request. */
  useSpare(stream: RawStream, bytes: Buffer): void {
    const request = this.spare
    request.owner = stream
    request.bytes = bytes
    this.spare = this.#writeRequest()
  }

  /** Sends FIN; `stream` hears when it is done. Returns 0 or a negative errno. */
  shutDown(handle: TcpHandle, stream: RawStream): number {
    const request = new this.#bindings.ShutdownRequest()
    request.owner = stream
    request.oncomplete = onShutDown
    return handle.shutdown(request)
  }

  /** Tells a stream, when what runs now is over, that its handle is closed; to have libuv do that costs more. */
  closed(stream: RawStream): void {
    if (this.#closed.push(stream) === 1) queueMicrotask(this.#tellClosed)
  }

  /** Those who wait that long for their connections. */
  connects(timeoutMs: number): Deadlines<RawStream> {
    let list = this.#connects.get(timeoutMs)
    if (list === undefined) {
      list = new Deadlines<RawStream>(timeoutMs, (stream) => stream.connectTimedOut(timeoutMs))
      this.#connects.set(timeoutMs, list)
    }
    return list
  }

  readonly #tellClosed = (): void => {
    const closed = this.#closed
    try {
      // Those that go meanwhile are told at once, too.
      for (let at = 0; at < closed.length; at++) (closed[at] as RawStream).wasClosed()
    } finally {
      closed.length = 0
    }
  }

  #writeRequest(): RawRequest {
    const request = new this.#bindings.WriteRequest()
    request.oncomplete = onWritten
    return request
  }
}

function onWritten(this: RawRequest, status: number): void {
  this.bytes = null
  const stream = this.owner as RawStream
  stream.written(status)
}

function onShutDown(this: RawRequest): void {
  const stream = this.owner as RawStream
  stream.wasShutDown()
}
