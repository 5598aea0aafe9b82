/** Repeats one probe of one run of a container and reports when its verdict changes. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcome } from './action.ts'
import type { Probe } from './pod-view.ts'

/** A probe's settings with Kubernetes' defaults, in ms and counts. */
export function probeTimes(probe: Probe) {
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: Math.max(probe.periodSeconds ?? 10, 1) * 1000,
    timeoutMs: Math.max(probe.timeoutSeconds ?? 1, 1) * 1000,
    successThreshold: Math.max(probe.successThreshold ?? 1, 1),
    failureThreshold: Math.max(probe.failureThreshold ?? 3, 1),
  }
}

/**
 * Until a startup or readiness probe first succeeds it is tried this often (ms), so that bringing up the
 * playground does not wait for whole seconds. Failures count once a period all the same.
 */
const EAGER_MS = 200

/** Turns single outcomes into verdicts: so many in a row make one. */
export class Verdict {
  readonly #thresholds: { successThreshold: number; failureThreshold: number }
  #last: boolean | null = null
  #run = 0
  #current: boolean | null = null

  constructor(thresholds: { successThreshold: number; failureThreshold: number }) {
    this.#thresholds = thresholds
  }

  /** The verdict, once an outcome in a row too many has made it; null until the first. */
  add(ok: boolean): boolean | null {
    this.#run = ok === this.#last ? this.#run + 1 : 1
    this.#last = ok
    const { successThreshold, failureThreshold } = this.#thresholds
    if (this.#run >= (ok ? successThreshold : failureThreshold)) this.#current = ok
    return this.#current
  }
}

export interface ProbeLoop {
  probe: Probe
  /** Try more often before the first success. */
  eager: boolean
  attempt(timeoutMs: number): Promise<Outcome>
  /** Called when the verdict changes; returns true to end the loop. */
  onVerdict(ok: boolean, message: string): boolean
}

/** Runs until `signal` aborts or `onVerdict` ends it. */
export async function runProbe(loop: ProbeLoop, signal: AbortSignal): Promise<void> {
  const times = probeTimes(loop.probe)
  const verdict = new Verdict(times)
  let reported: boolean | null = null
  let everGood = false
  let nextCount = 0
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})
  await pause(times.initialDelayMs)
  while (!signal.aborted) {
    const outcome = await loop.attempt(times.timeoutMs)
    if (signal.aborted) return
    everGood ||= outcome.ok
    const counts = outcome.ok || performance.now() >= nextCount
    if (counts) {
      nextCount = performance.now() + times.periodMs
      const now = verdict.add(outcome.ok)
      if (now !== null && now !== reported) {
        reported = now
        if (loop.onVerdict(now, outcome.ok ? '' : outcome.message)) return
      }
    }
    await pause(loop.eager && !everGood ? Math.min(EAGER_MS, times.periodMs) : times.periodMs)
  }
}
