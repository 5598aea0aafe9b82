/** Answers of the API server that hold for a while, and how many questions are under way at once. */
import { FairShare, type Share } from '../../core/fair-share.ts'

export interface Answer<T> {
  value: T
  /** For how long it holds, in ms; 0: it is not kept. */
  holdsMs: number
  /** True where anybody can make up questions with such an answer: they must not push out what others have asked. */
  isCheap?: boolean
}

export interface AnswerCacheOptions {
  /** Most answers that are kept, of the cheap ones and of the others; the oldest go first. */
  max: number
  /** Questions under way at once. */
  inFlight: number
  /** Questions that may wait for their turn; where there are more, the source that has most of them loses some. */
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
  readonly #answers: Kept<T> = new Map()
  readonly #cheap: Kept<T> = new Map()
  readonly #asked = new Map<string, Promise<T>>()
  /** In the order in which they came. */
  readonly #queue = new Set<Waiting>()
  readonly #places: FairShare
  #running = 0

  constructor(options: AnswerCacheOptions) {
    this.#options = options
    this.#places = new FairShare(options.waiting)
  }

  get size(): number {
    return this.#answers.size + this.#cheap.size
  }

  /**
   * @param source who asks, e.g. an address
   * @throws what `ask` throws, which is not kept, or `TooManyQuestions`
   */
  async get(key: string, ask: () => Promise<Answer<T>>, source = ''): Promise<T> {
    const known = this.#answers.get(key) ?? this.#cheap.get(key)
    if (known && known.until > this.#options.now()) return known.value
    const asked = this.#asked.get(key)
    if (asked) return asked
    const answer = this.#ask(key, ask, source).finally(() => this.#asked.delete(key))
    this.#asked.set(key, answer)
    return answer
  }

  /** Answers that fit are not given again. One that is under way at the moment is. */
  forget(fits: (value: T) => boolean): void {
    for (const answers of [this.#answers, this.#cheap])
      for (const [key, { value }] of answers) if (fits(value)) answers.delete(key)
  }

  async #ask(key: string, ask: () => Promise<Answer<T>>, source: string): Promise<T> {
    await this.#turn(source)
    try {
      const answer = await ask()
      this.#keep(key, answer)
      return answer.value
    } finally {
      this.#running -= 1
      this.#next()
    }
  }

  async #turn(source: string): Promise<void> {
    const { inFlight, waiting } = this.#options
    if (this.#running >= inFlight) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const refuse = () => {
        this.#queue.delete(one)
        reject(new TooManyQuestions(`${waiting} questions wait`))
      }
      const one: Waiting = { go: resolve, place: this.#places.open(source, refuse) }
      this.#queue.add(one)
      if (!one.place.grow(1)) refuse()
      await promise
    }
    this.#running += 1
  }

  #next(): void {
    const [first] = this.#queue
    if (!first) return
    this.#queue.delete(first)
    first.place.release()
    first.go()
  }

  #keep(key: string, { value, holdsMs, isCheap }: Answer<T>): void {
    this.#answers.delete(key)
    this.#cheap.delete(key)
    if (holdsMs <= 0) return
    const answers = isCheap ? this.#cheap : this.#answers
    answers.set(key, { value, until: this.#options.now() + holdsMs })
    const [oldest] = answers.keys()
    if (answers.size > this.#options.max && oldest !== undefined) answers.delete(oldest)
  }
}

interface Waiting {
  go: () => void
  place: Share
}

type Kept<T> = Map<string, { value: T; until: number }>
