/** Relays one client connection that speaks HTTP/1.x: reads its requests and answers them in order. */
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
  /** A connection that was dialled before it was known where the first request goes. */
  firstUpstream?: { target: Address; stream: ByteStream } | null
}

export interface Http1Connection {
  /** Finishes what is in flight (its answer says `Connection: close`), then closes. */
  drain(): void
  /** Resolves when the client's connection is gone; tunnels included. */
  readonly closed: Promise<void>
}

/**
 * Takes over `downstream`, of which `first` has been read already. Every answer comes from the
 * target that `plan` names, or is one of ours and marked by `azds-proxy-error`.
 */
export function relayHttp1(
  downstream: ByteStream,
  first: Buffer,
  deps: RelayDeps,
): Http1Connection {
  void first
  void deps
  downstream.reset()
  throw new Error('relayHttp1: the engine is being written')
}
