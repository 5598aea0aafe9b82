/**
 * Divides what is scarce, such as connections or memory, among sources that cannot be told to be honest. While there is
 * enough, whoever asks gets. Once there is not, whoever holds most gives back: it is refused if it asks for more, and
 * loses what it has not used for longest if another asks. So nobody needs to know beforehand who is important, and one
 * that takes all it can get only takes from itself.
 */

export interface Share {
  /**
   * Takes more. False: it was refused, and all of this share is given back; its `onLost` is not called for that.
   * False also after it was lost.
   */
  grow(amount: number): boolean
  /** It is in use: those of its source that are not are lost before it. */
  touch(): void
  /** Gives all of it back. May be called again, and after it was lost. */
  release(): void
}

interface Held {
  amount: number
  onLost: () => void
}

interface Source {
  /** Those that were used last come last. */
  held: Set<Held>
  total: number
}

export class FairShare {
  readonly #limit: number
  readonly #sources = new Map<string, Source>()
  #total = 0

  /** @param limit most that all together hold, in the unit of the amounts */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** What all hold together. */
  get total(): number {
    return this.#total
  }

  /**
   * A share of nothing, to be grown.
   * @param source who asks, e.g. an address
   * @param onLost called at once when it is taken away for another's sake; it must let go of what it stands for
   */
  open(source: string, onLost: () => void): Share {
    const held: Held = { amount: 0, onLost }
    const of = this.#sources.get(source) ?? { held: new Set<Held>(), total: 0 }
    this.#sources.set(source, of)
    of.held.add(held)
    return {
      grow: (amount) => of.held.has(held) && this.#grow(source, of, held, amount),
      touch: () => {
        if (of.held.delete(held)) of.held.add(held)
      },
      release: () => this.#giveBack(source, of, held),
    }
  }

  #grow(source: string, of: Source, held: Held, more: number): boolean {
    held.amount += more
    of.total += more
    this.#total += more
    while (this.#total > this.#limit) {
      const [most, from] = this.#most()
      if (!from || from.total <= of.total) {
        this.#giveBack(source, of, held)
        return false
      }
      const [oldest] = from.held
      if (!oldest) break
      this.#giveBack(most, from, oldest)
      oldest.onLost()
    }
    return true
  }

  #giveBack(name: string, source: Source, held: Held): void {
    if (!source.held.delete(held)) return
    source.total -= held.amount
    this.#total -= held.amount
    if (source.held.size === 0) this.#sources.delete(name)
  }

  /** A walk over all sources: only where there is not enough. */
  #most(): [string, Source | null] {
    let most: [string, Source | null] = ['', null]
    for (const [name, source] of this.#sources) {
      if (source.total > (most[1]?.total ?? 0)) most = [name, source]
    }
    return most
  }
}
