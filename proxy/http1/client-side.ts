/** What an exchange asks of the connection of its client. */
import type { Address } from '../../core/routing-table.ts'
import type { ByteStream } from '../stream.ts'

/** The client's side, as an exchange sees it. */
export interface ClientSide {
  /** Answers are to say that the connection closes after them. */
  readonly draining: boolean
  /**
   * Sends bytes to the client; false means that the upstream is to wait for `clientDrained`.
   * @param soon nobody changes these bytes any more, so that they may go with the end of this turn
   */
  send(bytes: Buffer, soon?: boolean): boolean
  /** Stops or goes on reading the client, because the upstream takes no more. */
  holdRequest(hold: boolean): void
  dial(target: Address): ByteStream
  /** FIN to the client; it may go on sending. */
  endClient(): void
  /** RST to the client. */
  resetClient(): void
  /** The exchange is over; with `reusable`, `upstream` may carry the next one. */
  finished(upstream: ByteStream, reusable: boolean): void
  /** The exchange has failed: the client has one of our answers as its last, was reset or has gone. */
  failed(): void
  /** The connection has left HTTP: joins both sides, client bytes read ahead first. */
  tunnel(upstream: ByteStream, toClient: Buffer, onEnd: TunnelEnd): void
}

export type TunnelEnd = (end: {
  fromClient: number
  fromUpstream: number
  error: NodeJS.ErrnoException | null
  side: 'client' | 'upstream' | null
}) => void
