/** What a client has sent that cannot be used yet, in order. */

/**
 * Bytes of further requests that are read ahead while one is being answered. One head of the greatest
 * length fits; reading on is what shows that the client has gone.
 */
const MAX_READ_AHEAD = 65_536

/** Chunks that are kept apart. Of a client that sends byte by byte each would take a hundred times its size. */
const MOST_CHUNKS = 64

export class ReadAhead {
  readonly #chunks: Buffer[] = []
  #bytes = 0

  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }

  /** Nothing more is to be read for now. */
  get isFull(): boolean {
    return this.#bytes >= MAX_READ_AHEAD
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** The first chunk; there must be one. */
  take(): Buffer {
    const chunk = this.#chunks.shift() as Buffer
    this.#bytes -= chunk.length
    return chunk
  }

  /** Puts what is left of a chunk from `from` on before all others. */
  putBack(chunk: Buffer, from: number): void {
    if (from >= chunk.length) return
    this.#chunks.unshift(chunk.subarray(from))
    this.#bytes += chunk.length - from
  }

  /** Whoever read `chunk` uses its memory again: what is left of it, which is the last that came, is copied. */
  copyLeftOf(chunk: Buffer): void {
    const last = this.#chunks.length - 1
    const left = this.#chunks[last]
    if (left?.buffer === chunk.buffer) this.#chunks[last] = Buffer.from(left)
    if (last >= MOST_CHUNKS) this.#chunks.splice(0, last + 1, Buffer.concat(this.#chunks))
  }

  takeAll(): Buffer {
    const all = Buffer.concat(this.#chunks)
    this.clear()
    return all
  }

  clear(): void {
    this.#chunks.length = 0
    this.#bytes = 0
  }
}
