/** Relays one client connection that speaks HTTP/1.x: reads its requests and answers them in order. */
import type { Address } from '../../core/routing-table.ts'
import { SPECIMENS } from '../specimens.ts'
import { splice } from '../splice.ts'
import { type ByteStream, DEAF, type StreamListener } from '../stream.ts'
import type { ClientSide, TunnelEnd } from './client-side.ts'
import { keepingUpstream } from './closing-client.ts'
import { ExchangeRelay } from './exchange-relay.ts'
import { requestFraming } from './framing.ts'
import { withoutH2cOffer } from './h2c-offer.ts'
import { type HeadReader, HeadReaders } from './head-reader.ts'
import { knownRequest } from './known-heads.ts'
import { answerRefusal, ownAnswer } from './own-answer.ts'
import { PairedUpstreams } from './paired-upstreams.ts'
import { type ReadRequest, readRequest, type UnreadableRequest } from './read-request.ts'
import type { Http1Connection, RelayDeps } from './relay-deps.ts'

/**
 * Bytes of further requests that are read ahead while one is being answered. One head of the greatest
 * length fits; reading on is what shows that the client has gone.
 */
const MAX_READ_AHEAD = 65_536

/**
 * How long a connection that we have ended waits for the client's FIN, ms. Closing at once would
 * answer bytes still on their way with RST, which can cost the client our last answer (RFC 9112 9.6).
 * 5 s outlast a retransmission or two and are nginx's choice as well.
 */
const LINGER_MS = 5_000

/** Bytes of the request line in a report of a refused request. */
const START_LINE_BYTES = 200

/**
 * Takes over `downstream`, of which `first` has been read already. Every answer comes from the
 * target that `plan` names, or is one of ours and marked by `azds-proxy-error`.
 */
export function relayHttp1(
  downstream: ByteStream,
  first: Buffer,
  deps: RelayDeps,
): Http1Connection {
  const relay = new ClientRelay(downstream, deps)
  relay.start(first)
  return relay
}

/** Why the client is not being read at the moment; bits. */
const UPSTREAM_FULL = 1
const READ_AHEAD_FULL = 2

const requestReaders = new HeadReaders('request')

class ClientRelay implements StreamListener, ClientSide, Http1Connection {
  /** A request is sent on as it comes; of what is read ahead a copy is kept. */
  readonly passes = true
  draining = false
  /** The next answer is not the last: the one after it is. */
  #oneMore = false
  readonly #stream: ByteStream
  readonly #deps: RelayDeps
  /** In the middle of a head. */
  #heads: HeadReader | null = null
  readonly #upstreams: PairedUpstreams
  readonly #read: Buffer[] = []
  #readBytes = 0
  #held = 0
  #clientFull = false
  #exchange: ExchangeRelay | null = null
  /** The client has said that the request which is being answered is its last. */
  #saidLast = false
  /** The client has had a whole answer. */
  #answered = false
  /** FIN is sent or the connection gone: nothing that the client sends counts any more. */
  #finishing = false
  #gone = false
  /** The client has sent its FIN. */
  #ended = false
  #linger: NodeJS.Timeout | null = null
  #isClosed = false
  /** Somebody waits for that. */
  #closing: PromiseWithResolvers<void> | null = null

  constructor(stream: ByteStream, deps: RelayDeps) {
    this.#stream = stream
    this.#deps = deps
    this.#upstreams = new PairedUpstreams(deps, this)
  }

  get closed(): Promise<void> {
    this.#closing ??= Promise.withResolvers()
    if (this.#isClosed) this.#closing.resolve()
    return this.#closing.promise
  }

  start(first: Buffer): void {
    this.#stream.listen(this)
    this.#stream.resume()
    if (first.length > 0) this.onData(first)
  }

  retire(): void {
    // An answer of which the body is under way cannot say so any more.
    this.#oneMore = !this.draining && this.#exchange?.borrows === true
    this.draining = true
  }

  drain(): void {
    this.draining = true
    this.#oneMore = false
    if (this.#idle()) this.#shutDown()
  }

  /** In the middle of a body, only what the server does not take at once is needed longer. */
  get borrows(): boolean {
    const exchange = this.#exchange
    return exchange !== null && !exchange.requestDone && this.#read.length === 0
  }

  onData(chunk: Buffer): void {
    if (this.#finishing) return
    this.#use(chunk)
    // What is left of it is the last that was read.
    const left = this.#read.pop()
    if (left !== undefined) this.#read.push(left.buffer === chunk.buffer ? Buffer.from(left) : left)
  }

  #use(chunk: Buffer): void {
    // Mostly there is nothing before it: then it needs no queue.
    const first = this.#exchange === null && this.#read.length === 0
    if (first && this.#held === 0 && !this.#clientFull) {
      this.#readHead(chunk)
      if (this.#read.length === 0 && !this.#ended) return
    } else {
      this.#read.push(chunk)
      this.#readBytes += chunk.length
    }
    this.#pump()
  }

  onEnd(): void {
    this.#ended = true
    if (!this.#finishing && this.#read.length === 0) this.#inputOver()
  }

  onDrain(): void {
    this.#clientFull = false
    this.#exchange?.clientDrained()
    this.#pump()
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    this.#gone = true
    this.#finishing = true
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#exchange?.clientClosed(error)
    this.#upstreams.release()
    this.#closed()
  }

  send(bytes: Buffer, soon = false): boolean {
    const taken = soon ? this.#stream.writeSoon(bytes) : this.#stream.write(bytes)
    if (!taken) this.#clientFull = true
    return taken
  }

  holdRequest(hold: boolean): void {
    this.#hold(UPSTREAM_FULL, hold)
    if (!hold) this.#pump()
  }

  dial(target: Address): ByteStream {
    return this.#upstreams.fresh(target)
  }

  endClient(): void {
    this.#stream.end()
  }

  resetClient(): void {
    this.#stream.reset()
  }

  finished(upstream: ByteStream, reusable: boolean): void {
    const wasLast = this.#saidLast && this.#exchange?.requestDone === true
    this.#exchange = null
    this.#answered = true
    this.#forgetHold()
    if (reusable) this.#upstreams.keep(upstream)
    else {
      upstream.listen(DEAF)
      upstream.close()
    }
    const goesOn = !this.draining || this.#oneMore
    this.#oneMore = false
    if (reusable && goesOn && !(this.#ended && this.#read.length === 0)) this.#pump()
    // Bytes behind its last request are read until it closes: unread they would cost it the answer.
    else if (wasLast && this.#read.length === 0) this.#leave()
    else this.#shutDown()
  }

  failed(): void {
    this.#exchange = null
    this.#shutDown()
  }

  tunnel(upstream: ByteStream, toClient: Buffer, onEnd: TunnelEnd): void {
    this.#exchange = null
    this.#finishing = true
    this.#upstreams.release()
    const toUpstream = Buffer.concat(this.#read.splice(0))
    splice(this.#stream, upstream, { toA: toClient, toB: toUpstream }, (end) => {
      onEnd({
        fromClient: end.fromA,
        fromUpstream: end.fromB,
        error: end.error,
        side: end.side === 'a' ? 'client' : end.side && 'upstream',
      })
      this.#closed()
    })
  }

  #closed(): void {
    this.#isClosed = true
    this.#closing?.resolve()
    this.#deps.onClosed?.()
  }

  /** Uses what has been read, as far as that is possible now. */
  #pump(): void {
    while (this.#read.length > 0 && !this.#finishing && (this.#held & UPSTREAM_FULL) === 0) {
      const exchange = this.#exchange
      if (exchange === null) {
        if (this.#clientFull) break
        this.#readHead(this.#shift())
        continue
      }
      if (exchange.requestDone) break
      const chunk = this.#shift()
      this.#unshift(chunk, exchange.requestData(chunk, 0))
      exchange.settle()
    }
    if (this.#finishing) return
    this.#hold(READ_AHEAD_FULL, this.#readBytes >= MAX_READ_AHEAD)
    if (this.#ended && this.#read.length === 0) this.#inputOver()
  }

  #shift(): Buffer {
    const chunk = this.#read.shift() as Buffer
    this.#readBytes -= chunk.length
    return chunk
  }

  #unshift(chunk: Buffer, from: number): void {
    if (from >= chunk.length || this.#finishing) return
    this.#read.unshift(chunk.subarray(from))
    this.#readBytes += chunk.length - from
  }

  #readHead(chunk: Buffer): void {
    const known = this.#heads === null ? knownRequest(chunk) : undefined
    if (known !== undefined) {
      this.#begin(known, chunk)
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
    this.#begin(request, chunk)
  }

  #begin(request: ReadRequest, chunk: Buffer): void {
    let { head, framing } = request
    const plan = this.#deps.plan(head)
    if (plan.kind === 'refuse') {
      answerRefusal(this.#stream, plan, head)
      this.#shutDown()
      return
    }
    if (framing.offersH2c && plan.setHeaders.length > 0) {
      // What follows on this connection is to be routed, too.
      head = withoutH2cOffer(head)
      const rest = requestFraming(head)
      if (rest.kind === 'bad') throw new Error(`without h2c: ${rest.problem}`)
      framing = rest
    }
    if (framing.bindsConnection) this.#upstreams.bind()
    const { method, version } = head
    const { target, setHeaders, recorder } = plan
    const repeatable = framing.isRepeatable
    const { stream: upstream, reused } = this.#upstreams.take(plan, repeatable)
    const known = reused && this.#answered
    this.#saidLast = !framing.keepAlive
    let { keepAlive } = framing
    let set = setHeaders
    const shares = repeatable && !framing.bindsConnection && this.#deps.pool !== null
    if (shares && setHeaders.length > 0 && framing.saysOnlyClose) {
      // The server's connection can outlive this client's, whose answer then says that it is the last.
      set = keepingUpstream(setHeaders)
      keepAlive = true
      this.draining = true
    }
    const exchange = new ExchangeRelay(this, {
      method,
      version,
      framing,
      keepAlive,
      target,
      recorder,
      upstream,
      reused,
      known,
    })
    this.#exchange = exchange
    SPECIMENS.exchange = exchange
    SPECIMENS.request = head
    SPECIMENS.plan = plan
    this.#unshift(chunk, exchange.begin(head, set, chunk, request.next))
  }

  #refuse({ code, message, requestBytes, method }: UnreadableRequest): void {
    const { bytes } = ownAnswer(code, message, method)
    const start = this.#heads?.startLine(START_LINE_BYTES) ?? ''
    this.#stream.write(bytes)
    this.#deps.onRefused({ code, message, start, requestBytes, responseBytes: bytes.length })
    this.#shutDown()
  }

  /** The client's FIN is there, and all that came before it has been used. */
  #inputOver(): void {
    if (this.#exchange !== null) {
      this.#exchange.clientEnded()
      return
    }
    const heads = this.#heads
    if (heads !== null && heads.pending > 0) {
      this.#deps.onRefused({
        code: 'client-closed',
        message: 'the client closed in the middle of a request head',
        start: heads.startLine(START_LINE_BYTES),
        requestBytes: heads.pending,
        responseBytes: 0,
      })
    }
    this.#shutDown()
  }

  /** The server has closed the connection that answered last, so the client is to see it closed. */
  upstreamLeft(): void {
    if (this.#idle()) this.#shutDown()
  }

  #idle(): boolean {
    const between = this.#exchange === null && !this.#finishing
    return between && this.#read.length === 0 && (this.#heads?.pending ?? 0) === 0
  }

  /** Closes after the last bytes: who has said that it sends no more need not be waited for. */
  #leave(): void {
    this.#finishing = true
    this.#read.length = 0
    this.#upstreams.release()
    if (!this.#gone) this.#stream.close()
  }

  /** Sends FIN and waits a while for the client's, taking no more requests. */
  #shutDown(): void {
    this.#finishing = true
    this.#read.length = 0
    this.#upstreams.release()
    if (this.#gone) return
    this.#forgetHold()
    this.#held = 0
    this.#stream.resume()
    this.#stream.end()
    const lingerMs = this.#deps.lingerMs ?? LINGER_MS
    if (!this.#ended) this.#linger ??= setTimeout(() => this.#stream.close(), lingerMs)
  }

  /** The exchange is over while its server has not yet taken all: what was borrowed for it must stay. */
  #forgetHold(): void {
    if ((this.#held & UPSTREAM_FULL) === 0) return
    this.#stream.listen(this)
    this.#hold(UPSTREAM_FULL, false)
  }

  #hold(reason: number, hold: boolean): void {
    const before = this.#held
    this.#held = hold ? before | reason : before & ~reason
    if (before === 0 && this.#held !== 0) this.#stream.pause()
    if (before !== 0 && this.#held === 0) this.#stream.resume()
  }
}
