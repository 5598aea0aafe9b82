/**
 * A digest of a set that is kept while the set changes, item by item. Equal sets have equal digests, whatever the
 * order and the way that led there; so a reader's table is compared with the controller's in 16 bytes.
 */
import { createHash } from 'node:crypto'

const BITS = 128n
const MASK = (1n << BITS) - 1n

/**
 * The sum of the items' SHA-256, modulo 2^128. It tells sets apart that differ by accident; whoever makes
 * Services on purpose so that two sets have one digest keeps an old table in his own tree at most.
 */
export class SetDigest {
  #sum = 0n

  /** @param item as JSON; in the set no more than once */
  add(item: string): void {
    this.#sum = (this.#sum + hashOf(item)) & MASK
  }

  remove(item: string): void {
    this.#sum = (this.#sum - hashOf(item)) & MASK
  }

  /** 32 hex digits. */
  hex(): string {
    return this.#sum.toString(16).padStart(Number(BITS / 4n), '0')
  }
}

function hashOf(item: string): bigint {
  const hash = createHash('sha256').update(item).digest()
  return (hash.readBigUInt64BE(0) << 64n) | hash.readBigUInt64BE(8)
}
