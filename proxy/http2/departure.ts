/**
 * How a connection says goodbye (RFC 9113 6.8): a GOAWAY that refuses nothing, so that requests on their way
 * are still taken, and a last one once the client must have read the first.
 */
import { ERROR_CODE, FRAME, MAX_STREAM_ID } from './frame.ts'
import type { Wire } from './wire.ts'

/**
 * How long the last GOAWAY waits for the answer to a PING, which shows that the client has read the
 * first one, ms. A round trip takes 1 ms in a cluster and 300 ms round the world.
 */
const ROUND_TRIP_MS = 1_000

const GOODBYE = Buffer.from('azds-bye')

export class Departure {
  /** The client has been told that this connection goes. */
  isAnnounced = false
  /** No stream is taken any more. */
  isLast = false
  readonly #wire: Wire
  readonly #onLast: () => void
  #timer: NodeJS.Timeout | undefined

  /** @param onLast called after the last GOAWAY is written */
  constructor(wire: Wire, onLast: () => void) {
    this.#wire = wire
    this.#onLast = onLast
  }

  announce(): void {
    if (this.isAnnounced || this.isLast) return
    this.isAnnounced = true
    const { out } = this.#wire
    out.goaway(MAX_STREAM_ID, ERROR_CODE.noError)
    out.frame(FRAME.ping, 0, 0, GOODBYE)
    this.#timer = setTimeout(() => {
      this.conclude()
      out.flush()
    }, ROUND_TRIP_MS)
  }

  /** A PING of ours has been answered. */
  acknowledged(): void {
    if (this.isAnnounced) this.conclude()
  }

  conclude(): void {
    if (this.isLast) return
    this.cancel()
    this.#wire.sendGoaway(ERROR_CODE.noError)
    this.#onLast()
  }

  /** The connection ends for another reason; nothing is sent any more. */
  cancel(): void {
    this.isLast = true
    clearTimeout(this.#timer)
  }
}
