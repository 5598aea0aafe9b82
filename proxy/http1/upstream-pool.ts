/** Idle upstream connections that their clients have left, kept for the next client. */
import type { Address } from '../../core/routing-table.ts'
import { DEAF } from '../stream.ts'
import type { KeptUpstream, UpstreamOwner } from './kept-upstream.ts'

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

export class UpstreamPool implements UpstreamOwner {
  /** In the order in which they came. */
  readonly #idle: KeptUpstream[] = []
  readonly #size: number
  readonly #idleMs: number
  readonly #ageMs: number
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
  take(target: Address): KeptUpstream | null {
    const all = this.#idle
    for (let i = all.length - 1; i >= 0; i--) {
      const upstream = all[i] as KeptUpstream
      if (!upstream.serves(target)) continue
      if (i === all.length - 1) all.pop()
      else all.splice(i, 1)
      upstream.isIdle = false
      return upstream
    }
    return null
  }

  /** Takes over a connection that listens itself and on which nothing is outstanding. The oldest makes room. */
  put(upstream: KeptUpstream): void {
    const now = performance.now()
    if (this.#closed || this.#size === 0 || this.#hasServed(upstream, now)) {
      upstream.stream.listen(DEAF)
      upstream.stream.close()
      return
    }
    const oldest = this.#idle[0]
    if (oldest !== undefined && this.#idle.length >= this.#size) this.left(oldest)
    upstream.owner = this
    upstream.isIdle = true
    upstream.idleSince = now
    this.#idle.push(upstream)
    // One timer for all: most are taken out again long before their time.
    this.#timer ??= this.#sweepIn(this.#idleMs)
  }

  /** Harmless for one that is not here. */
  left(upstream: KeptUpstream): void {
    const at = this.#idle.indexOf(upstream)
    if (at < 0) return
    this.#idle.splice(at, 1)
    upstream.isIdle = false
    upstream.stream.close()
  }

  /** Closes what waits and takes no more. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const idle of [...this.#idle]) this.left(idle)
  }

  /** Counts one more client; true for a connection that has had enough of them. */
  #hasServed(upstream: KeptUpstream, now: number): boolean {
    upstream.clients++
    if (upstream.clients === 1) {
      upstream.sharedSince = now
      return false
    }
    return upstream.clients >= POOL_CLIENTS || now - upstream.sharedSince >= this.#ageMs
  }

  #sweepIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#sweep(), ms).unref()
  }

  /** Closes those whose time is over, and comes back for the next. */
  #sweep(): void {
    this.#timer = null
    const now = performance.now()
    let oldest = this.#idle[0]
    while (oldest !== undefined && now - oldest.idleSince >= this.#idleMs - 1) {
      this.left(oldest)
      oldest = this.#idle[0]
    }
    if (oldest !== undefined) this.#timer = this.#sweepIn(oldest.idleSince + this.#idleMs - now)
  }
}
