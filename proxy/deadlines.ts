/**
 * Many waits of one length with one timer: each is a link in a list that is in order of itself, so that
 * to begin and to end one costs a few assignments. For what happens with every connection.
 */

/** Something that can wait; in one list at a time. The fields are the list's own. */
export interface Waiting {
  due: number
  earlier: Waiting | null
  later: Waiting | null
}

export class Deadlines<T extends Waiting> {
  readonly #ms: number
  readonly #onDue: (entry: T) => void
  #first: Waiting | null = null
  #last: Waiting | null = null
  #armed = false

  /**
   * @param ms how long each waits
   * @param onDue hears of each that was not ended before, in the order in which they began
   */
  constructor(ms: number, onDue: (entry: T) => void) {
    this.#ms = ms
    this.#onDue = onDue
  }

  begin(entry: T): void {
    entry.due = performance.now() + this.#ms
    entry.earlier = this.#last
    entry.later = null
    if (this.#last === null) this.#first = entry
    else this.#last.later = entry
    this.#last = entry
    if (!this.#armed) this.#arm(this.#ms)
  }

  /** Harmless for what does not wait. */
  end(entry: T): void {
    if (entry.due === 0) return
    entry.due = 0
    if (entry.earlier === null) this.#first = entry.later
    else entry.earlier.later = entry.later
    if (entry.later === null) this.#last = entry.earlier
    else entry.later.earlier = entry.earlier
    entry.earlier = null
    entry.later = null
  }

  /** The timer goes on while the list is empty for a while, which is cheaper than to stop it. */
  #arm(ms: number): void {
    this.#armed = true
    // Whatever waits has a handle that keeps the process; the timer alone is not to.
    setTimeout(() => this.#expire(), ms).unref()
  }

  #expire(): void {
    const now = performance.now()
    let entry = this.#first
    try {
      while (entry !== null && entry.due <= now) {
        this.end(entry as T)
        this.#onDue(entry as T)
        entry = this.#first
      }
    } finally {
      this.#armed = false
      // Node's timers count whole milliseconds; one more spares a turn in which nothing is due.
      if (this.#first !== null) this.#arm(Math.max(1, this.#first.due - now + 1))
    }
  }
}
