/** The fields of a head: where they are, and what was found out about them. Heads with the same bytes share one. */
import type { HeaderList } from '../../core/trace-record.ts'
import type { FieldMemo } from '../exchange.ts'
import type { SaidByFields } from '../request-facts.ts'
import type { RequestFraming, ResponseFraming } from './framing.ts'
import type { FieldFacts } from './framing-fields.ts'

/** A framing, and what it depends on besides the fields. */
export interface KnownFraming<F> {
  version: '1.0' | '1.1'
  /** Of a request; of an answer, the method that it answers. */
  method: string
  /** Of an answer; 0 for a request. */
  status: number
  framing: F
}

export class FieldSet implements FieldMemo {
  /** Four offsets a field: start and end of the name, start and end of the value without OWS. */
  readonly offsets: readonly number[]
  /** A copy of the bytes from the first name to the blank line; null unless heads are compared with it. */
  readonly bytes: Buffer | null
  facts: FieldFacts | null = null
  request: KnownFraming<RequestFraming> | null = null
  response: KnownFraming<ResponseFraming> | null = null
  said: SaidByFields | null = null
  redacted: HeaderList | null = null
  #text: string | null = null
  /** Lower-case names of which there is no field, as far as somebody has looked. */
  #absent: readonly string[] = NOTHING

  constructor(offsets: readonly number[], bytes: Buffer | null = null) {
    this.offsets = offsets
    this.bytes = bytes
  }

  /** The bytes as text, blank line included; null where none are kept. */
  get text(): string | null {
    if (this.bytes === null) return null
    this.#text ??= this.bytes.toString('latin1')
    return this.#text
  }

  isKnownAbsent(name: string): boolean {
    return this.#absent.includes(name)
  }

  /** Takes note that there is no such field, if anybody else may ask. */
  noteAbsent(name: string): void {
    if (this.bytes === null || this.#absent.length >= MOST_ABSENT) return
    this.#absent = [...this.#absent, name]
  }
}

const NOTHING: readonly string[] = []

/** More than a head is ever asked for. */
const MOST_ABSENT = 8

/** The fields of a head that is not read yet. */
export const NO_FIELDS = new FieldSet([])
