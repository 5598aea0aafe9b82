/**
 * How a client's connection ends that takes no more streams: FIN behind what the client has yet to read, and
 * then a while for its own.
 */
import { LAST_BYTES_MS } from '../transport.ts'
import type { Wire } from './wire.ts'

/**
 * How long a connection that we have ended waits for the client's FIN, ms; as for HTTP/1: closing at
 * once would answer bytes on their way with RST, which can cost the client our last frames.
 */
const LINGER_MS = 5_000

export interface ClosingTimes {
  /** For tests; `LINGER_MS` otherwise. */
  lingerMs?: number
  /** How long a client may take nothing of its answers. For tests; `LAST_BYTES_MS` otherwise. */
  lastBytesMs?: number
}

export class Closing {
  readonly #wire: Wire
  readonly #lingerMs: number
  readonly #lastBytesMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(wire: Wire, { lingerMs = LINGER_MS, lastBytesMs = LAST_BYTES_MS }: ClosingTimes) {
    this.#wire = wire
    this.#lingerMs = lingerMs
    this.#lastBytesMs = lastBytesMs
  }

  /** @param isPatient whether the client may take its time to read, as long as it does read */
  begin(isPatient: boolean): void {
    const { stream, out } = this.#wire
    stream.resume()
    if (isPatient) this.#watch(stream.bytesWritten)
    else this.#linger()
    out.finish(() => {
      stream.end()
      if (isPatient) this.#linger()
    })
  }

  /** The connection is gone. */
  cancel(): void {
    clearTimeout(this.#timer)
  }

  #linger(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#wire.stream.close(), this.#lingerMs)
  }

  /** @param taken bytes that the kernel had when that was looked at last */
  #watch(taken: number): void {
    this.#timer = setTimeout(() => {
      const { stream } = this.#wire
      if (stream.bytesWritten === taken) stream.reset()
      else this.#watch(stream.bytesWritten)
    }, this.#lastBytesMs)
  }
}
