/** What a sweep tells people: an Event on the owner of the pods that lack the sidecar, and not too often. */
import { type AuditFinding, describeFinding } from '../../core/injection/audit.ts'
import type { Note } from '../../core/kube/events.ts'

/**
 * An Event on what made the pod, so that `kubectl describe` of it shows why; on the pod itself where nothing
 * did. Pods that are left alone on purpose come to us only here: the webhook's conditions keep them from it.
 */
export function noteOf(finding: AuditFinding): Note {
  const { pod, owner, fault } = finding
  return {
    about: owner
      ? { ...owner.direct, namespace: pod.namespace }
      : { apiVersion: 'v1', kind: 'Pod', ...pod },
    reason: fault ? 'InjectionMissed' : 'InjectionSkipped',
    // Without the pod's name: the pods of one owner are one message.
    message: describeFinding(finding),
    type: fault ? 'Warning' : 'Normal',
  }
}

/** A fault is told again after this time (ms): API servers keep Events for an hour. */
const AGAIN_MS = 60 * 60 * 1000
/** Owners that are remembered; one that falls out is told of once more. */
const MAX_OWNERS = 10_000

/** Picks what is worth an Event: each owner's fault once an hour, and what is on purpose once. */
export class News {
  readonly #told = new Map<string, number>()
  readonly #now: () => number

  /** @param now monotonic time in ms */
  constructor(now: () => number) {
    this.#now = now
  }

  of(findings: readonly AuditFinding[]): Note[] {
    return findings.filter((finding) => this.#isNews(finding)).map(noteOf)
  }

  #isNews({ pod, owner, reason, fault }: AuditFinding): boolean {
    const key = `${owner?.direct.uid ?? pod.uid}/${reason}`
    const before = this.#told.get(key)
    if (before !== undefined && (!fault || this.#now() - before < AGAIN_MS)) return false
    this.#told.delete(key)
    this.#told.set(key, this.#now())
    const [oldest] = this.#told.keys()
    if (this.#told.size > MAX_OWNERS && oldest !== undefined) this.#told.delete(oldest)
    return true
  }
}

/** How many pods of each namespace lack the sidecar, by reason. */
export function countsOf(
  findings: readonly AuditFinding[],
): { namespace: string; reason: string; pods: number }[] {
  const groups = Map.groupBy(findings, ({ pod, reason }) => `${pod.namespace}/${reason}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first
      ? [{ namespace: first.pod.namespace, reason: first.reason, pods: group.length }]
      : []
  })
}
