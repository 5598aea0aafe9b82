/**
 * The upstream connections of one client: one for each target, and nobody else's while the client is
 * there. So whatever a server ties to a connection (its closing, its login) stays with that client.
 */
import type { Address } from '../../core/routing-table.ts'
import type { ByteStream, Dial } from '../stream.ts'
import { redial } from './redial.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/**
 * Idle connections to different targets that one client may hold. More than a handful of targets
 * on one client connection happens only at the gateway.
 */
const MAX_PAIRED = 8

interface Paired {
  target: Address
  stream: ByteStream
}

interface Sources {
  dial: Dial
  pool: UpstreamPool | null
  firstUpstream?: Paired | null
}

export class PairedUpstreams {
  readonly #dial: Dial
  readonly #pool: UpstreamPool | null
  readonly #idle: Paired[] = []
  /** Hears that the connection that answered last was closed by its server. */
  readonly #onLeft: () => void
  #last: Paired | null = null
  /** Dialled on the chance that the first request goes there. */
  #unused: Paired | null = null
  #bound = false

  constructor({ dial, pool, firstUpstream }: Sources, onLeft: () => void) {
    this.#dial = dial
    this.#pool = pool
    this.#onLeft = onLeft
    if (!firstUpstream) return
    this.#unused = firstUpstream
    this.#watch(firstUpstream)
  }

  /**
   * A connection to `target`; `reused` if it was open before. The caller listens at once.
   * @param repeatable whether the request may be sent again. One that may not gets no connection that
   *   another client has left: should its server be closing it, the request would fail as it would not directly
   */
  take(
    { target, elsewhere }: { target: Address; elsewhere?: (() => Address) | undefined },
    repeatable: boolean,
  ): { stream: ByteStream; reused: boolean } {
    const idle = this.#idle.find((paired) => sameAddress(paired.target, target))
    if (this.#unused !== null && this.#unused !== idle) this.#giveAway(this.#unused)
    this.#unused = null
    if (idle !== undefined) {
      this.#remove(idle)
      this.#last = idle
      return { stream: idle.stream, reused: true }
    }
    const pooled = repeatable ? (this.#pool?.take(target) ?? null) : null
    const fresh = () => (elsewhere ? redial(this.#dial, target, elsewhere) : this.#dial(target))
    const stream = pooled ?? fresh()
    this.#last = { target, stream }
    return { stream, reused: pooled !== null }
  }

  /** Keeps the connection that was taken last for this client's next request. */
  keep(stream: ByteStream): void {
    // Where it really leads: a refused dial may have ended elsewhere.
    const target = stream.remote
    const oldest = this.#idle[0]
    if (oldest !== undefined && this.#idle.length >= MAX_PAIRED) this.#giveAway(oldest)
    this.#last = { target, stream }
    this.#watch(this.#last)
  }

  /** The client has logged in on its connections: nobody else may ever get them. */
  bind(): void {
    this.#bound = true
  }

  /** The client has gone or goes: its idle connections serve others, if they may. */
  release(): void {
    for (const paired of [...this.#idle]) this.#giveAway(paired)
  }

  #watch(paired: Paired): void {
    this.#idle.push(paired)
    const left = () => this.#left(paired)
    // What an idle server says (a 408, mostly) answers no request; it is about to close.
    const listener = { onData: left, onEnd: left, onDrain: () => {}, onClose: left }
    paired.stream.listen(listener)
    paired.stream.resume()
  }

  #left(paired: Paired): void {
    if (!this.#remove(paired)) return
    paired.stream.close()
    if (this.#last === paired) this.#onLeft()
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

function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.ip === b.ip
}
