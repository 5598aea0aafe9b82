import { expect, test } from '@jest/globals'
import { judgeTraces } from '../../bench/trace-audit.ts'

const totals = { exchanges: 1010, arrived: 900, dropped: 110, broken: 0 }

test('records that arrived or were counted as dropped are what is wanted', () => {
  expect(judgeTraces('azds', totals, 1000)).toEqual({
    note: 'azds: 900 trace records arrived and 110 counted as dropped, of 1010 exchanges',
    problem: null,
  })
})

test.each([
  [{ ...totals, broken: 2 }, 1000, '2 trace batches were broken'],
  [totals, 2000, '2000 requests were answered and 1010 recorded'],
  [{ ...totals, arrived: 899 }, 1000, '1 trace records are unaccounted for'],
])('traces that do not add up are a problem (%#)', (found, expected, problem) => {
  expect(judgeTraces('azds', found, expected).problem).toBe(problem)
})
