/**
 * The upstream connections of one client: one for each target, and nobody else's while the client is
 * there. So whatever a server ties to a connection (its closing, its login) stays with that client.
 */
import type { Address } from '../../core/routing-table.ts'
import type { ByteStream, Dial, StreamListener } from '../stream.ts'
import { type Destined, dialFor, settled } from './redial.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/**
 * Idle connections to different targets that one client may hold. More than a handful of targets
 * on one client connection happens only at the gateway.
 */
const MAX_PAIRED = 8

interface Sources {
  dial: Dial
  pool: UpstreamPool | null
  firstUpstream?: { target: Address; stream: ByteStream } | null
}

/** One of them. While it is idle it listens itself. */
class Paired implements StreamListener {
  readonly target: Address
  readonly stream: ByteStream
  readonly #left: (paired: Paired) => void

  constructor(target: Address, stream: ByteStream, left: (paired: Paired) => void) {
    this.target = target
    this.stream = stream
    this.#left = left
  }

  /** What an idle server says (a 408, mostly) answers no request; it is about to close. */
  onData(): void {
    this.#left(this)
  }

  onEnd(): void {
    this.#left(this)
  }

  onDrain(): void {}

  onClose(): void {
    this.#left(this)
  }
}

export class PairedUpstreams {
  readonly #dial: Dial
  readonly #pool: UpstreamPool | null
  readonly #idle: Paired[] = []
  readonly #left = (paired: Paired): void => {
    if (!this.#remove(paired)) return
    paired.stream.close()
    if (this.#last === paired) this.#onLeft()
  }
  /** Hears that the connection that answered last was closed by its server. */
  readonly #onLeft: () => void
  #last: Paired | null = null
  /** Dialled on the chance that the first request goes there. */
  #unused: Paired | null = null
  #bound = false
  /** Says where else the request may go that has the connection that was taken last. */
  #plan: Destined | null = null

  constructor({ dial, pool, firstUpstream }: Sources, onLeft: () => void) {
    this.#dial = dial
    this.#pool = pool
    this.#onLeft = onLeft
    if (!firstUpstream) return
    const { target, stream } = firstUpstream
    this.#unused = new Paired(target, stream, this.#left)
    this.#watch(this.#unused)
  }

  /**
   * A connection to `target`; `reused` if it was open before. The caller listens at once.
   * @param repeatable whether the request may be sent again. One that may not gets no connection that
   *   another client has left: should its server be closing it, the request would fail as it would not directly
   */
  take(plan: Destined, repeatable: boolean): { stream: ByteStream; reused: boolean } {
    const { target } = plan
    this.#plan = plan
    const idle = this.#idleTo(target)
    if (this.#unused !== null && this.#unused !== idle) this.#giveAway(this.#unused)
    this.#unused = null
    if (idle !== null) {
      this.#remove(idle)
      this.#last = idle
      return { stream: idle.stream, reused: true }
    }
    const pooled = repeatable ? (this.#pool?.take(target) ?? null) : null
    if (pooled !== null) return { stream: this.#first(target, pooled), reused: true }
    return { stream: this.#first(target, this.fresh(target)), reused: false }
  }

  /** A new connection for the request that has the one that was taken last. */
  fresh(target: Address): ByteStream {
    return dialFor(this.#plan ?? { target }, this.#dial)
  }

  /** Keeps the connection that was taken last for this client's next request. */
  keep(stream: ByteStream): void {
    // It knows the request, which an idle connection is not to hold.
    this.#plan = null
    const oldest = this.#idle[0]
    if (oldest !== undefined && this.#idle.length >= MAX_PAIRED) this.#giveAway(oldest)
    // Where it really leads: a refused dial may have ended elsewhere.
    const inner = settled(stream)
    if (this.#last?.stream !== inner) this.#last = new Paired(stream.remote, inner, this.#left)
    this.#watch(this.#last)
  }

  /** The client has logged in on its connections: nobody else may ever get them. */
  bind(): void {
    this.#bound = true
  }

  /** The client has gone or goes: its idle connections serve others, if they may. */
  release(): void {
    while (this.#idle[0] !== undefined) this.#giveAway(this.#idle[0])
  }

  #first(target: Address, stream: ByteStream): ByteStream {
    this.#last = new Paired(target, stream, this.#left)
    return stream
  }

  #idleTo({ ip, port }: Address): Paired | null {
    for (const paired of this.#idle) {
      if (paired.target.port === port && paired.target.ip === ip) return paired
    }
    return null
  }

  #watch(paired: Paired): void {
    this.#idle.push(paired)
    paired.stream.listen(paired)
    paired.stream.resume()
  }

  #giveAway(paired: Paired): void {
    if (!this.#remove(paired)) return
    if (this.#pool !== null && !this.#bound) this.#pool.put(paired.target, paired.stream)
    else paired.stream.close()
  }

  #remove(paired: Paired): boolean {
    const at = this.#idle.indexOf(paired)
    if (at >= 0) this.#idle.splice(at, 1)
    return at >= 0
  }
}
