/** Which namespaces have lacked the certificates that they must have, for how long, and why. */
import type { Note } from '../core/kube/events.ts'
import { CA_CONFIG_MAP } from '../core/names.ts'

export interface Behind {
  namespace: string
  /** For how long, in ms. */
  forMs: number
  /** What the API server answered last; null where it took every write. */
  error: string | null
}

/**
 * So long (ms) a rotation waits for a namespace that cannot be written: an hour is longer than an API server is
 * away, or a person takes to lift a quota that she was told of, and an authority is announced four months before it
 * ends. After it all others go on, and the sidecars of this one lose the controller until it can be written.
 */
export const WAIT_LIMIT_MS = 60 * 60 * 1000
/**
 * A namespace that is made, or an API server that restarts, is behind for seconds (ms): nobody need know. And what was
 * right for no longer than that, somebody changes again and again.
 */
const PASSING_MS = 60_000

interface Entry {
  since: number
  /** Since when it has been right again; null while it is not. */
  rightSince: number | null
  error: string | null
}

/** What is behind now, and what is not. */
export interface Look {
  behind: readonly string[]
  right: readonly string[]
  /**
   * For how long (ms) a rotation has waited for this namespace, as far as the cluster tells: null if none is under way.
   * It counts for those that this process has never seen right, because it may have started in the midst of their hour.
   */
  waitedMs: (namespace: string) => number | null
}

export class CaBacklog {
  readonly #entries = new Map<string, Entry>()
  /** Those that have been right since this process started. */
  #seenRight: ReadonlySet<string> = new Set()
  readonly #own: string
  readonly #now: () => number

  /**
   * @param own our own namespace: if that cannot be written the fault is ours, and no space's
   * @param now monotonic time in ms
   */
  constructor(own: string, now: () => number) {
    this.#own = own
    this.#now = now
  }

  /** Takes over which namespaces are behind now. */
  update({ behind, right, waitedMs }: Look): void {
    const now = this.#now()
    const before = this.#seenRight
    this.#seenRight = new Set([...right, ...behind.filter((namespace) => before.has(namespace))])
    const present = new Set(behind)
    for (const [namespace, entry] of this.#entries) {
      const { rightSince } = entry
      if (rightSince !== null && now - rightSince >= PASSING_MS) this.#entries.delete(namespace)
      else if (present.has(namespace)) entry.rightSince = null
      else entry.rightSince ??= now
    }
    for (const namespace of behind) {
      if (this.#entries.has(namespace)) continue
      const waited = before.has(namespace) ? 0 : (waitedMs(namespace) ?? 0)
      this.#entries.set(namespace, { since: now - waited, rightSince: null, error: null })
    }
  }

  /** Takes over how the last write into a namespace ended; null: it was taken. */
  wrote(namespace: string, error: string | null): void {
    const entry = this.#entries.get(namespace)
    if (entry) entry.error = error
  }

  /** Whether a rotation waits for a namespace that is behind. */
  isAwaited = (namespace: string): boolean => {
    const entry = this.#entries.get(namespace)
    if (!entry || namespace === this.#own) return true
    return this.#now() - entry.since < WAIT_LIMIT_MS
  }

  /** Those that have been behind for longer than it takes to write them. */
  list(): Behind[] {
    const now = this.#now()
    return [...this.#entries]
      .filter(([, { since, rightSince }]) => rightSince === null && now - since >= PASSING_MS)
      .map(([namespace, { since, error }]) => ({ namespace, forMs: now - since, error }))
  }
}

/**
 * For how long (ms) a rotation has waited for a space: since its successor was announced, which the authority's Secret
 * tells whoever restarts, or since it is a space. Null if none is under way.
 * @param announced when that was
 * @param spaceSince in ms since 1970; null or undefined if nobody knows
 * @param now in ms since 1970
 */
export function waitedFor(
  announced: Date | null | undefined,
  spaceSince: number | null | undefined,
  now: number,
): number | null {
  if (!announced) return null
  // A clock that was set back makes it wait longer, not shorter.
  return Math.max(now - Math.max(announced.getTime(), spaceSince ?? 0), 0)
}

/** An Event on the ConfigMap, in the namespace that it is about. */
export function noteOfBehind({ namespace, error }: Behind, isAwaited: boolean): Note {
  const cause =
    error === null
      ? 'it was written, and somebody changes it each time'
      : `it cannot be written: ${error}`
  const effect = isAwaited
    ? 'A new authority of the controller waits for it, but not for longer than an hour'
    : 'A new authority of the controller waits for it no more, and sidecars here may lose the routing feed'
  return {
    about: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: CA_CONFIG_MAP },
    type: 'Warning',
    reason: 'CertificatesNotPublished',
    message: `Sidecars know the controller by this ConfigMap, and ${cause}. ${effect}`,
  }
}
