/** Follows the chunked transfer coding (RFC 9112 7.1) through any split, changing nothing. */
import { COLON, CR, HEX, LF, LOWER, TOKEN, VALUE } from './characters.ts'
import { MAX_HEAD_BYTES } from './head-limit.ts'
import { partOf } from './part.ts'

/**
 * Longest line of a chunk's size and extensions, bytes. Extensions are practically unused; without
 * a limit they are a way to send for ever without a body (RFC 9112 7.1.1 asks for one).
 */
export const MAX_CHUNK_LINE_BYTES = 4_096

/**
 * How many bytes the size lines of a body may be ahead of its data, as in Go: without it, chunks of one
 * byte with a long extension each would cost 4,096 times what they bring. Bytes of data pay for as many.
 */
export const MAX_CHUNK_OVERHEAD_BYTES = 16_384

const SIZE_START = 0
const SIZE = 1
const EXTENSION_NAME = 2
const EXTENSION_VALUE = 3
const EXTENSION_QUOTED = 4
const EXTENSION_ESCAPE = 5
const EXTENSION_AFTER_QUOTE = 6
const SIZE_LF = 7
const DATA = 8
const DATA_CR = 9
const DATA_LF = 10
const LINE = 11
const TRAILER_NAME = 12
const TRAILER_VALUE = 13
const TRAILER_LF = 14
const END_LF = 15

const SEMICOLON = 0x3b
const EQUALS = 0x3d
const QUOTE = 0x22
const BACKSLASH = 0x5c

const PROBLEM = {
  size: 'a chunk size that is no hexadecimal number (RFC 9112 7.1)',
  large: 'a chunk size beyond 2^53 (RFC 9112 7.1)',
  extension: 'a malformed chunk extension (RFC 9112 7.1.1)',
  long: `a chunk-size line longer than ${MAX_CHUNK_LINE_BYTES} bytes (RFC 9112 7.1.1)`,
  overhead: `chunk extensions more than ${MAX_CHUNK_OVERHEAD_BYTES} bytes ahead of the data (RFC 9112 7.1.1)`,
  data: 'chunk data that no CRLF follows (RFC 9112 7.1)',
  lf: 'a CR that no LF follows (RFC 9112 2.2)',
  trailer: 'a malformed trailer field (RFC 9112 7.1.2)',
  framing: 'a trailer field that says how to frame or route (RFC 9110 6.5.1)',
  trailers: `trailers longer than ${MAX_HEAD_BYTES} bytes`,
} as const

/**
 * A recipient that merges trailers into the header would read another message than we did. Node's
 * parser does so with `Connection`: it takes nothing more of a connection after such a trailer.
 */
const FRAMING_FIELDS = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'upgrade',
])

/** The longest of them, in bytes. */
const LONGEST_FRAMING_FIELD = 17

export class ChunkedScanner {
  done = false
  problem: string | null = null
  #state = SIZE_START
  #remaining = 0
  /** Bytes of the present line, or of all trailers. */
  #line = 0
  #overhead = 0
  #nameLength = 0
  #trailerName = ''

  /**
   * Reads on from `from` and returns where it stopped: the end of the buffer, or of the body
   * (`done`), or the offending byte (`problem`). `onData`, if any, gets the data without its coding.
   */
  scan(buffer: Buffer, from: number, onData: ((data: Buffer) => void) | null): number {
    const end = buffer.length
    let i = from
    while (i < end && !this.done) {
      if (this.#state === DATA) {
        const take = Math.min(this.#remaining, end - i)
        onData?.(partOf(buffer, i, i + take))
        this.#remaining -= take
        i += take
        if (this.#remaining === 0) this.#state = DATA_CR
        continue
      }
      this.problem = this.#step(buffer[i] as number)
      if (this.problem !== null) return i
      i++
    }
    return i
  }

  /** Takes one byte that is not data; returns what is wrong with it. */
  #step(byte: number): string | null {
    switch (this.#state) {
      case SIZE_START:
      case SIZE:
        return this.#size(byte)
      case EXTENSION_NAME:
      case EXTENSION_VALUE:
      case EXTENSION_QUOTED:
      case EXTENSION_ESCAPE:
      case EXTENSION_AFTER_QUOTE:
        return this.#extension(byte)
      case SIZE_LF:
        if (byte !== LF) return PROBLEM.lf
        this.#overhead = Math.max(0, this.#overhead + this.#line - this.#remaining)
        if (this.#overhead > MAX_CHUNK_OVERHEAD_BYTES) return PROBLEM.overhead
        this.#line = 0
        this.#state = this.#remaining === 0 ? LINE : DATA
        return null
      case DATA_CR:
        this.#state = DATA_LF
        return byte === CR ? null : PROBLEM.data
      case DATA_LF:
        this.#state = SIZE_START
        return byte === LF ? null : PROBLEM.data
      case END_LF:
        this.done = true
        return byte === LF ? null : PROBLEM.lf
      default:
        return this.#trailer(byte)
    }
  }

  #size(byte: number): string | null {
    const digit = HEX[byte] as number
    if (digit !== 255) {
      this.#remaining = this.#remaining * 16 + digit
      this.#state = SIZE
      if (this.#remaining > Number.MAX_SAFE_INTEGER) return PROBLEM.large
      return this.#lengthen()
    }
    if (this.#state === SIZE_START) return PROBLEM.size
    if (byte === CR) this.#state = SIZE_LF
    else if (byte === SEMICOLON) this.#startExtension()
    else return PROBLEM.size
    return null
  }

  #startExtension(): void {
    this.#state = EXTENSION_NAME
    this.#nameLength = 0
  }

  #extension(byte: number): string | null {
    switch (this.#state) {
      case EXTENSION_ESCAPE:
        if (VALUE[byte] !== 1) return PROBLEM.extension
        this.#state = EXTENSION_QUOTED
        return this.#lengthen()
      case EXTENSION_QUOTED:
        if (byte === QUOTE) this.#state = EXTENSION_AFTER_QUOTE
        else if (byte === BACKSLASH) this.#state = EXTENSION_ESCAPE
        else if (VALUE[byte] !== 1) return PROBLEM.extension
        return this.#lengthen()
      case EXTENSION_AFTER_QUOTE:
        return this.#endExtension(byte)
      default:
        return this.#extensionToken(byte)
    }
  }

  /** Name or unquoted value: at least one token character, then what may follow it. */
  #extensionToken(byte: number): string | null {
    if (TOKEN[byte] === 1) {
      this.#nameLength++
      return this.#lengthen()
    }
    const inName = this.#state === EXTENSION_NAME
    if (byte === QUOTE && !inName && this.#nameLength === 0) {
      this.#state = EXTENSION_QUOTED
      return this.#lengthen()
    }
    if (this.#nameLength === 0) return PROBLEM.extension
    if (byte !== EQUALS || !inName) return this.#endExtension(byte)
    this.#state = EXTENSION_VALUE
    this.#nameLength = 0
    return this.#lengthen()
  }

  #endExtension(byte: number): string | null {
    if (byte === CR) this.#state = SIZE_LF
    else if (byte === SEMICOLON) this.#startExtension()
    else return PROBLEM.extension
    return this.#lengthen()
  }

  #lengthen(): string | null {
    this.#line++
    return this.#line > MAX_CHUNK_LINE_BYTES ? PROBLEM.long : null
  }

  #trailer(byte: number): string | null {
    this.#line++
    if (this.#line > MAX_HEAD_BYTES) return PROBLEM.trailers
    switch (this.#state) {
      case LINE:
        if (byte === CR) this.#state = END_LF
        else if (TOKEN[byte] === 1) this.#state = TRAILER_NAME
        else return PROBLEM.trailer
        this.#trailerName = String.fromCharCode(LOWER[byte] as number)
        return null
      case TRAILER_NAME:
        if (byte === COLON) {
          this.#state = TRAILER_VALUE
          return FRAMING_FIELDS.has(this.#trailerName) ? PROBLEM.framing : null
        }
        if (this.#trailerName.length <= LONGEST_FRAMING_FIELD) {
          this.#trailerName += String.fromCharCode(LOWER[byte] as number)
        }
        return TOKEN[byte] === 1 ? null : PROBLEM.trailer
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF
        else if (VALUE[byte] !== 1) return PROBLEM.trailer
        return null
      default:
        if (byte !== LF) return PROBLEM.lf
        this.#state = LINE
        return null
    }
  }
}
