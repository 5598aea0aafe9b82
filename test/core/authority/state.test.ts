/** The table of stages, row by row. */
import { expect, test } from '@jest/globals'
import { createAuthority } from '../../../core/authority/certificate.ts'
import {
  type AuthorityState,
  afterStep,
  bundleOfState,
  dueStep,
  firstState,
  type Moment,
  stageOf,
} from '../../../core/authority/state.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const limits = { authorityMs: 360 * DAY_MS, leafMs: 7 * DAY_MS, settleMs: 10 * MINUTE_MS }
const start = new Date('2026-01-01T00:00:00Z')
const after = (ms: number) => new Date(start.getTime() + ms)
const make = (now = start) => createAuthority({ subject: 'x', lifeMs: limits.authorityMs, now })
const [one, two] = await Promise.all([make(), make(after(DAY_MS))])

const stable = firstState(one, start)
const announced: AuthorityState = { ...stable, next: two, since: start }
const switched: AuthorityState = { ...stable, current: two, previous: one.cert, since: start }

const action = (state: AuthorityState, ms: number, publishedForMs: Moment['publishedForMs'] = 0) =>
  dueStep(state, { now: after(ms), publishedForMs }, limits)?.action ?? null

test.each([
  ['stable, young', stable, 0, null],
  ['stable, just before two thirds', stable, 240 * DAY_MS - MINUTE_MS, null],
  ['stable, at two thirds', stable, 240 * DAY_MS, 'announce'],
  ['stable, and asked for', { ...stable, asked: 'now' }, 0, 'announce'],
  ['stable, what was asked for has been begun', { ...stable, asked: 'a', begun: 'a' }, 0, null],
  ['stable, asked for once more', { ...stable, asked: 'b', begun: 'a' }, 0, 'announce'],
  ['stable, nothing is asked any more', { ...stable, asked: '', begun: 'a' }, 0, null],
  ['stable, with a clock that is a little behind', stable, -5 * MINUTE_MS, null],
  ['stable, before it is valid: a clock was set back', stable, -6 * MINUTE_MS, 'announce'],
  ['switched, leaves of the old one may live', switched, 7 * DAY_MS, null],
  ['switched, none can live', switched, 7 * DAY_MS + 5 * MINUTE_MS, 'retire'],
  ['switched, and asked for: one after the other', { ...switched, asked: 'x' }, DAY_MS, null],
] as const)('%s', (_, state, ms, expected) => {
  expect(action(state, ms)).toBe(expected)
})

test.each([
  ['not everywhere', null, null],
  ['everywhere, not long enough', 10 * MINUTE_MS - 1, null],
  ['everywhere for the settle time', 10 * MINUTE_MS, 'switch'],
] as const)('announced, published %s', (_, publishedForMs, expected) => {
  expect(action(announced, 300 * DAY_MS, publishedForMs)).toBe(expected)
})

test('an announced one that is not valid yet, as a clock was set back, signs nothing', () => {
  expect(action(announced, DAY_MS - 6 * MINUTE_MS, limits.settleMs)).toBeNull()
  expect(action(announced, DAY_MS - 5 * MINUTE_MS, limits.settleMs)).toBe('switch')
})

test('the steps lead round, and nothing is trusted that is not needed', () => {
  const step = (name: 'announce' | 'switch' | 'retire') => ({ action: name, reason: '' })
  const asked = { ...stable, asked: 'please' }
  const first = afterStep(asked, step('announce'), after(1), two)
  expect(first).toEqual({ ...asked, next: two, since: after(1), begun: 'please' })
  const second = afterStep(first, step('switch'), after(2), null)
  expect(second).toEqual({
    ...first,
    current: two,
    next: null,
    previous: one.cert,
    since: after(2),
  })
  const third = afterStep(second, step('retire'), after(3), null)
  expect(third).toEqual({ ...second, previous: null, since: after(3) })
  const states = [stable, first, second, third]
  expect(states.map(stageOf)).toEqual(['stable', 'announced', 'switched', 'stable'])
  const [a, b] = [one.cert.trim(), two.cert.trim()]
  expect(states.map((state) => bundleOfState(state).trim())).toEqual([
    a,
    `${a}\n${b}`,
    `${b}\n${a}`,
    b,
  ])
})
