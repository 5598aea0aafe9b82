/** Reads heads from a sequence of chunks: in place where a chunk holds a whole one, else collected. */
import { isTooLong, MAX_HEAD_BYTES, OWN_FIELDS_BYTES } from './head-limit.ts'
import { HeadScanner, type ScanResult } from './head-parser.ts'

/** First size of the buffer for a head that spans chunks, bytes; most heads fit into it. */
const FIRST_CARRY = 2_048

export class HeadReader {
  readonly scanner: HeadScanner
  /** After `done`: the buffer that holds the head, and where it begins. */
  buffer: Buffer
  base = 0
  /** After `done`: where in the chunk that was read last the bytes after the head begin. */
  next = 0
  readonly #kind: 'request' | 'response'
  #carry: Buffer | null = null
  #carried = 0

  constructor(kind: 'request' | 'response') {
    this.#kind = kind
    this.scanner = new HeadScanner(kind)
    this.buffer = EMPTY
  }

  /** Bytes of an unfinished head that have come so far; an empty line before it is none. */
  get pending(): number {
    return this.#carried === this.scanner.start ? 0 : this.#carried
  }

  /** Goes on at offset `from` of a chunk. */
  read(chunk: Buffer, from: number): ScanResult {
    const result = this.#read(chunk, from)
    if (result !== 'done' || this.scanner.position <= MAX_HEAD_BYTES) return result
    const { buffer, base, scanner } = this
    const { fieldsFrom: lineLength, position: length } = scanner
    const fields = scanner.fields.offsets
    const head = { buffer, base: base + lineLength, fields, length, lineLength }
    return isTooLong(this.#kind, head) ? 'too-large' : result
  }

  #read(chunk: Buffer, from: number): ScanResult {
    if (this.#carry !== null) return this.#readCarried(this.#carry, chunk, from)
    this.buffer = chunk
    this.base = from
    const result = this.scanner.scan(chunk, from, chunk.length)
    this.next = from + this.scanner.position
    if (result === 'more' && from < chunk.length) {
      this.#carry = Buffer.allocUnsafe(Math.max(FIRST_CARRY, (chunk.length - from) * 2))
      this.#carried = chunk.copy(this.#carry, 0, from)
      // The chunk may be gone when somebody asks what has come.
      this.buffer = this.#carry.subarray(0, this.#carried)
      this.base = 0
    }
    return result
  }

  /** What has come of the head, at most `limit` bytes of its first line, as text for a report. */
  startLine(limit: number): string {
    const from = this.base + this.scanner.start
    const text = this.buffer.toString('latin1', from, Math.min(from + limit, this.buffer.length))
    const end = text.search(/[\r\n]/)
    return end < 0 ? text : text.slice(0, end)
  }

  /** Makes ready for the next head. What was read last stays valid for whoever holds it. */
  reset(): void {
    this.scanner.reset()
    this.buffer = EMPTY
    this.#carry = null
    this.#carried = 0
  }

  #readCarried(carry: Buffer, chunk: Buffer, from: number): ScanResult {
    const before = this.#carried
    const take = Math.min(chunk.length - from, MAX_HEAD_BYTES + OWN_FIELDS_BYTES - before)
    const target = carry.length >= before + take ? carry : grown(carry, before, before + take)
    chunk.copy(target, before, from, from + take)
    this.#carry = target
    this.#carried = before + take
    this.buffer = target.subarray(0, this.#carried)
    this.base = 0
    const result = this.scanner.scan(target, 0, this.#carried)
    this.next = from + this.scanner.position - before
    return result
  }
}

/**
 * Has a reader for whoever begins to read a head. Nearly all heads are there whole, and their reader comes
 * back at once: so one serves all connections, and an idle connection has none.
 */
export class HeadReaders {
  readonly #kind: 'request' | 'response'
  #spare: HeadReader | null = null

  constructor(kind: 'request' | 'response') {
    this.#kind = kind
  }

  /** A reader that nobody else has. */
  take(): HeadReader {
    const reader = this.#spare ?? new HeadReader(this.#kind)
    this.#spare = null
    return reader
  }

  giveBack(reader: HeadReader): void {
    reader.reset()
    this.#spare = reader
  }
}

const EMPTY = Buffer.alloc(0)

function grown(carry: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(carry.length * 2, needed))
  carry.copy(larger, 0, 0, used)
  return larger
}
