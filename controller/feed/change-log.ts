/** What changed in one view from state to state, for readers that have an earlier one. */

/** Keys of what is new, changed or gone. */
export interface ChangedKeys {
  spaces: Set<string>
  services: Set<string>
}

/** A state of the view, and what led to it from the one before. */
export interface LoggedState {
  number: number
  /** Of all that the view held then. */
  digest: string
  changed: ChangedKeys
}

/**
 * States that are remembered. At one a second they cover the time in which a reader that was cut off comes back;
 * keys are bounded as well, 100 bytes each, since one state may change thousands.
 */
const MOST = { states: 256, keys: 20_000 }

export class ChangeLog {
  readonly #states: LoggedState[] = []
  #keys = 0

  push(state: LoggedState): void {
    this.#states.push(state)
    this.#keys += sizeOf(state.changed)
    while (this.#states.length > MOST.states || this.#keys > MOST.keys) this.#forgetOldest()
  }

  /** Number of the newest state with this digest, or null: equal digests are equal contents, of whatever epoch. */
  numberOf(digest: string): number | null {
    return this.#states.findLast((state) => state.digest === digest)?.number ?? null
  }

  /** What changed after a state; null if that is not remembered. */
  since(number: number): ChangedKeys | null {
    const at = this.#states.findIndex((state) => state.number === number)
    if (at < 0) return null
    const all: ChangedKeys = { spaces: new Set(), services: new Set() }
    for (const { changed } of this.#states.slice(at + 1)) {
      for (const name of changed.spaces) all.spaces.add(name)
      for (const key of changed.services) all.services.add(key)
    }
    return all
  }

  #forgetOldest(): void {
    // The keys of the oldest lead to it from one that is forgotten: nobody asks for them.
    const oldest = this.#states.shift()
    if (oldest) this.#keys -= sizeOf(oldest.changed)
  }
}

export function sizeOf({ spaces, services }: ChangedKeys): number {
  return spaces.size + services.size
}
