/**
 * A connection to a server that carries one exchange after the other, for one client and then for the next:
 * one object goes with it from owner to owner, and listens while it is idle.
 */
import type { Address } from '../../core/routing-table.ts'
import type { ByteStream, StreamListener } from '../stream.ts'

/** Who has an idle connection: its client, or the pool. */
export interface UpstreamOwner {
  /** Its server has closed it, or is about to: whatever an idle server says answers no request. */
  left(upstream: KeptUpstream): void
}

export class KeptUpstream implements StreamListener {
  readonly target: Address
  readonly stream: ByteStream
  owner: UpstreamOwner
  isIdle = false
  /** How many clients have had it, and when the first of them left it, by `performance.now`. */
  clients = 0
  sharedSince = 0
  /** When it came to the pool. */
  idleSince = 0

  constructor(target: Address, stream: ByteStream, owner: UpstreamOwner) {
    this.target = target
    this.stream = stream
    this.owner = owner
  }

  /** Whether a request for `target` may go here. What the server has said before it gets one is no answer to it. */
  serves({ ip, port }: Address): boolean {
    const { target, stream } = this
    return target.port === port && target.ip === ip && stream.hasUntold !== true
  }

  /** Listens until somebody else does. */
  watch(): void {
    this.isIdle = true
    this.stream.listen(this)
    this.stream.resume()
  }

  onData(): void {
    this.owner.left(this)
  }

  onEnd(): void {
    this.owner.left(this)
  }

  onDrain(): void {}

  onClose(): void {
    this.owner.left(this)
  }
}
