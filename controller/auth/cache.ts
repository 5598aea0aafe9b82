/** Answers of the API server that hold for a while, and how many questions are under way at once. */

export interface Answer<T> {
  value: T
  /** For how long it holds, in ms; 0: it is not kept. */
  holdsMs: number
}

export interface AnswerCacheOptions {
  /** Most answers that are kept; the oldest go first. */
  max: number
  /** Questions under way at once. */
  inFlight: number
  /** Questions that may wait for their turn; one more is refused. */
  waiting: number
  /** Monotonic time in ms. */
  now: () => number
}

/** More questions wait than may. */
export class TooManyQuestions extends Error {}

/**
 * Asks each question once: who asks the same while it is under way gets the same answer, and whoever asks
 * within the time that an answer holds gets that.
 */
export class AnswerCache<T> {
  readonly #options: AnswerCacheOptions
  readonly #answers = new Map<string, { value: T; until: number }>()
  readonly #asked = new Map<string, Promise<T>>()
  readonly #queue: (() => void)[] = []
  #running = 0

  constructor(options: AnswerCacheOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#answers.size
  }

  /** @throws what `ask` throws, which is not kept, or `TooManyQuestions` */
  async get(key: string, ask: () => Promise<Answer<T>>): Promise<T> {
    const known = this.#answers.get(key)
    if (known && known.until > this.#options.now()) return known.value
    const asked = this.#asked.get(key)
    if (asked) return asked
    const answer = this.#ask(key, ask).finally(() => this.#asked.delete(key))
    this.#asked.set(key, answer)
    return answer
  }

  /** Answers that fit are not given again. One that is under way at the moment is. */
  forget(fits: (value: T) => boolean): void {
    for (const [key, { value }] of this.#answers) if (fits(value)) this.#answers.delete(key)
  }

  async #ask(key: string, ask: () => Promise<Answer<T>>): Promise<T> {
    await this.#turn()
    try {
      const { value, holdsMs } = await ask()
      this.#keep(key, value, holdsMs)
      return value
    } finally {
      this.#running -= 1
      this.#queue.shift()?.()
    }
  }

  async #turn(): Promise<void> {
    const { inFlight, waiting } = this.#options
    if (this.#running >= inFlight) {
      if (this.#queue.length >= waiting) throw new TooManyQuestions(`${waiting} questions wait`)
      await new Promise<void>((resolve) => this.#queue.push(resolve))
    }
    this.#running += 1
  }

  #keep(key: string, value: T, holdsMs: number): void {
    this.#answers.delete(key)
    if (holdsMs <= 0) return
    this.#answers.set(key, { value, until: this.#options.now() + holdsMs })
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > this.#options.max && oldest !== undefined) this.#answers.delete(oldest)
  }
}
