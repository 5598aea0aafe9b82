/** An allowance that work and time fill up again: tells a flood from a busy peer. */

export class Budget {
  readonly #burst: number
  readonly #perMs: number
  readonly #now: () => number
  #left: number
  #filledAt: number

  /** @param now milliseconds, never going back; asked only when the allowance is used up */
  constructor({ burst, perSecond }: { burst: number; perSecond: number }, now: () => number) {
    this.#burst = burst
    this.#perMs = perSecond / 1000
    this.#now = now
    this.#left = burst
    this.#filledAt = now()
  }

  /** Takes one; false if none is left. */
  spend(): boolean {
    if (this.#left < 1) this.#refill()
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  earn(count: number): void {
    this.#left = Math.min(this.#burst, this.#left + count)
  }

  #refill(): void {
    const now = this.#now()
    this.earn((now - this.#filledAt) * this.#perMs)
    this.#filledAt = now
  }
}
