/** What is written to a connection before it is established. */

/** Bytes that are kept as copies; a head and a small body. */
const MOST_COPIED = 65_536

export class EarlyBytes {
  readonly chunks: Buffer[] = []
  #length = 0

  /** As `ByteStream.write`: true if the caller may use the buffer again. */
  add(chunk: Buffer): boolean {
    this.#length += chunk.length
    this.chunks.push(this.full ? chunk : Buffer.from(chunk))
    return !this.full
  }

  /** The last writer is waiting for the rest to be taken. */
  get full(): boolean {
    return this.#length >= MOST_COPIED
  }
}
