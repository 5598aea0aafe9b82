/**
 * Reads what a client of HTTP/1.x sends: one request after the other, each when the one before it is answered,
 * and its body as fast as the server takes it.
 */
import type { ByteStream, StreamListener } from '../stream.ts'
import type { ExchangeRelay } from './exchange-relay.ts'
import { type HeadReader, HeadReaders } from './head-reader.ts'
import { knownRequest } from './known-heads.ts'
import { ownAnswer } from './own-answer.ts'
import { ReadAhead } from './read-ahead.ts'
import { type ReadRequest, readRequest, type UnreadableRequest } from './read-request.ts'
import type { RelayDeps } from './relay-deps.ts'

/** Bytes of the request line in a report of a refused request. */
const START_LINE_BYTES = 200

/** Why the client is not being read at the moment; bits. */
const UPSTREAM_FULL = 1
const READ_AHEAD_FULL = 2

const requestReaders = new HeadReaders('request')

export abstract class RequestReader implements StreamListener {
  /** A request is sent on as it comes; of what is read ahead a copy is kept. */
  readonly passes = true
  protected readonly stream: ByteStream
  protected readonly deps: RelayDeps
  /** The request that is being answered. */
  protected exchange: ExchangeRelay | null = null
  /** FIN is sent or the connection gone: nothing that the client sends counts any more. */
  protected finishing = false
  /** The client has sent its FIN. */
  protected ended = false
  protected readonly ahead = new ReadAhead()
  /** In the middle of a head. */
  #heads: HeadReader | null = null
  #held = 0
  #clientFull = false

  constructor(stream: ByteStream, deps: RelayDeps) {
    this.stream = stream
    this.deps = deps
  }

  /** Sends a request on to where it goes; what follows it in `chunk` is put back. */
  protected abstract begin(request: ReadRequest, chunk: Buffer): void

  /** Sends FIN and takes no more requests. */
  protected abstract shutDown(): void

  abstract onClose(error: NodeJS.ErrnoException | null): void

  /** In the middle of a body, only what the server does not take at once is needed longer. */
  get borrows(): boolean {
    const { exchange } = this
    return exchange !== null && !exchange.requestDone && this.ahead.isEmpty
  }

  onData(chunk: Buffer): void {
    if (this.finishing) return
    this.#use(chunk)
    if (!this.ahead.isEmpty) this.ahead.copyLeftOf(chunk)
  }

  onEnd(): void {
    this.ended = true
    if (!this.finishing && this.ahead.isEmpty) this.#inputOver()
  }

  onDrain(): void {
    this.#clientFull = false
    this.exchange?.clientDrained()
    this.pump()
  }

  send(bytes: Buffer, soon = false): boolean {
    const taken = soon ? this.stream.writeSoon(bytes) : this.stream.write(bytes)
    if (!taken) this.#clientFull = true
    return taken
  }

  holdRequest(hold: boolean): void {
    this.#hold(UPSTREAM_FULL, hold)
    if (!hold) this.pump()
  }

  /** Uses what has been read, as far as that is possible now. */
  protected pump(): void {
    const { ahead } = this
    while (!ahead.isEmpty && !this.finishing && (this.#held & UPSTREAM_FULL) === 0) {
      const { exchange } = this
      if (exchange === null) {
        if (this.#clientFull) break
        this.#readHead(ahead.take())
        continue
      }
      if (exchange.requestDone) break
      const chunk = ahead.take()
      this.putBack(chunk, exchange.requestData(chunk, 0))
      exchange.settle()
    }
    if (this.finishing) return
    this.#hold(READ_AHEAD_FULL, ahead.isFull)
    if (this.ended && ahead.isEmpty) this.#inputOver()
  }

  /** What follows a request. */
  protected putBack(chunk: Buffer, from: number): void {
    if (!this.finishing) this.ahead.putBack(chunk, from)
  }

  /** Between two requests, with nothing of the next one there. */
  protected isIdle(): boolean {
    const between = this.exchange === null && !this.finishing
    return between && this.ahead.isEmpty && (this.#heads?.pending ?? 0) === 0
  }

  /** The exchange is over while its server has not yet taken all: what was borrowed for it must stay. */
  protected forgetHold(): void {
    if ((this.#held & UPSTREAM_FULL) === 0) return
    this.stream.listen(this)
    this.#hold(UPSTREAM_FULL, false)
  }

  /** Reads on, whatever there was against it. */
  protected holdNoMore(): void {
    this.forgetHold()
    this.#held = 0
    this.stream.resume()
  }

  #use(chunk: Buffer): void {
    // Mostly there is nothing before it: then it needs no queue.
    const first = this.exchange === null && this.ahead.isEmpty
    if (first && this.#held === 0 && !this.#clientFull) {
      this.#readHead(chunk)
      if (this.ahead.isEmpty && !this.ended) return
    } else this.ahead.add(chunk)
    this.pump()
  }

  #readHead(chunk: Buffer): void {
    const known = this.#heads === null ? knownRequest(chunk) : undefined
    if (known !== undefined) {
      this.begin(known, chunk)
      return
    }
    const heads = this.#heads ?? requestReaders.take()
    this.#heads = heads
    const request = readRequest(heads, chunk)
    if (request === null) return
    if (request.kind === 'bad') {
      this.#refuse(request)
      return
    }
    this.#heads = null
    requestReaders.giveBack(heads)
    this.begin(request, chunk)
  }

  #refuse({ code, message, requestBytes, method }: UnreadableRequest): void {
    const { bytes } = ownAnswer(code, message, method)
    const start = this.#heads?.startLine(START_LINE_BYTES) ?? ''
    this.stream.write(bytes)
    this.deps.onRefused({ code, message, start, requestBytes, responseBytes: bytes.length })
    this.shutDown()
  }

  /** The client's FIN is there, and all that came before it has been used. */
  #inputOver(): void {
    if (this.exchange !== null) {
      this.exchange.clientEnded()
      return
    }
    const heads = this.#heads
    if (heads !== null && heads.pending > 0) {
      this.deps.onRefused({
        code: 'client-closed',
        message: 'the client closed in the middle of a request head',
        start: heads.startLine(START_LINE_BYTES),
        requestBytes: heads.pending,
        responseBytes: 0,
      })
    }
    this.shutDown()
  }

  #hold(reason: number, hold: boolean): void {
    const before = this.#held
    this.#held = hold ? before | reason : before & ~reason
    if (before === 0 && this.#held !== 0) this.stream.pause()
    if (before !== 0 && this.#held === 0) this.stream.resume()
  }
}
