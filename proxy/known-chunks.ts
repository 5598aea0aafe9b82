/**
 * Remembers what connections have read before, so that the same bytes are one buffer however often they come. What a
 * client asks and what a server answers within a second is mostly the same to the last byte; to compare it where it
 * was read costs less than a copy, and whoever has looked at it once knows the buffer again (`http1/known-heads.ts`).
 */

/** Chunks are told apart by a number made of some of their bytes: so many kinds, and room in each. */
const KINDS = 32
const WAYS = 4

/** Longest that is remembered, bytes: a browser's head, or a small answer. 128 KiB are kept at the most. */
const MOST_BYTES = 1_024

/** Shortest, bytes; no request head is shorter. */
const LEAST_BYTES = 18

/** Words of 4 bytes at the beginning that make the number: method, path and host, or status and date. */
const FIRST_WORDS = 16

/** Numbers of chunks that were not known, to see which come again. */
const MISSES = 256

/**
 * After so many chunks of a kind that were learnt and never came again, only one in `LEARNT_ONE_IN` is: what differs
 * each time in a byte that makes no number (of a `traceparent`, of a cookie) is not worth memory of its own.
 */
const STRANGERS = 8
const LEARNT_ONE_IN = 64

interface Known {
  readonly bytes: Buffer
  /** The same memory in words of 4 bytes. */
  readonly words: Int32Array
  /** Word in which the last chunk differed that was compared with it: mostly the next one does so as well. */
  differs: number
  /** It has come again since it was learnt. */
  again: boolean
  /** And since its place was wanted last. */
  lately: boolean
}

/** Those that are remembered, and those that were and that somebody still holds. */
const shared = new WeakSet<Buffer>()

/** True for a buffer that others have too, or will get: what is found out about it can be found again. */
export function isShared(chunk: Buffer): boolean {
  return shared.has(chunk)
}

export class KnownChunks {
  readonly #landing: Buffer
  readonly #words: Int32Array
  readonly #known = new Array<Known | null>(KINDS * WAYS).fill(null)
  /** By kind: where the next one goes, and how many were learnt since one of them came again. */
  readonly #next = new Uint8Array(KINDS)
  readonly #strange = new Uint32Array(KINDS)
  readonly #missed = new Int32Array(MISSES)

  /** @param landing where everything is read to that is asked for; it begins at a multiple of 4 of its memory */
  constructor(landing: Buffer) {
    this.#landing = landing
    this.#words = new Int32Array(landing.buffer, landing.byteOffset, landing.length >> 2)
  }

  /** Bytes that are remembered. */
  get bytes(): number {
    return this.#known.reduce((sum, known) => sum + (known?.words.byteLength ?? 0), 0)
  }

  /**
   * The buffer that has the same bytes as the landing area up to `length`; null if they are not known. It is others'
   * as well: nobody may change it.
   */
  find(length: number): Buffer | null {
    if (length > MOST_BYTES || length < LEAST_BYTES) return null
    const number = numberOf(this.#words, length)
    const kind = number & (KINDS - 1)
    for (let at = kind * WAYS; at < (kind + 1) * WAYS; at++) {
      const known = this.#known[at] ?? null
      if (known === null) break
      if (known.bytes.length !== length || !this.#isSame(known)) continue
      if (!known.again) this.#strange[kind] = 0
      known.again = true
      known.lately = true
      return known.bytes
    }
    // What comes a single time is worth no copy that lasts.
    const miss = (number >>> 5) & (MISSES - 1)
    if (this.#missed[miss] === number) return this.#learn(kind, length)
    this.#missed[miss] = number
    return null
  }

  #isSame(known: Known): boolean {
    const { bytes, words, differs } = known
    const landing = this.#words
    if (words[differs] !== landing[differs]) return false
    const { length } = bytes
    const whole = length >> 2
    for (let i = 0; i < whole; i++) {
      if (words[i] === landing[i]) continue
      known.differs = i
      return false
    }
    for (let i = whole << 2; i < length; i++) if (bytes[i] !== this.#landing[i]) return false
    return true
  }

  #learn(kind: number, length: number): Buffer | null {
    const strange = (this.#strange[kind] as number) + 1
    this.#strange[kind] = strange
    if (strange > STRANGERS && strange % LEARNT_ONE_IN !== 0) return null
    const room = Buffer.allocUnsafeSlow((length + 3) & ~3)
    const bytes = room.subarray(0, length)
    this.#landing.copy(bytes, 0, 0, length)
    shared.add(bytes)
    this.#known[this.#place(kind)] = {
      bytes,
      words: new Int32Array(room.buffer),
      differs: 0,
      again: false,
      lately: false,
    }
    return bytes
  }

  /** The place of the next one: in turn, but what has come since the last time keeps its place once more. */
  #place(kind: number): number {
    for (;;) {
      const way = this.#next[kind] as number
      this.#next[kind] = (way + 1) % WAYS
      const known = this.#known[kind * WAYS + way] ?? null
      if (known?.lately !== true) return kind * WAYS + way
      known.lately = false
    }
  }
}

/** The same for the same bytes; made of the first ones, some others and the length. */
function numberOf(words: Int32Array, length: number): number {
  const whole = length >> 2
  const first = Math.min(whole, FIRST_WORDS)
  let number = length
  for (let i = 0; i < first; i++) number = Math.imul(number, 31) + (words[i] as number)
  number = Math.imul(number, 31) + (words[whole >> 1] as number)
  number = Math.imul(number, 31) + (words[whole - 1] as number)
  number = Math.imul(number ^ (number >>> 15), -1_640_531_527)
  return number ^ (number >>> 16)
}
