/** One admission: review in, answer out, with one log line and one count. Never throws. */

import { SKIP_REASON } from '../core/injection/reasons.ts'
import type { Note } from '../core/kube/events.ts'
import type { Log } from '../core/log.ts'
import { notesOf } from './admission-notes.ts'
import type { FactSource } from './facts.ts'
import { describeDirect } from './inject/inbound-ports.ts'
import { type Injection, inject } from './inject/inject.ts'
import { isObject } from './inject/json.ts'
import type { Metrics, Outcome } from './metrics.ts'
import {
  allow,
  failed,
  PASS_REASON,
  type ReviewAnswer,
  type ReviewRequest,
  readReview,
  refuse,
  tryLater,
} from './review.ts'

export interface AdmitDependencies {
  facts: FactSource
  metrics: Metrics
  /** Takes an Event and returns at once: no admission waits for one. */
  note: (note: Note) => void
  log: Log
  /** Milliseconds, of a clock that never goes back. */
  now: () => number
}

export type Admission = { status: 200; answer: ReviewAnswer } | { status: 400; message: string }

interface Verdict {
  answer: ReviewAnswer
  outcome: Outcome
  reason: string
  /** What the log line says besides. */
  details: () => Record<string, unknown>
  /** Set where it came to a decision. */
  injection?: Injection
}

/** @param lost resolves where the body must be let go of: nothing is waited for any more */
export type Admit = (body: unknown, lost?: Promise<void>) => Promise<Admission>

export function createAdmit({ facts, metrics, note, log, now }: AdmitDependencies): Admit {
  /** An Event that cannot be told is our fault and nobody's pod's: the decision stands. */
  const tell = (request: ReviewRequest, injection: Injection): void => {
    try {
      for (const one of notesOf(request, injection)) note(one)
    } catch (error) {
      log.error({ uid: request.uid, error: (error as Error).stack }, 'events not told')
    }
  }
  return async (body, lost) => {
    const start = now()
    const seconds = () => (now() - start) / 1000
    const review = readReview(body)
    if (review.kind === 'malformed') {
      metrics.admission('malformed', 'none', seconds())
      log.warn({ error: review.message }, 'malformed admission review')
      return { status: 400, message: review.message }
    }
    if (review.kind === 'passed') {
      const { uid, reason, subject } = review
      metrics.admission('passed', reason, seconds())
      log.info({ outcome: 'passed', reason, why: PASS_REASON[reason], subject, uid }, 'admission')
      return { status: 200, answer: allow(uid) }
    }
    const { request } = review
    const verdict = await decideOn(request, lost, facts, log)
    const ms = now() - start
    // Nobody waits for these: the answer is on its way before they are begun.
    setImmediate(() => {
      metrics.admission(verdict.outcome, verdict.reason, ms / 1000)
      if (verdict.injection) tell(request, verdict.injection)
      log.info(lineOf(request, verdict, ms), 'admission')
    })
    return { status: 200, answer: verdict.answer }
  }
}

function lineOf(request: ReviewRequest, { outcome, reason, details }: Verdict, ms: number) {
  const { uid, namespace, dryRun } = request
  return { outcome, reason, ...details(), uid, namespace, pod: podName(request), dryRun, ms }
}

async function decideOn(
  request: ReviewRequest,
  lost: Promise<void> | undefined,
  source: FactSource,
  log: Log,
): Promise<Verdict> {
  const { uid, namespace } = request
  try {
    const facts = await source.of(namespace, lost)
    if (!facts) return unknownNamespace(uid, namespace)
    const injection = inject(request.object, facts)
    return { ...verdictOf(uid, injection), injection }
  } catch (error) {
    // A fault of ours. The pod is refused, because without its sidecar it would be routed wrongly.
    log.error({ uid, namespace, error: (error as Error).stack }, 'admission failed')
    const message = `the webhook failed on pod ${namespace}/${podName(request)}: ${(error as Error).message}; its log has the details under uid ${uid}`
    return {
      answer: failed(uid, message),
      outcome: 'failed',
      reason: 'internal',
      details: () => ({}),
    }
  }
}

function unknownNamespace(uid: string, namespace: string): Verdict {
  const message = `namespace "${namespace}" is not known to the webhook yet: try again in a few seconds`
  return {
    answer: tryLater(uid, message),
    outcome: 'failed',
    reason: 'namespace-unknown',
    details: () => ({}),
  }
}

function verdictOf(uid: string, injection: Injection): Verdict {
  if (injection.kind === 'skipped') {
    const { reason } = injection
    const details = () => ({ why: SKIP_REASON[reason] })
    return { answer: allow(uid), outcome: 'skipped', reason, details }
  }
  if (injection.kind === 'invalid') {
    const { errors } = injection
    return {
      answer: refuse(uid, errors),
      outcome: 'invalid',
      reason: 'none',
      details: () => ({ errors }),
    }
  }
  const { patch, warnings, layout, repaired, direct, declaredHttp } = injection
  return {
    answer: allow(uid, patch, warnings),
    outcome: repaired ? 'repaired' : 'injected',
    reason: 'none',
    details: () => ({
      layout,
      operations: patch.length,
      direct: direct.map(describeDirect),
      ...(declaredHttp.length > 0 && { declaredHttp }),
      ...(warnings.length > 0 && { warnings }),
    }),
  }
}

/** Pods of a ReplicaSet have no name yet, only the beginning of one. */
function podName({ object }: ReviewRequest): string {
  const metadata = isObject(object['metadata']) ? object['metadata'] : {}
  return String(metadata['name'] ?? `${metadata['generateName'] ?? ''}*`)
}
