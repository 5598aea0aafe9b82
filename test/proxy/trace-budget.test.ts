import { expect, test } from '@jest/globals'
import { loopUtilization, TraceBudget } from '../../proxy/trace-budget.ts'

/** Pauses for a millisecond of work under a load, as a share of the time that was worked. */
function shareAt(busy: number): number {
  const budget = new TraceBudget({ busy: () => busy })
  budget.spend(1, 0)
  return 1 / (1 + budget.pause())
}

test.each([
  [0, 0.5],
  [0.3, 0.25],
  [0.6, 0.005],
  [1, 0.005],
  [1.01, 0.005],
])('of a process that is busy for %d of its time, records get %d', (busy, share) => {
  expect(shareAt(busy)).toBeCloseTo(share, 5)
})

test('a pause is for all that was spent since the last', () => {
  const budget = new TraceBudget({ busy: () => 1 })
  budget.spend(1, 10)
  budget.spend(1, 0)
  expect(budget.pause()).toBeCloseTo(398, 5)
  expect(budget.pause()).toBe(0)
})

test('a machine that stood still in the middle of it costs a second of records, and no more', () => {
  const budget = new TraceBudget({ busy: () => 1 })
  budget.spend(700, 1)
  expect(budget.pause()).toBe(1000)
  expect(budget.pause()).toBe(0)
})

test('as many records may wait as can be sent in a second, but at least 1,000 and at most 2,000', () => {
  let busy = 0
  const budget = new TraceBudget({ busy: () => busy })
  for (let i = 0; i < 100; i++) budget.spend(0.1, 10)
  // 0.01 ms a record: half a core makes 50,000 of them in a second.
  expect(budget.pause()).toBeGreaterThan(0)
  expect(budget.mostWaiting).toBe(2000)
  busy = 1
  budget.pause()
  expect(budget.mostWaiting).toBe(1000)
  busy = 0.58
  budget.pause()
  expect(budget.mostWaiting).toBeGreaterThan(1000)
  expect(budget.mostWaiting).toBeLessThan(2000)
  busy = 1
  budget.pause()
  expect(budget.mostWaiting).toBe(1000)
})

test('the load is told of a tenth of a second at least: a moment is the asker’s own', async () => {
  let time = 0
  const busy = loopUtilization(() => time)
  await new Promise((resolve) => setTimeout(resolve, 20))
  time = 99
  expect(busy()).toBe(0)
  time = 100
  const told = busy()
  expect(told).toBeGreaterThan(0)
  expect(told).toBeLessThanOrEqual(1)
  time = 199
  expect(busy()).toBe(told)
})
