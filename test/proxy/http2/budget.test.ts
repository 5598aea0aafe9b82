import { expect, test } from '@jest/globals'
import { Budget } from '../../../proxy/http2/budget.ts'

test('an allowance is used up by a burst, and filled again by time and by work, never above the burst', () => {
  let now = 0
  const budget = new Budget({ burst: 3, perSecond: 10 }, () => now)
  const spend = () => [1, 2, 3, 4].map(() => budget.spend())
  expect(spend()).toEqual([true, true, true, false])
  now = 100
  expect(spend()).toEqual([true, false, false, false])
  budget.earn(2)
  expect(spend()).toEqual([true, true, false, false])
  now = 1_000_000
  expect(spend()).toEqual([true, true, true, false])
})
