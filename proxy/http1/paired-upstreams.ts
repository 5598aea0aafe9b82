/**
 * The upstream connections of one client: one for each target, and nobody else's while the client is
 * there. So whatever a server ties to a connection (its closing, its login) stays with that client.
 */
import type { Address } from '../../core/routing-table.ts'
import type { ByteStream, Dial } from '../stream.ts'
import { KeptUpstream, type UpstreamOwner } from './kept-upstream.ts'
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

/** Of those who have no connection; never changed. */
const NONE: KeptUpstream[] = []

/** Hears that the connection that answered last was closed by its server. */
interface Client {
  upstreamLeft(): void
}

export class PairedUpstreams implements UpstreamOwner {
  readonly #sources: Sources
  readonly #client: Client
  /** All, those longest idle first. The one in use stays in its place, which it mostly takes again. */
  #all = NONE
  #last: KeptUpstream | null = null
  /** Dialled on the chance that the first request goes there. */
  #unused: KeptUpstream | null = null
  #bound = false
  /** Says where else the request may go that has the connection that was taken last. */
  #plan: Destined | null = null

  constructor(sources: Sources, client: Client) {
    this.#sources = sources
    this.#client = client
    if (!sources.firstUpstream) return
    const { target, stream } = sources.firstUpstream
    this.#unused = this.#add(new KeptUpstream(target, stream, this))
    this.#unused.watch()
  }

  left(upstream: KeptUpstream): void {
    if (!upstream.isIdle) return
    this.#remove(upstream)
    upstream.stream.close()
    if (this.#last === upstream) this.#client.upstreamLeft()
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
    const pooled = repeatable ? (this.#sources.pool?.take(target) ?? null) : null
    const first = pooled ?? new KeptUpstream(target, this.fresh(target), this)
    first.owner = this
    this.#last = this.#add(first)
    return { stream: first.stream, reused: pooled !== null }
  }

  /** A new connection for the request that has the one that was taken last. */
  fresh(target: Address): ByteStream {
    return dialFor(this.#plan ?? { target }, this.#sources.dial)
  }

  /** Keeps the connection that was taken last for this client's next request. */
  keep(stream: ByteStream): void {
    // It knows the request, which an idle connection is not to hold.
    this.#plan = null
    const oldest =
      this.#all.length > MAX_PAIRED ? this.#all.find(({ isIdle }) => isIdle) : undefined
    if (oldest !== undefined) this.#giveAway(oldest)
    let last = this.#last
    // Where it really leads: a refused dial may have ended elsewhere.
    const inner = settled(stream)
    if (last?.stream !== inner) {
      if (last !== null) this.#remove(last)
      last = this.#add(new KeptUpstream(stream.remote, inner, this))
      this.#last = last
    }
    const all = this.#all
    if (all.length > 1) all.push(...all.splice(all.indexOf(last), 1))
    last.watch()
  }

  /** The client has logged in on its connections: nobody else may ever get them. */
  bind(): void {
    this.#bound = true
  }

  /** The client has gone or goes: its idle connections serve others, if they may. */
  release(): void {
    const [only] = this.#all
    if (only === undefined) return
    if (this.#all.length > 1) {
      for (const upstream of [...this.#all]) if (upstream.isIdle) this.#giveAway(upstream)
    } else if (only.isIdle) this.#giveAway(only)
  }

  #idleTo(target: Address): KeptUpstream | null {
    for (const upstream of this.#all) {
      if (upstream.isIdle && upstream.serves(target)) return upstream
    }
    return null
  }

  /** Mostly there is one: an array that grows has room for 17, which idle connections would hold. */
  #add(upstream: KeptUpstream): KeptUpstream {
    if (this.#all.length === 0) this.#all = [upstream]
    else this.#all.push(upstream)
    return upstream
  }

  #giveAway(upstream: KeptUpstream): void {
    if (!upstream.isIdle) return
    this.#remove(upstream)
    const { pool } = this.#sources
    if (pool !== null && !this.#bound) pool.put(upstream)
    else upstream.stream.close()
  }

  #remove(upstream: KeptUpstream): void {
    upstream.isIdle = false
    if (this.#all.length === 1 && this.#all[0] === upstream) {
      this.#all = NONE
      return
    }
    const at = this.#all.indexOf(upstream)
    if (at >= 0) this.#all.splice(at, 1)
  }
}
