/** Idle upstream connections that their clients have left, kept for the next client. */
import type { Address } from '../../core/routing-table.ts'
import type { ByteStream } from '../stream.ts'

/**
 * Idle time, ms. Below the 5 s after which Node, the least patient of the common servers, closes an
 * idle connection, so that a request seldom meets a connection that is being closed.
 */
export const POOL_IDLE_MS = 4_000

/** Connections in all: a sidecar's share of an app that has 100 to 1,000 of them to give. */
export const POOL_SIZE = 64

interface Idle {
  target: Address
  stream: ByteStream
  timer: NodeJS.Timeout
}

export class UpstreamPool {
  readonly #idle: Idle[] = []
  readonly #size: number
  readonly #idleMs: number
  #closed = false

  constructor({
    size = POOL_SIZE,
    idleMs = POOL_IDLE_MS,
  }: { size?: number; idleMs?: number } = {}) {
    this.#size = size
    this.#idleMs = idleMs
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
      this.#remove(idle)
      return idle.stream
    }
    return null
  }

  /** Takes over a connection on which nothing is outstanding. The oldest makes room. */
  put(target: Address, stream: ByteStream): void {
    if (this.#closed || this.#size === 0) {
      stream.close()
      return
    }
    const oldest = this.#idle[0]
    if (oldest !== undefined && this.#idle.length >= this.#size) this.#drop(oldest)
    const timer = setTimeout(() => this.#drop(idle), this.#idleMs)
    timer.unref()
    const idle: Idle = { target, stream, timer }
    this.#idle.push(idle)
    stream.listen({
      // Whatever an idle server says, it is no answer to a request yet to come.
      onData: () => this.#drop(idle),
      onEnd: () => this.#drop(idle),
      onDrain: () => {},
      onClose: () => this.#remove(idle),
    })
    stream.resume()
  }

  /** Closes what waits and takes no more. */
  close(): void {
    this.#closed = true
    for (const idle of [...this.#idle]) this.#drop(idle)
  }

  #drop(idle: Idle): void {
    if (this.#remove(idle)) idle.stream.close()
  }

  #remove(idle: Idle): boolean {
    clearTimeout(idle.timer)
    const at = this.#idle.indexOf(idle)
    if (at >= 0) this.#idle.splice(at, 1)
    return at >= 0
  }
}
