/** The host's share of the processors' time. */
import { expect, test } from '@jest/globals'
import { processorTimeOf, stolenTime } from '../../bench/control/stolen-time.ts'

const stat = (...ticks: number[]) => `cpu  ${ticks.join(' ')}\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5\n`

test('all but the guests counts as time, the eighth is stolen', () => {
  expect(processorTimeOf(stat(10, 1, 5, 70, 2, 0, 4, 8, 9, 1))).toEqual({ all: 100, stolen: 8 })
})

test('the share is of the time since the beginning', () => {
  const texts = [stat(0, 0, 0, 100, 0, 0, 0, 20, 0, 0), stat(50, 0, 0, 130, 0, 0, 0, 40, 0, 0)]
  const share = stolenTime(() => texts.shift() ?? '')
  expect(share()).toBeCloseTo(0.2)
})
