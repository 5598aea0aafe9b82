/**
 * The fields of a head: where they are, and what was found out about them. Heads with the same bytes share one, but
 * for the values of varying fields.
 */
import type { FieldMemo } from '../exchange.ts'
import type { SaidByFields } from '../request-facts.ts'
import type { RequestFraming, ResponseFraming } from './framing.ts'
import type { FieldFacts } from './framing-fields.ts'
import { varyingValues } from './varying-fields.ts'

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
  /** Where in `bytes` values stand that are another head's: start and end of each, in order. */
  readonly varying: readonly number[]
  facts: FieldFacts | null = null
  request: KnownFraming<RequestFraming> | null = null
  response: KnownFraming<ResponseFraming> | null = null
  said: SaidByFields | null = null
  recorded: string | null = null
  /** The list of names that was last found to have no field here. */
  lacking: readonly string[] | null = null
  #text: string | null = null

  constructor(offsets: readonly number[], bytes: Buffer | null = null) {
    this.offsets = offsets
    this.bytes = bytes
    this.varying = bytes === null ? NOWHERE : varyingValues(offsets, bytes)
  }

  get varies(): boolean {
    return this.varying.length > 0
  }

  /** The bytes as text, blank line included; null where none are kept that all heads have. */
  get text(): string | null {
    if (this.bytes === null || this.varies) return null
    this.#text ??= this.bytes.toString('latin1')
    return this.#text
  }
}

const NOWHERE: readonly number[] = []

/** The fields of a head that is not read yet. */
export const NO_FIELDS = new FieldSet([])
