/**
 * The upstream connections of one client connection: to each target one, or more where a server takes
 * fewer streams than the client sends, or has announced that it goes.
 */
import type { Address } from '../../core/routing-table.ts'
import { type Destined, dialFor } from '../http1/redial.ts'
import type { ByteStream, Dial } from '../stream.ts'
import type { Batch } from './outbox.ts'
import { Upstream } from './upstream.ts'

/**
 * Idle connections to different targets that one client may hold. More than a handful of targets
 * on one client connection happens only at the gateway.
 */
const MAX_IDLE = 8

export interface FirstUpstream {
  target: Address
  stream: ByteStream
  /** What the server has sent before the client was known to speak HTTP/2. */
  fromServer: Buffer
}

interface UpstreamsOptions {
  dial: Dial
  batch: Batch
  now: () => number
  firstUpstream: FirstUpstream | null
  /** A server has announced that it goes. */
  onLeaves: () => void
}

export class Upstreams {
  readonly #options: UpstreamsOptions
  #open: Upstream[] = []
  /** Dialled on the chance that the first stream goes there. */
  #unused: FirstUpstream | null
  #isHeld = false

  constructor(options: UpstreamsOptions) {
    this.#options = options
    this.#unused = options.firstUpstream
    // What it says waits for whoever takes it.
    this.#unused?.stream.pause()
  }

  /** @param except one that has just refused the stream */
  take(plan: Destined, except: Upstream | null): Upstream {
    const { target } = plan
    for (const upstream of this.#open) {
      if (!sameAddress(upstream.wire.stream.remote, target)) continue
      if (upstream !== except && upstream.hasRoom) return upstream
    }
    const first = this.#takeUnused(target)
    if (first !== null) {
      const upstream = this.#add(first.stream, first.fromServer)
      if (!upstream.isGone) return upstream
    }
    return this.#add(dialFor(plan, this.#options.dial), null)
  }

  /** Stops reading the servers, because the client does not read. */
  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    for (const { wire } of this.#open) {
      if (isHeld) wire.stream.pause()
      else wire.stream.resume()
    }
  }

  /** The client goes: with a reset if that is how it went. */
  release(isReset: boolean): void {
    const open = this.#open
    this.#open = []
    for (const upstream of open) {
      if (isReset) upstream.reset()
      else upstream.close()
    }
    this.#unused?.stream.close()
    this.#unused = null
  }

  upstreamLeaves(): void {
    this.#options.onLeaves()
  }

  upstreamGone(upstream: Upstream): void {
    this.#open = this.#open.filter((one) => one !== upstream)
  }

  #takeUnused(target: Address): FirstUpstream | null {
    const unused = this.#unused
    this.#unused = null
    if (unused === null || sameAddress(unused.target, target)) return unused
    unused.stream.close()
    return null
  }

  #add(stream: ByteStream, first: Buffer | null): Upstream {
    const { batch, now } = this.#options
    this.#makeRoom()
    const upstream = new Upstream(stream, this, { batch, now, first })
    // What its server said first may have been the end.
    if (!upstream.isGone) this.#open.push(upstream)
    if (this.#isHeld) stream.pause()
    return upstream
  }

  #makeRoom(): void {
    const idle = this.#open.filter((upstream) => upstream.isIdle)
    const [oldest] = idle
    if (oldest === undefined || idle.length < MAX_IDLE) return
    this.upstreamGone(oldest)
    oldest.close()
  }
}

function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.ip === b.ip
}
