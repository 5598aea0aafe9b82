/** For whom a rotation waits, and how long. */
import { expect, test } from '@jest/globals'
import { CaBacklog, noteOfBehind, WAIT_LIMIT_MS, waitedFor } from '../../controller/ca-backlog.ts'

const MINUTE_MS = 60_000

function backlog() {
  const clock = { ms: 0 }
  const entries = new CaBacklog('azds', () => clock.ms)
  /** All that are not behind are right; a rotation has waited for this long (ms) when the process starts. */
  const update = (behind: readonly string[], waited: number | null = null) =>
    entries.update({
      behind,
      right: ['alice', 'bob', 'azds'].filter((name) => !behind.includes(name)),
      waitedMs: () => waited,
    })
  return { clock, entries, update }
}

test('a rotation waits for an hour for a namespace that cannot be written, and then no more', () => {
  const { clock, entries, update } = backlog()
  update(['alice'])
  expect(entries.isAwaited('alice')).toBe(true)
  clock.ms = WAIT_LIMIT_MS - 1
  expect(entries.isAwaited('alice')).toBe(true)
  clock.ms = WAIT_LIMIT_MS
  expect(entries.isAwaited('alice')).toBe(false)
  expect(entries.isAwaited('bob')).toBe(true)
})

test('a restart in the midst of the hour does not lengthen it', () => {
  const { clock, entries, update } = backlog()
  update(['alice'], 50 * MINUTE_MS)
  clock.ms = 10 * MINUTE_MS - 1
  expect(entries.isAwaited('alice')).toBe(true)
  clock.ms = 10 * MINUTE_MS
  expect(entries.isAwaited('alice')).toBe(false)
})

test('what has been right since the restart has its own hour', () => {
  const { clock, entries, update } = backlog()
  update([], 50 * MINUTE_MS)
  update(['alice'], 50 * MINUTE_MS)
  clock.ms = WAIT_LIMIT_MS - 1
  expect(entries.isAwaited('alice')).toBe(true)
  clock.ms = WAIT_LIMIT_MS
  expect(entries.isAwaited('alice')).toBe(false)
})

test.each([
  ['no rotation is under way', null, 5, null],
  ['there is no authority yet', undefined, 5, null],
  ['it was a space before', 1000, 500, 9000],
  ['it became a space meanwhile', 1000, 4000, 6000],
  ['nobody knows since when it is a space', 1000, null, 9000],
  ['the clock was set back', 50_000, 500, 0],
] as const)(
  'where %s, a rotation has waited for a space accordingly',
  (_, announced, since, ms) => {
    expect(waitedFor(announced && new Date(announced), since, 10_000)).toBe(ms)
  },
)

test('our own namespace is always waited for: if it cannot be written, nothing of ours can', () => {
  const { clock, entries, update } = backlog()
  update(['azds'])
  clock.ms = 10 * WAIT_LIMIT_MS
  expect(entries.isAwaited('azds')).toBe(true)
})

test('what is right again begins anew, but not what somebody changes back within a minute', () => {
  const { clock, entries, update } = backlog()
  update(['alice', 'bob'])
  clock.ms = 59 * MINUTE_MS
  update([])
  clock.ms += MINUTE_MS - 1
  update(['bob'])
  clock.ms += 1
  update(['alice', 'bob'])
  expect(entries.isAwaited('alice')).toBe(true)
  expect(entries.isAwaited('bob')).toBe(false)
})

test('it tells who is behind for more than a minute, since when, and what the API server said', () => {
  const { clock, entries, update } = backlog()
  update(['alice', 'bob'])
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
  update(['alice'])
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
