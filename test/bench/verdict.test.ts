import { expect, test } from '@jest/globals'
import type { Goal, Sample } from '../../bench/row.ts'
import { judge, problemsOf } from '../../bench/verdict.ts'

const samples = (values: (number | string)[]): Sample[] =>
  values.map((value) =>
    typeof value === 'string'
      ? { ok: false, problem: value }
      : { ok: true, values: { speed: value } },
  )

const goal = (changes: Partial<Goal> = {}): Goal => ({
  level: 'must',
  metric: 'speed',
  of: 'azds',
  against: ['nginx'],
  better: 'higher',
  bound: 0.9,
  ...changes,
})

const judgeOne = (wanted: Goal, measured: Record<string, Sample[]>) =>
  judge([wanted], { samples: measured, notes: [] })[0]

test('a goal is met by the median of the ratios within each round', () => {
  const measured = { azds: samples([90, 200, 45]), nginx: samples([100, 200, 50]) }
  expect(judgeOne(goal(), measured)).toMatchObject({
    met: true,
    against: 'nginx',
    spread: { median: 0.9, min: 0.9, max: 1 },
  })
  expect(judgeOne(goal({ bound: 0.91 }), measured)?.met).toBe(false)
})

test('of several peers the best one counts', () => {
  const measured = {
    azds: samples([100]),
    nginx: samples([80]),
    haproxy: samples([125]),
  }
  const several = goal({ against: ['nginx', 'haproxy', 'absent'] })
  expect(judgeOne(several, measured)).toMatchObject({ against: 'haproxy', spread: { median: 0.8 } })
  const lower = goal({ against: ['nginx', 'haproxy'], better: 'lower', bound: 1.5 })
  expect(judgeOne(lower, measured)).toMatchObject({ against: 'nginx', met: true })
})

test('a goal without a peer is about the value', () => {
  const limit = goal({ against: null, better: 'lower', bound: 55 })
  expect(judgeOne(limit, { azds: samples([54, 60, 50]) })).toMatchObject({
    met: true,
    spread: { median: 54 },
  })
})

test('void rounds are left out, and a goal of which nothing is left is not met', () => {
  const half = { azds: samples([90, 'errors']), nginx: samples(['errors', 100]) }
  expect(judgeOne(goal(), half)).toMatchObject({ met: false, spread: null })
  expect(judgeOne(goal(), {})).toMatchObject({ met: false, spread: null })
})

test('problems are listed once, with what they cost', () => {
  expect(problemsOf(samples([1, 'a', 'b', 'a']))).toEqual([
    { problem: 'a', rounds: 2 },
    { problem: 'b', rounds: 1 },
  ])
})
