/** Idle upstream connections that their clients have left, kept for the next client. */
import type { Address } from '../../core/routing-table.ts'
import { type ByteStream, DEAF, type StreamListener } from '../stream.ts'

/**
 * Idle time, ms. Below the 5 s after which Node, the least patient of the common servers, closes an
 * idle connection, so that a request seldom meets a connection that is being closed.
 */
export const POOL_IDLE_MS = 4_000

/** Connections in all: a sidecar's share of an app that has 100 to 1,000 of them to give. */
export const POOL_SIZE = 64

/**
 * Clients that one connection serves before it is closed. Each new connection to a cluster IP goes to a pod
 * that is chosen anew; clients that connect for each request are to be spread as they would be without
 * us, at the cost of one connection in 100.
 */
export const POOL_CLIENTS = 100

/**
 * How long after its first client a connection still gets others, ms. A pod that is not ready any more gets no
 * new connections, but does not close those that it has; 10 s is how often Kubernetes asks whether it is.
 */
export const POOL_AGE_MS = 10_000

/** Waits in the pool and hears what becomes of its connection. */
class Idle implements StreamListener {
  readonly target: Address
  readonly stream: ByteStream
  /** When it came, by `performance.now`. */
  readonly since: number
  readonly #left: (idle: Idle) => void

  constructor(target: Address, stream: ByteStream, left: (idle: Idle) => void) {
    this.target = target
    this.stream = stream
    this.since = performance.now()
    this.#left = left
  }

  /** Whatever an idle server says, it is no answer to a request yet to come. */
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

export class UpstreamPool {
  /** In the order in which they came. */
  readonly #idle: Idle[] = []
  /** How many clients have had a connection, and when it first came here, by `performance.now`. */
  readonly #served = new WeakMap<ByteStream, { clients: number; since: number }>()
  readonly #size: number
  readonly #idleMs: number
  readonly #ageMs: number
  readonly #drop = (idle: Idle): void => {
    if (this.#remove(idle)) idle.stream.close()
  }
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor({
    size = POOL_SIZE,
    idleMs = POOL_IDLE_MS,
    ageMs = POOL_AGE_MS,
  }: { size?: number; idleMs?: number; ageMs?: number } = {}) {
    this.#size = size
    this.#idleMs = idleMs
    this.#ageMs = ageMs
  }

  /** How many connections wait. */
  get count(): number {
    return this.#idle.length
  }

  /** The connection to `target` that was used last; the caller owns it and must listen at once. */
  take(target: Address): ByteStream | null {
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const idle = this.#idle[i] as Idle
      if (idle.target.port !== target.port || idle.target.ip !== target.ip) continue
      this.#idle.splice(i, 1)
      return idle.stream
    }
    return null
  }

  /** Takes over a connection on which nothing is outstanding. The oldest makes room. */
  put(target: Address, stream: ByteStream): void {
    if (this.#closed || this.#size === 0 || this.#hasServed(stream)) {
      stream.listen(DEAF)
      stream.close()
      return
    }
    const oldest = this.#idle[0]
    if (oldest !== undefined && this.#idle.length >= this.#size) this.#drop(oldest)
    const idle = new Idle(target, stream, this.#drop)
    this.#idle.push(idle)
    // One timer for all: most are taken out again long before their time.
    this.#timer ??= this.#sweepIn(this.#idleMs)
    stream.listen(idle)
    stream.resume()
  }

  /** Closes what waits and takes no more. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const idle of [...this.#idle]) this.#drop(idle)
  }

  /** Counts one more client; true for a connection that has had enough of them. */
  #hasServed(stream: ByteStream): boolean {
    const now = performance.now()
    const served = this.#served.get(stream)
    if (served === undefined) {
      this.#served.set(stream, { clients: 1, since: now })
      return false
    }
    served.clients++
    return served.clients >= POOL_CLIENTS || now - served.since >= this.#ageMs
  }

  #sweepIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#sweep(), ms).unref()
  }

  /** Closes those whose time is over, and comes back for the next. */
  #sweep(): void {
    this.#timer = null
    const now = performance.now()
    let oldest = this.#idle[0]
    while (oldest !== undefined && now - oldest.since >= this.#idleMs - 1) {
      this.#drop(oldest)
      oldest = this.#idle[0]
    }
    if (oldest !== undefined) this.#timer = this.#sweepIn(oldest.since + this.#idleMs - now)
  }

  #remove(idle: Idle): boolean {
    const at = this.#idle.indexOf(idle)
    if (at >= 0) this.#idle.splice(at, 1)
    return at >= 0
  }
}
