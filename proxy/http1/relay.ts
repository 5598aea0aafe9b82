/**
 * Relays one client connection that speaks HTTP/1.x: asks where each of its requests goes, and answers them in
 * order. How they are read is `request-reader.ts`.
 */
import type { Address } from '../../core/routing-table.ts'
import { SPECIMENS } from '../specimens.ts'
import { splice } from '../splice.ts'
import { type ByteStream, DEAF } from '../stream.ts'
import type { ClientSide, TunnelEnd } from './client-side.ts'
import { keepingUpstream } from './closing-client.ts'
import { ExchangeRelay } from './exchange-relay.ts'
import { requestFraming } from './framing.ts'
import { withoutH2cOffer } from './h2c-offer.ts'
import { answerRefusal } from './own-answer.ts'
import { PairedUpstreams } from './paired-upstreams.ts'
import type { ReadRequest } from './read-request.ts'
import type { Http1Connection, RelayDeps } from './relay-deps.ts'
import { RequestReader } from './request-reader.ts'

/**
 * How long a connection that we have ended waits for the client's FIN, ms. Closing at once would
 * answer bytes still on their way with RST, which can cost the client our last answer (RFC 9112 9.6).
 * 5 s outlast a retransmission or two and are nginx's choice as well.
 */
const LINGER_MS = 5_000

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

class ClientRelay extends RequestReader implements ClientSide, Http1Connection {
  draining = false
  /** The next answer is not the last: the one after it is. */
  #oneMore = false
  readonly #upstreams: PairedUpstreams
  /** The client has said that the request which is being answered is its last. */
  #saidLast = false
  /** The client has had a whole answer. */
  #answered = false
  /** The connection is gone. */
  #gone = false
  #linger: NodeJS.Timeout | null = null
  #isClosed = false
  /** Somebody waits for that. */
  #closing: PromiseWithResolvers<void> | null = null

  constructor(stream: ByteStream, deps: RelayDeps) {
    super(stream, deps)
    this.#upstreams = new PairedUpstreams(deps, this)
  }

  get closed(): Promise<void> {
    this.#closing ??= Promise.withResolvers()
    if (this.#isClosed) this.#closing.resolve()
    return this.#closing.promise
  }

  start(first: Buffer): void {
    this.stream.listen(this)
    this.stream.resume()
    if (first.length > 0) this.onData(first)
  }

  retire(): void {
    // An answer of which the body is under way cannot say so any more.
    this.#oneMore = !this.draining && this.exchange?.borrows === true
    this.draining = true
  }

  drain(): void {
    this.draining = true
    this.#oneMore = false
    if (this.isIdle()) this.shutDown()
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    this.#gone = true
    this.finishing = true
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.exchange?.clientClosed(error)
    this.#upstreams.release()
    this.#closed()
  }

  dial(target: Address): ByteStream {
    return this.#upstreams.fresh(target)
  }

  endClient(): void {
    this.stream.end()
  }

  resetClient(): void {
    this.stream.reset()
  }

  finished(upstream: ByteStream, reusable: boolean): void {
    const wasLast = this.#saidLast && this.exchange?.requestDone === true
    this.exchange = null
    this.#answered = true
    this.forgetHold()
    if (reusable) this.#upstreams.keep(upstream)
    else {
      upstream.listen(DEAF)
      upstream.close()
    }
    const goesOn = !this.draining || this.#oneMore
    this.#oneMore = false
    if (reusable && goesOn && !(this.ended && this.ahead.isEmpty)) this.pump()
    // Bytes behind its last request are read until it closes: unread they would cost it the answer.
    else if (wasLast && this.ahead.isEmpty) this.#leave()
    else this.shutDown()
  }

  failed(): void {
    this.exchange = null
    this.shutDown()
  }

  tunnel(upstream: ByteStream, toClient: Buffer, onEnd: TunnelEnd): void {
    this.exchange = null
    this.finishing = true
    this.#upstreams.release()
    const toUpstream = this.ahead.takeAll()
    splice(this.stream, upstream, { toA: toClient, toB: toUpstream }, (end) => {
      onEnd({
        fromClient: end.fromA,
        fromUpstream: end.fromB,
        error: end.error,
        side: end.side === 'a' ? 'client' : end.side && 'upstream',
      })
      this.#closed()
    })
  }

  /** The server has closed the connection that answered last, so the client is to see it closed. */
  upstreamLeft(): void {
    if (this.isIdle()) this.shutDown()
  }

  protected override begin(request: ReadRequest, chunk: Buffer): void {
    let { head, framing } = request
    const plan = this.deps.plan(head)
    if (plan.kind === 'refuse') {
      answerRefusal(this.stream, plan, head)
      this.shutDown()
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
    const shares = repeatable && !framing.bindsConnection && this.deps.pool !== null
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
    this.exchange = exchange
    SPECIMENS.exchange = exchange
    SPECIMENS.request = head
    SPECIMENS.plan = plan
    this.putBack(chunk, exchange.begin(head, set, chunk, request.next))
  }

  /** Sends FIN and waits a while for the client's, taking no more requests. */
  protected override shutDown(): void {
    this.#stopUsing()
    if (this.#gone) return
    this.holdNoMore()
    this.stream.end()
    const lingerMs = this.deps.lingerMs ?? LINGER_MS
    if (!this.ended) this.#linger ??= setTimeout(() => this.stream.close(), lingerMs)
  }

  /** Closes after the last bytes: who has said that it sends no more need not be waited for. */
  #leave(): void {
    this.#stopUsing()
    if (!this.#gone) this.stream.close()
  }

  #stopUsing(): void {
    this.finishing = true
    this.ahead.clear()
    this.#upstreams.release()
  }

  #closed(): void {
    this.#isClosed = true
    this.#closing?.resolve()
    this.deps.onClosed?.()
  }
}
