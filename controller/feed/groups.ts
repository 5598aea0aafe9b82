/** All readers of one tree: what they are told is the same, and is made once. */
import { SetDigest } from '../../core/feed-digest.ts'
import { type ChangedKeys, ChangeLog, sizeOf } from './change-log.ts'
import { diffViews, EMPTY_VIEW, type View, type ViewChange } from './diff.ts'
import { deltaHead, type Stamp, snapshotHead } from './feed-lines.ts'

/** A delta that is longer than this, in items, and than half of the whole, is worth no less than a snapshot. */
const LONG_DELTA = 1000

/** A snapshot and the state that it is of. */
export interface Snapshot {
  number: number
  head: Buffer[]
}

export class Group {
  readonly #epoch: string
  readonly #digest = new SetDigest()
  readonly #log = new ChangeLog()
  #view: View = EMPTY_VIEW
  #number: number
  #hex: string
  /** By the number of the state that they lead on from; null where a snapshot is due. */
  readonly #deltas = new Map<number, Buffer[] | null>()
  #snapshot: Snapshot | null = null

  /** @param number of the state that the first view will be */
  constructor(epoch: string, view: View, number: number) {
    this.#epoch = epoch
    this.#number = number
    this.#hex = this.#digest.hex()
    this.#take(view, diffViews(EMPTY_VIEW, view))
    this.#log.push({
      number,
      digest: this.#hex,
      changed: { spaces: new Set(), services: new Set() },
    })
  }

  /** Number of the present state. */
  get number(): number {
    return this.#number
  }

  get stamp(): Stamp {
    return { version: { epoch: this.#epoch, number: this.#number }, digest: this.#hex }
  }

  /** Takes the newest view; the state stays the same if that says the same. */
  update(view: View, number: number): void {
    const change = diffViews(this.#view, view)
    const changed = change && keysOf(change)
    this.#take(view, change)
    if (!changed) return
    this.#number = number
    this.#deltas.clear()
    this.#log.push({ number, digest: this.#hex, changed })
  }

  /** What leads from an earlier state to the present one; null if that is not known any more. */
  deltaFrom(number: number): Buffer[] | null {
    const known = this.#deltas.get(number)
    if (known !== undefined) return known
    const changed = this.#log.since(number)
    const total = this.#view.spaces.size + this.#view.services.size
    const isShort = changed !== null && sizeOf(changed) <= Math.max(LONG_DELTA, total / 2)
    const made = isShort ? deltaHead(changeOf(changed, this.#view), this.stamp) : null
    this.#deltas.set(number, made)
    return made
  }

  /** Number of the state with this digest; null if it is none that is remembered. */
  numberOf(digest: string): number | null {
    return this.#log.numberOf(digest)
  }

  /** A snapshot, of the present state or of one from which a short delta leads on: many readers get the same. */
  snapshot(): Snapshot {
    const made = this.#snapshot
    if (made?.number === this.#number) return made
    // A short one is made anew: one message is better than two.
    if (made && made.head.length > 1 && this.deltaFrom(made.number)) return made
    this.#snapshot = { number: this.#number, head: snapshotHead(this.#view, this.stamp) }
    return this.#snapshot
  }

  /** Nobody needs a snapshot at present: it takes as much memory as the whole tree. */
  dropSnapshot(): void {
    this.#snapshot = null
  }

  #take(view: View, change: ViewChange | null): void {
    const old = this.#view
    this.#view = view
    if (!change) return
    const { spaces, services } = keysOf(change)
    for (const name of spaces) this.#count('space', old.spaces.get(name), view.spaces.get(name))
    for (const key of services)
      this.#count('service', old.services.get(key), view.services.get(key))
    this.#hex = this.#digest.hex()
  }

  #count(kind: string, old: unknown, now: unknown): void {
    if (old !== undefined) this.#digest.remove(kind + JSON.stringify(old))
    if (now !== undefined) this.#digest.add(kind + JSON.stringify(now))
  }
}

function keysOf({ spaces, services }: ViewChange): ChangedKeys {
  return {
    spaces: new Set([...spaces.put.map(({ name }) => name), ...spaces.remove]),
    services: new Set([
      ...services.put.map(({ space, name }) => `${space}/${name}`),
      ...services.remove,
    ]),
  }
}

/** What has to be said of some keys so that a reader has them as the view has. */
function changeOf(keys: ChangedKeys, view: View): ViewChange {
  return {
    spaces: partsOf(keys.spaces, view.spaces),
    services: partsOf(keys.services, view.services),
  }
}

function partsOf<T>(keys: Iterable<string>, all: ReadonlyMap<string, T>) {
  const put: T[] = []
  const remove: string[] = []
  for (const key of keys) {
    const item = all.get(key)
    if (item === undefined) remove.push(key)
    else put.push(item)
  }
  return { put, remove }
}
