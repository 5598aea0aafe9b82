import { expect, test } from '@jest/globals'
import type { Outcome } from '../../playground/node/action.ts'
import { BACKOFF_MS, Backoff } from '../../playground/node/backoff.ts'
import { probeTimes, runProbe, Verdict } from '../../playground/node/probe-loop.ts'
import { undisturbed } from '../proxy/undisturbed.ts'

test.each<[string, { successThreshold: number; failureThreshold: number }, string, string]>([
  ['one success is enough', { successThreshold: 1, failureThreshold: 3 }, '+', '+'],
  [
    'failures count in a row',
    { successThreshold: 1, failureThreshold: 3 },
    '--+--+---',
    '??++++++-',
  ],
  ['successes count in a row', { successThreshold: 2, failureThreshold: 1 }, '+-++-', '?--+-'],
])('%s', (_what, thresholds, outcomes, verdicts) => {
  const verdict = new Verdict(thresholds)
  const seen = [...outcomes].map((outcome) => verdict.add(outcome === '+'))
  expect(seen.map((now) => (now === null ? '?' : now ? '+' : '-')).join('')).toBe(verdicts)
})

test('a probe that says nothing has Kubernetes’ defaults', () => {
  expect(probeTimes({})).toEqual({
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 3,
  })
})

/** Runs a probe whose attempts have these outcomes; returns the verdicts and how many attempts were made. */
async function runWith(outcomes: string, eager: boolean, untilMs: number) {
  let attempts = 0
  const verdicts: boolean[] = []
  const attempt = async (): Promise<Outcome> => {
    const outcome = outcomes[Math.min(attempts, outcomes.length - 1)]
    attempts += 1
    return outcome === '+' ? { ok: true } : { ok: false, message: 'no' }
  }
  const probe = { periodSeconds: 1, failureThreshold: 1 }
  const onVerdict = (ok: boolean) => {
    verdicts.push(ok)
    return false
  }
  await runProbe({ probe, eager, attempt, onVerdict }, AbortSignal.timeout(untilMs))
  return { attempts, verdicts }
}

test('before its first success an eager probe is tried several times a period', async () => {
  await undisturbed(50, async () => {
    const { attempts, verdicts } = await runWith('--+', true, 700)
    expect(verdicts).toEqual([false, true])
    expect(attempts).toBe(3)
  })
})

test('a probe that is not eager keeps to its period', async () => {
  expect(await runWith('-', false, 700)).toEqual({ attempts: 1, verdicts: [false] })
})

test('a container that keeps ending waits longer each time, up to a limit, and is forgiven after a long run', () => {
  const backoff = new Backoff()
  const pauses = Array.from({ length: 8 }, () => backoff.after(10))
  expect(pauses).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000])
  expect(backoff.after(BACKOFF_MS.forgetAfter)).toBe(0)
})
