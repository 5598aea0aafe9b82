/** A parsed HTTP/1 head: the wire's own bytes and where their parts are; strings only when asked. */
import type { HeaderList } from '../../core/trace-record.ts'
import type { RequestHead, ResponseHead } from '../exchange.ts'
import { LOWER, SLASH } from './characters.ts'
import type { FieldSet } from './field-set.ts'
import type { HeadScanner } from './head-parser.ts'

/** What a request and a response head have in common. */
export class Head {
  readonly buffer: Buffer
  /** Where in `buffer` the head begins and ends, blank line included. */
  readonly from: number
  readonly to: number
  /** Where in `buffer` the first field begins: what offsets of fields count from. */
  readonly base: number
  readonly fieldSet: FieldSet
  readonly version: '1.0' | '1.1'

  constructor(buffer: Buffer, base: number, scanner: HeadScanner) {
    this.buffer = buffer
    this.from = base + scanner.start
    this.to = base + scanner.position
    this.base = base + scanner.fieldsFrom
    this.fieldSet = scanner.fields
    this.version = scanner.minor === 1 ? '1.1' : '1.0'
  }

  /** Four offsets a field: start and end of the name, start and end of the value without OWS. */
  get fields(): readonly number[] {
    return this.fieldSet.offsets
  }

  get length(): number {
    return this.to - this.from
  }

  /** The head's bytes, not copied. */
  bytes(): Buffer {
    return this.buffer.subarray(this.from, this.to)
  }

  get memo(): FieldSet {
    return this.fieldSet
  }

  /** True if there is no field of any of these lower-case names. */
  lacksAll(names: readonly string[]): boolean {
    const { fieldSet } = this
    if (fieldSet.lacking === names) return true
    for (const name of names) if (this.find(name) >= 0) return false
    fieldSet.lacking = names
    return true
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
  /** Where in `buffer` the target ends. */
  readonly targetTo: number
  #target: string | null = null
  #detached: KeptRequestHead | null = null

  constructor(buffer: Buffer, base: number, scanner: HeadScanner) {
    super(buffer, base, scanner)
    this.method = methodOf(buffer, this.from, base + scanner.methodEnd)
    this.targetTo = base + scanner.targetEnd
  }

  get target(): string {
    this.#target ??= targetOf(this.buffer, this.from + this.method.length + 1, this.targetTo)
    return this.#target
  }

  /** The target is a path, as of nearly all requests (RFC 9112 3.2.1). */
  get isOriginForm(): boolean {
    return this.buffer[this.from + this.method.length + 1] === SLASH
  }

  /** One for all exchanges whose head is the same buffer. */
  detached(): RequestHead {
    this.#detached ??= new KeptRequestHead(this)
    return this.#detached
  }
}

export class ParsedResponseHead extends Head implements ResponseHead {
  readonly status: number
  #detached: KeptResponseHead | null = null

  constructor(buffer: Buffer, base: number, scanner: HeadScanner) {
    super(buffer, base, scanner)
    this.status = scanner.status
  }

  detached(): ResponseHead {
    this.#detached ??= new KeptResponseHead(this)
    return this.#detached
  }
}

/** The last target that was short: the next one mostly is the same, or it is cheap to see that it is not. */
let lastTarget = '/'
const SHORT_TARGET = 32

function targetOf(buffer: Buffer, from: number, to: number): string {
  if (to - from === lastTarget.length && isText(lastTarget, buffer, from)) return lastTarget
  const target = buffer.toString('latin1', from, to)
  if (target.length <= SHORT_TARGET) lastTarget = target
  return target
}

function isText(text: string, buffer: Buffer, from: number): boolean {
  for (let i = 0; i < text.length; i++) {
    if (buffer[from + i] !== text.charCodeAt(i)) return false
  }
  return true
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
 * A head in memory of its own: its fields as one string and where they are in it. That is the cheapest way to
 * keep it, since it takes a single copy, or none if the fields are known; and mostly nobody asks for more.
 */
class KeptHead {
  readonly version: '1.0' | '1.1'
  readonly memo: FieldSet
  readonly #text: string

  constructor(head: Head) {
    this.version = head.version
    this.memo = head.fieldSet
    this.#text = head.fieldSet.text ?? head.buffer.toString('latin1', head.base, head.to)
  }

  /** About what it takes in memory, in bytes. */
  get length(): number {
    return this.#text.length + this.memo.offsets.length * 8
  }

  header(name: string): string | null {
    return this.values(name)[0] ?? null
  }

  values(name: string): string[] {
    return this.headers()
      .filter(([key]) => key.toLowerCase() === name)
      .map(([, value]) => value)
  }

  headers(): HeaderList {
    const { offsets } = this.memo
    const list: HeaderList = []
    for (let i = 0; i < offsets.length; i += 4) {
      list.push([this.#part(offsets, i), this.#part(offsets, i + 2)])
    }
    return list
  }

  #part(offsets: readonly number[], at: number): string {
    return this.#text.slice(offsets[at], offsets[at + 1])
  }
}

class KeptRequestHead extends KeptHead implements RequestHead {
  readonly method: string
  readonly target: string

  constructor(head: ParsedRequestHead) {
    super(head)
    this.method = head.method
    this.target = head.target
  }

  override get length(): number {
    return super.length + this.target.length
  }
}

class KeptResponseHead extends KeptHead implements ResponseHead {
  readonly status: number

  constructor(head: ParsedResponseHead) {
    super(head)
    this.status = head.status
  }
}
