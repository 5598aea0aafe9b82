/** Whose turn it is to be looked through: new ones first, then who has waited longest. */

/** Two looks at one space lie apart by the usual time give or take this share, so that they spread. */
const JITTER = 0.2

export class Schedule {
  readonly #everyMs: number
  readonly #random: () => number
  /** When each is due, on the clock of `next`. */
  readonly #due = new Map<string, number>()

  /** @param random in [0, 1) */
  constructor(everyMs: number, random: () => number) {
    this.#everyMs = everyMs
    this.#random = random
  }

  /** It is due at once, and before all that only wait for their time. */
  hurry(name: string): void {
    this.#due.set(name, Number.NEGATIVE_INFINITY)
  }

  /**
   * Who is to be looked through now; null if nobody is due. Who is named counts as looked through.
   * @param names all there are
   * @param now in ms
   */
  next(names: readonly string[], now: number): string | null {
    const there = new Set(names)
    for (const name of this.#due.keys()) if (!there.has(name)) this.#due.delete(name)
    let first: string | null = null
    let firstDue = now
    for (const name of names) {
      const due = this.#due.get(name) ?? Number.NEGATIVE_INFINITY
      if (due > firstDue || (first !== null && due === firstDue)) continue
      first = name
      firstDue = due
    }
    if (first === null) return null
    const share = 1 + (this.#random() * 2 - 1) * JITTER
    this.#due.set(first, now + this.#everyMs * share)
    return first
  }
}
