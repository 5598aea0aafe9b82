/** For whom a rotation waits, and how long. */
import { expect, test } from '@jest/globals'
import { CaBacklog, noteOfBehind, WAIT_LIMIT_MS } from '../../controller/ca-backlog.ts'

const MINUTE_MS = 60_000

function backlog() {
  const clock = { ms: 0 }
  const entries = new CaBacklog('azds', () => clock.ms)
  return { clock, entries }
}

test('a rotation waits for an hour for a namespace that cannot be written, and then no more', () => {
  const { clock, entries } = backlog()
  entries.update(['alice'])
  expect(entries.isAwaited('alice')).toBe(true)
  clock.ms = WAIT_LIMIT_MS - 1
  expect(entries.isAwaited('alice')).toBe(true)
  clock.ms = WAIT_LIMIT_MS
  expect(entries.isAwaited('alice')).toBe(false)
  expect(entries.isAwaited('bob')).toBe(true)
})

test('our own namespace is always waited for: if it cannot be written, nothing of ours can', () => {
  const { clock, entries } = backlog()
  entries.update(['azds'])
  clock.ms = 10 * WAIT_LIMIT_MS
  expect(entries.isAwaited('azds')).toBe(true)
})

test('what is right again begins anew, but not what somebody changes back within a minute', () => {
  const { clock, entries } = backlog()
  entries.update(['alice', 'bob'])
  clock.ms = 59 * MINUTE_MS
  entries.update([])
  clock.ms += MINUTE_MS - 1
  entries.update(['bob'])
  clock.ms += 1
  entries.update(['alice', 'bob'])
  expect(entries.isAwaited('alice')).toBe(true)
  expect(entries.isAwaited('bob')).toBe(false)
})

test('it tells who is behind for more than a minute, since when, and what the API server said', () => {
  const { clock, entries } = backlog()
  entries.update(['alice', 'bob'])
  entries.wrote('alice', 'exceeded quota: few')
  entries.wrote('nobody', 'unheard')
  clock.ms = MINUTE_MS - 1
  expect(entries.list()).toEqual([])
  clock.ms = MINUTE_MS
  expect(entries.list()).toEqual([
    { namespace: 'alice', forMs: MINUTE_MS, error: 'exceeded quota: few' },
    { namespace: 'bob', forMs: MINUTE_MS, error: null },
  ])
  entries.wrote('alice', null)
  entries.update(['alice'])
  expect(entries.list()).toEqual([{ namespace: 'alice', forMs: MINUTE_MS, error: null }])
})

test.each([
  ['exceeded quota: few', true, /it cannot be written: exceeded quota: few\. .* waits for it, but/],
  [null, true, /somebody changes it each time\. .* waits for it, but/],
  ['exceeded quota: few', false, /waits for it no more, and sidecars here may lose/],
] as const)(
  'the Event says why (%s), and whether it is waited for (%s)',
  (error, awaited, text) => {
    const note = noteOfBehind({ namespace: 'alice', forMs: MINUTE_MS, error }, awaited)
    expect(note.about).toMatchObject({ kind: 'ConfigMap', namespace: 'alice', name: 'azds-ca' })
    expect(note.message).toMatch(text)
  },
)
