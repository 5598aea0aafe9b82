import { expect, test } from '@jest/globals'
import { median, pairedRatios, quantile, spreadOf } from '../../bench/statistics.ts'

test.each([
  [[5], 0.5, 5],
  [[3, 1, 2], 0.5, 2],
  [[4, 1, 3, 2], 0.5, 2.5],
  [[0, 10], 0.99, 9.9],
  [[7, 8, 9], 0, 7],
  [[7, 8, 9], 1, 9],
])('of %j the quantile %d is %d', (values, q, expected) => {
  expect(quantile(values, q)).toBeCloseTo(expected)
})

test('no values have no median and no spread', () => {
  expect(median([])).toBeNaN()
  expect(spreadOf([])).toBeNull()
})

test('a spread is the median with the least and the greatest, and leaves the values in order', () => {
  const values = [30, 10, 20]
  expect(spreadOf(values)).toEqual({ median: 20, min: 10, max: 30 })
  expect(values).toEqual([30, 10, 20])
})

test('ratios pair what was measured in the same round, and skip rounds that lack a half', () => {
  expect(pairedRatios([10, null, 30, 40, 50], [20, 20, null, 10, 0])).toEqual([0.5, 4])
})
