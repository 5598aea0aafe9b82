/** What the relay of a client's connection works with, and what others may ask of it. */
import type { Address } from '../../core/routing-table.ts'
import type { PlanExchange, RefusedRequest } from '../exchange.ts'
import type { ByteStream, Dial } from '../stream.ts'
import type { UpstreamPool } from './upstream-pool.ts'

export interface RelayDeps {
  plan: PlanExchange
  dial: Dial
  /** Idle upstream connections that all clients share; null for none. */
  pool: UpstreamPool | null
  /** Hears of each request that was refused before there was a plan. */
  onRefused(refused: RefusedRequest): void
  /** The client's connection is gone, tunnels included. */
  onClosed?(): void
  /** A connection that was dialled before it was known where the first request goes. */
  firstUpstream?: { target: Address; stream: ByteStream } | null
  /** For tests; `LINGER_MS` otherwise. */
  lingerMs?: number
}

export interface Http1Connection {
  /** Finishes what is in flight (its answer says `Connection: close`), then closes. */
  drain(): void
  /** The next answer says `Connection: close` and is the last; an idle connection waits for it. */
  retire(): void
  /** Resolves when the client's connection is gone; tunnels included. */
  readonly closed: Promise<void>
}
