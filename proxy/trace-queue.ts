/**
 * Trace records that wait for the controller: bounded by count and bytes. When full, the oldest are
 * dropped and counted, because the newest are those that somebody is looking for.
 */
import type { TraceRecord } from '../core/trace-record.ts'

export class TraceQueue {
  #entries: { record: TraceRecord; bytes: number }[] = []
  /** Entries before this index are taken; they are cut off in one go, not one by one. */
  #head = 0
  #bytes = 0
  #dropped = 0
  readonly #limits: { records: number; bytes: number }

  constructor(limits: { records: number; bytes: number }) {
    this.#limits = limits
  }

  get length(): number {
    return this.#entries.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Records that never reached the controller, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Counts records that were lost after they had left the queue. */
  countDropped(records: number): void {
    this.#dropped += records
  }

  push(record: TraceRecord): void {
    const bytes = estimateBytes(record)
    this.#entries.push({ record, bytes })
    this.#bytes += bytes
    while (this.length > this.#limits.records || this.#bytes > this.#limits.bytes) {
      if (this.#shift() === null) return
      this.#dropped++
    }
  }

  /** Takes the oldest records: at least one if there is any, and no more than fit the bounds. */
  take(bounds: { records: number; bytes: number }): TraceRecord[] {
    const taken: TraceRecord[] = []
    let bytes = 0
    while (taken.length < bounds.records) {
      const next = this.#entries[this.#head]
      if (!next || (taken.length > 0 && bytes + next.bytes > bounds.bytes)) break
      bytes += next.bytes
      taken.push(next.record)
      this.#shift()
    }
    return taken
  }

  #shift(): TraceRecord | null {
    const entry = this.#entries[this.#head]
    if (!entry) return null
    this.#head++
    this.#bytes -= entry.bytes
    // Cutting at half keeps the cost of a shift constant on average.
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return entry.record
  }
}

/** JSON keys, ids, times and addresses of a record without headers take some 900 bytes. */
const FIXED_BYTES = 900

/** What a field takes besides its characters: two strings and their pair on the heap, less as JSON. */
const FIELD_BYTES = 64

/** About what the record takes in memory and as JSON, in bytes, without the cost of making that. */
export function estimateBytes(record: TraceRecord): number {
  const { method, path, authority, error, requestBody, responseBody } = record
  let bytes = FIXED_BYTES + lengthOf(method) + lengthOf(path) + lengthOf(authority)
  for (const [name, value] of record.requestHeaders)
    bytes += name.length + value.length + FIELD_BYTES
  for (const [name, value] of record.responseHeaders)
    bytes += name.length + value.length + FIELD_BYTES
  bytes += lengthOf(error?.message) + lengthOf(requestBody?.base64)
  return bytes + lengthOf(responseBody?.base64)
}

function lengthOf(text: string | null | undefined): number {
  return text?.length ?? 0
}
