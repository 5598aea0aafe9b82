/**
 * Remembers which space the inbound requests of a trace belonged to, so that what an app sends on
 * with nothing but a `traceparent` stays in its space. Bounded by count and by age.
 */

export class TraceMemory {
  readonly #entries = new Map<string, { space: string; expires: number }>()
  readonly #limit: number
  readonly #maxAgeMs: number
  readonly #now: () => number

  /** @param bounds most entries, and how long one lives, in milliseconds */
  constructor(bounds: { entries: number; maxAgeMs: number }, now: () => number) {
    this.#limit = bounds.entries
    this.#maxAgeMs = bounds.maxAgeMs
    this.#now = now
  }

  get size(): number {
    return this.#entries.size
  }

  /** The last request of a trace counts, and starts its age again. */
  remember(traceId: string, space: string): void {
    const now = this.#now()
    // Deleting first moves the entry to the end: the map's order is that of expiry.
    this.#entries.delete(traceId)
    this.#entries.set(copyOf(traceId), { space: copyOf(space), expires: now + this.#maxAgeMs })
    for (const [oldest, { expires }] of this.#entries) {
      if (expires > now && this.#entries.size <= this.#limit) return
      this.#entries.delete(oldest)
    }
  }

  spaceOf(traceId: string): string | null {
    const entry = this.#entries.get(traceId)
    return entry && entry.expires > this.#now() ? entry.space : null
  }
}

/** A part of a string keeps the whole alive in V8; here that would be a client's header of up to 64 KiB. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
