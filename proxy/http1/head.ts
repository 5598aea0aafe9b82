/** A parsed HTTP/1 head: the wire's own bytes and where their parts are; strings only when asked. */
import type { HeaderList } from '../../core/trace-record.ts'
import type { RequestHead, ResponseHead } from '../exchange.ts'
import { LOWER } from './characters.ts'
import { HeadScanner } from './head-parser.ts'

/** What a request and a response head have in common. Offsets in `fields` count from `base`. */
export class Head {
  readonly buffer: Buffer
  readonly base: number
  /** Where in `buffer` the head begins and ends, blank line included. */
  readonly from: number
  readonly to: number
  readonly fields: number[]
  readonly version: '1.0' | '1.1'

  constructor(buffer: Buffer, base: number, scanner: HeadScanner) {
    this.buffer = buffer
    this.base = base
    this.from = base + scanner.start
    this.to = base + scanner.position
    this.fields = scanner.fields
    this.version = scanner.minor === 1 ? '1.1' : '1.0'
  }

  get length(): number {
    return this.to - this.from
  }

  /** The head's bytes, not copied. */
  bytes(): Buffer {
    return this.buffer.subarray(this.from, this.to)
  }

  /** Index in `fields` of the first field from `at` on with this lower-case name; -1 for none. */
  find(name: string, at = 0): number {
    const { fields } = this
    for (let i = at; i < fields.length; i += 4) {
      if (this.nameIs(i, name)) return i
    }
    return -1
  }

  nameIs(field: number, name: string): boolean {
    const start = this.fields[field] as number
    if ((this.fields[field + 1] as number) - start !== name.length) return false
    const at = this.base + start
    for (let k = 0; k < name.length; k++) {
      if (LOWER[this.buffer[at + k] as number] !== name.charCodeAt(k)) return false
    }
    return true
  }

  /** Value of the field at an index of `fields`. */
  value(field: number): string {
    return this.#text(this.fields[field + 2] as number, this.fields[field + 3] as number)
  }

  header(name: string): string | null {
    const field = this.find(name)
    return field < 0 ? null : this.value(field)
  }

  values(name: string): string[] {
    const values: string[] = []
    for (let i = this.find(name); i >= 0; i = this.find(name, i + 4)) values.push(this.value(i))
    return values
  }

  headers(): HeaderList {
    const list: HeaderList = []
    for (let i = 0; i < this.fields.length; i += 4) {
      const name = this.#text(this.fields[i] as number, this.fields[i + 1] as number)
      list.push([name, this.value(i)])
    }
    return list
  }

  #text(from: number, to: number): string {
    return this.buffer.toString('latin1', this.base + from, this.base + to)
  }
}

export class ParsedRequestHead extends Head implements RequestHead {
  readonly method: string
  readonly #targetFrom: number
  readonly #targetTo: number

  constructor(buffer: Buffer, base: number, scanner: HeadScanner) {
    super(buffer, base, scanner)
    this.method = methodOf(buffer, this.from, base + scanner.methodEnd)
    this.#targetFrom = base + scanner.methodEnd + 1
    this.#targetTo = base + scanner.targetEnd
  }

  get target(): string {
    return this.buffer.toString('latin1', this.#targetFrom, this.#targetTo)
  }

  detached(): RequestHead {
    return new KeptRequestHead(this.buffer.toString('latin1', this.from, this.to))
  }
}

export class ParsedResponseHead extends Head implements ResponseHead {
  readonly status: number

  constructor(buffer: Buffer, base: number, scanner: HeadScanner) {
    super(buffer, base, scanner)
    this.status = scanner.status
  }

  detached(): ResponseHead {
    const text = this.buffer.toString('latin1', this.from, this.to)
    return new KeptResponseHead(text, this.status, this.version)
  }
}

/** A string that is there already saves making one for each request. */
function methodOf(buffer: Buffer, from: number, to: number): string {
  const length = to - from
  if (length === 3 && buffer[from] === 0x47 && buffer[from + 1] === 0x45) {
    if (buffer[from + 2] === 0x54) return 'GET'
  }
  if (length === 4 && buffer[from] === 0x50 && buffer[from + 1] === 0x4f) {
    if (buffer[from + 2] === 0x53 && buffer[from + 3] === 0x54) return 'POST'
  }
  return buffer.toString('latin1', from, to)
}

/**
 * A request head as one string, read again by whoever asks: the cheapest way to keep it for a while,
 * and mostly nobody asks.
 */
class KeptRequestHead implements RequestHead {
  readonly #text: string
  #parsed: ParsedRequestHead | null = null

  constructor(text: string) {
    this.#text = text
  }

  get length(): number {
    return this.#text.length
  }

  get method(): string {
    return this.#head().method
  }

  get target(): string {
    return this.#head().target
  }

  get version(): '1.0' | '1.1' {
    return this.#head().version
  }

  header(name: string): string | null {
    return this.#head().header(name)
  }

  values(name: string): string[] {
    return this.#head().values(name)
  }

  headers(): HeaderList {
    return this.#head().headers()
  }

  #head(): ParsedRequestHead {
    this.#parsed ??= new ParsedRequestHead(...scanned('request', this.#text))
    return this.#parsed
  }
}

/** The same for a response. */
class KeptResponseHead implements ResponseHead {
  readonly status: number
  readonly version: '1.0' | '1.1'
  readonly #text: string

  constructor(text: string, status: number, version: '1.0' | '1.1') {
    this.#text = text
    this.status = status
    this.version = version
  }

  get length(): number {
    return this.#text.length
  }

  header(name: string): string | null {
    return this.#head().header(name)
  }

  headers(): HeaderList {
    return this.#head().headers()
  }

  #head(): ParsedResponseHead {
    return new ParsedResponseHead(...scanned('response', this.#text))
  }
}

/** Reads a head a second time: it has been found sound before. */
function scanned(
  kind: 'request' | 'response',
  text: string,
): [buffer: Buffer, base: number, scanner: HeadScanner] {
  const buffer = Buffer.from(text, 'latin1')
  const scanner = new HeadScanner(kind)
  scanner.scan(buffer, 0, buffer.length)
  return [buffer, 0, scanner]
}
