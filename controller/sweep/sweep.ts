/**
 * Looks through every space, again and again, for pods that lack the sidecar: made while the webhook was away,
 * or before the namespace was a space. It restarts nothing; it tells, by list, metric and Event.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type AuditFinding, audit } from '../../core/injection/audit.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import type { Pod } from '../../core/kube/types.ts'
import type { Log } from '../../core/log.ts'
import { LABEL } from '../../core/names.ts'
import type { SpaceFacts } from '../space-watch.ts'
import { Schedule } from './schedule.ts'

export interface SweepParts {
  kube: Pick<KubeClient, 'get'>
  spaces: () => ReadonlyMap<string, SpaceFacts>
  /** Namespace of our own control plane. */
  systemNamespace: string
  /** How often a space is looked through (ms). */
  everyMs: number
  /** Told of each space that was looked through. */
  onFindings: (findings: readonly AuditFinding[]) => void
  log: Log
  /** Monotonic time in ms. */
  now: () => number
  /** In [0, 1). */
  random?: () => number
}

export interface Sweep {
  /** What was found last, of all spaces. */
  findings(): AuditFinding[]
  /** A namespace has become a space, or is one no more. */
  changed(namespace: string): void
  stop(): void
}

/** At most so many spaces a second: each is one list of the API server. */
const SPACES_PER_SECOND = 5
/** Pods a page. Most spaces have fewer without a sidecar; a page is some megabytes at the very most. */
const PAGE = 200
/** Findings that are kept of one space: who has more of them needs no longer list. */
const MAX_FINDINGS = 500

/** Only pods without the mark that the webhook leaves: those with it are followed by the feed already. */
const SELECTOR = encodeURIComponent(`${LABEL.instrumented}!=true`)

interface PodPage {
  metadata: { continue?: string }
  items: Pod[]
}

export function startSweep(parts: SweepParts): Sweep {
  const { spaces, everyMs, now, random = Math.random, log } = parts
  const found = new Map<string, AuditFinding[]>()
  const schedule = new Schedule(everyMs, random)
  const stopped = new AbortController()

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      await sleep(1000 / SPACES_PER_SECOND, undefined, { signal: stopped.signal })
      for (const name of found.keys()) if (!spaces().has(name)) found.delete(name)
      const name = schedule.next([...spaces().keys()], now())
      const space = name === null ? undefined : spaces().get(name)
      if (space) await look(space)
    }
  }

  async function look(space: SpaceFacts): Promise<void> {
    try {
      const findings = await auditSpace(parts, space, stopped.signal)
      if (!spaces().has(space.name)) return
      found.set(space.name, findings)
      parts.onFindings(findings)
    } catch (error) {
      if (stopped.signal.aborted) return
      // What was found before stays: an API server that is away heals nothing.
      log.warn({ space: space.name, error: (error as Error).message }, 'space not looked through')
    }
  }

  run().catch((error: Error) => {
    if (!stopped.signal.aborted)
      log.error({ error: error.message }, 'spaces are looked through no more')
  })
  return {
    findings: () => [...found.values()].flat(),
    changed: (namespace) => schedule.hurry(namespace),
    stop: () => stopped.abort(),
  }
}

/** Pods of one space that lack the sidecar, and why. */
export async function auditSpace(
  { kube, systemNamespace }: Pick<SweepParts, 'kube' | 'systemNamespace'>,
  { name, labels, since }: SpaceFacts,
  signal?: AbortSignal,
): Promise<AuditFinding[]> {
  const facts = { namespace: { name, labels }, systemNamespace, spaceSince: since }
  const findings: AuditFinding[] = []
  let token = ''
  do {
    const path = `/api/v1/namespaces/${name}/pods?labelSelector=${SELECTOR}&limit=${PAGE}${token}`
    const page = await kube.get<PodPage>(path, signal)
    findings.push(...audit(page.items, facts))
    const next = page.metadata.continue
    token = next ? `&continue=${encodeURIComponent(next)}` : ''
  } while (token && findings.length < MAX_FINDINGS)
  return findings.slice(0, MAX_FINDINGS)
}
