/** Finds where a message body ends, whatever delimits it. */

import { ChunkedScanner } from './chunked.ts'
import { CHUNKED, UNTIL_CLOSE } from './framing.ts'

export class BodyScanner {
  /** The whole body has been seen. Never so before the end of the connection for UNTIL_CLOSE. */
  done: boolean
  /** Set if the chunked coding is broken; nothing of it may be trusted from then on. */
  problem: string | null = null
  readonly #length: number
  #remaining: number
  readonly #chunked: ChunkedScanner | null

  /** `length` is bytes, or `CHUNKED`, or `UNTIL_CLOSE`. */
  constructor(length: number) {
    this.#length = length
    this.#remaining = length
    this.#chunked = length === CHUNKED ? new ChunkedScanner() : null
    this.done = length === 0
  }

  /**
   * Follows the body from offset `from` and returns the offset where its part of the buffer ends.
   * `onData` gets the content, transfer coding removed.
   */
  follow(buffer: Buffer, from: number, onData: (data: Buffer) => void): number {
    if (this.done || from === buffer.length) return from
    if (this.#chunked !== null) return this.#followChunked(this.#chunked, buffer, from, onData)
    const left = buffer.length - from
    const take = this.#length === UNTIL_CLOSE ? left : Math.min(left, this.#remaining)
    onData(take === buffer.length ? buffer : buffer.subarray(from, from + take))
    this.#remaining -= take
    this.done = this.#remaining === 0
    return from + take
  }

  #followChunked(
    chunked: ChunkedScanner,
    buffer: Buffer,
    from: number,
    onData: (data: Buffer) => void,
  ): number {
    const end = chunked.scan(buffer, from, onData)
    this.done = chunked.done
    this.problem = chunked.problem
    return end
  }
}
