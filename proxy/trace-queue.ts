/**
 * Traces that wait for the controller: bounded by count and bytes. When full, the oldest are dropped
 * and counted, because the newest are those that somebody is looking for.
 */
import type { TraceRecord } from '../core/trace-record.ts'

/** A record, or what one is made of when its turn comes. */
export interface PendingTrace {
  /** About what it takes in memory, in bytes. */
  readonly bytes: number
  /** True if it is not to make room for another one. */
  certain?: boolean
  /** Its `TraceRecord` as JSON, secrets blanked. */
  json(): string
}

/**
 * How often a queue that is full takes in another one, in ms. At more than that a second (1000) the sender
 * does not keep up, and what is pushed out unread a moment later has cost the traffic twice.
 */
const REPLACE_EVERY_MS = 1

/** A queue that was full counts as full until it is down to this share, so that it does not flicker. */
const RELIEVED = 0.9

export class TraceQueue {
  /** Null where one was taken out. */
  #entries: (PendingTrace | null)[] = []
  /** Entries before this index are taken; they are cut off in one go, not one by one. */
  #head = 0
  #bytes = 0
  #dropped = 0
  #full = false
  #replaceAt = 0
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

  /** Traces that never reached the controller, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Counts traces that were lost after they had left the queue. */
  countDropped(records: number): void {
    this.#dropped += records
  }

  /**
   * Whether the next one is to be pushed; if not, it is counted as dropped. A queue that is full, or has
   * `most`, takes only some in, spread over time, each in the place of the oldest.
   * @param now milliseconds
   */
  admits(now: number, most: number): boolean {
    if (!this.#full && this.length < most) return true
    this.#dropped++
    if (now < this.#replaceAt || this.#entries[this.#head]?.certain === true) return false
    this.#replaceAt = now + REPLACE_EVERY_MS
    this.shift()
    return true
  }

  push(trace: PendingTrace): void {
    this.#entries.push(trace)
    this.#bytes += trace.bytes
    while (this.length > this.#limits.records || this.#bytes > this.#limits.bytes) {
      this.#full = true
      if (this.shift() === null) return
      this.#dropped++
    }
  }

  /** Takes the oldest out. */
  shift(): PendingTrace | null {
    // To read behind its end would throw away the compiled code of who empties it.
    const entry = this.length === 0 ? null : this.#entries[this.#head]
    if (!entry) return null
    // What waits to be cut off holds its heads and bodies no longer.
    this.#entries[this.#head++] = null
    this.#bytes -= entry.bytes
    // Cutting at half keeps the cost of a shift constant on average.
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    if (this.#full) this.#full = !this.#isRelieved()
    return entry
  }

  #isRelieved(): boolean {
    const { records, bytes } = this.#limits
    return this.length < records * RELIEVED && this.#bytes < bytes * RELIEVED
  }
}

/** A record that was made at once. */
export function readyTrace(record: TraceRecord): PendingTrace {
  return { bytes: estimateBytes(record), json: () => JSON.stringify(record) }
}

/** JSON keys, ids, times and addresses of a record without headers take some 900 bytes. */
export const FIXED_BYTES = 900

/** What a field takes besides its characters: two strings and their pair on the heap, less as JSON. */
const FIELD_BYTES = 64

/** About what the record takes in memory and as JSON, in bytes, without the cost of making that. */
export function estimateBytes(record: TraceRecord): number {
  const { method, path, authority, error, requestBody, responseBody } = record
  let bytes = FIXED_BYTES + lengthOf(method) + lengthOf(path) + lengthOf(authority)
  bytes += fieldBytes(record.requestHeaders) + fieldBytes(record.responseHeaders)
  bytes += lengthOf(error?.message) + lengthOf(requestBody?.base64)
  return bytes + lengthOf(responseBody?.base64)
}

export function fieldBytes(fields: TraceRecord['requestHeaders']): number {
  let bytes = 0
  for (const [name, value] of fields) bytes += name.length + value.length + FIELD_BYTES
  return bytes
}

function lengthOf(text: string | null | undefined): number {
  return text?.length ?? 0
}
