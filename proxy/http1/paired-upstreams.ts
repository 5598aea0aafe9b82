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
  isIdle = false
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
  /** All, those longest idle first. The one in use stays in its place, which it mostly takes again. */
  readonly #all: Paired[] = []
  readonly #left = (paired: Paired): void => {
    if (!paired.isIdle) return
    this.#remove(paired)
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
    this.#unused = this.#add(target, stream)
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
    // One that was taken and has not been kept is gone.
    if (this.#last?.isIdle === false) this.#remove(this.#last)
    const idle = this.#idleTo(target)
    if (this.#unused !== null && this.#unused !== idle) this.#giveAway(this.#unused)
    this.#unused = null
    if (idle !== null) {
      idle.isIdle = false
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
    const all = this.#all
    const oldest = all.length > MAX_PAIRED ? all.find(({ isIdle }) => isIdle) : undefined
    if (oldest !== undefined) this.#giveAway(oldest)
    let last = this.#last
    // Where it really leads: a refused dial may have ended elsewhere.
    const inner = settled(stream)
    if (last?.stream !== inner) {
      if (last !== null) this.#remove(last)
      last = this.#add(stream.remote, inner)
      this.#last = last
    }
    if (all.length > 1) all.push(...all.splice(all.indexOf(last), 1))
    this.#watch(last)
  }

  /** The client has logged in on its connections: nobody else may ever get them. */
  bind(): void {
    this.#bound = true
  }

  /** The client has gone or goes: its idle connections serve others, if they may. */
  release(): void {
    for (const paired of [...this.#all]) if (paired.isIdle) this.#giveAway(paired)
  }

  #first(target: Address, stream: ByteStream): ByteStream {
    this.#last = this.#add(target, stream)
    return stream
  }

  #idleTo({ ip, port }: Address): Paired | null {
    for (const paired of this.#all) {
      if (paired.isIdle && paired.target.port === port && paired.target.ip === ip) return paired
    }
    return null
  }

  #add(target: Address, stream: ByteStream): Paired {
    const paired = new Paired(target, stream, this.#left)
    this.#all.push(paired)
    return paired
  }

  #watch(paired: Paired): void {
    paired.isIdle = true
    paired.stream.listen(paired)
    paired.stream.resume()
  }

  #giveAway(paired: Paired): void {
    if (!paired.isIdle) return
    this.#remove(paired)
    if (this.#pool !== null && !this.#bound) this.#pool.put(paired.target, paired.stream)
    else paired.stream.close()
  }

  #remove(paired: Paired): void {
    paired.isIdle = false
    const at = this.#all.indexOf(paired)
    if (at >= 0) this.#all.splice(at, 1)
  }
}
