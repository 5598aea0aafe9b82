import { expect, test } from '@jest/globals'
import { whatIsAdded } from '../../bench/rows/server-first.ts'

/** So many times, of which the slowest 2 in 100 took longer. */
const times = (usual: number, slow: number) =>
  Array.from({ length: 1000 }, (_, at) => (at % 50 === 7 ? slow : usual))

test('what is added is the difference of the same quantiles, and chance shows beside it', () => {
  const added = whatIsAdded({ through: times(0.5, 4), past: times(0.25, 3), again: times(0.25, 3) })
  expect(added).toEqual({ p50Ms: 0.25, p99Ms: 1, firstMs: 0.25, noiseMs: 0, pairsMs: 1 })
})

test('a tail that only the way through has counts in full', () => {
  const quiet = times(0.25, 0.25)
  const { p50Ms, p99Ms, noiseMs } = whatIsAdded({
    through: times(0.5, 4.25),
    past: quiet,
    again: quiet,
  })
  expect({ p50Ms, p99Ms, noiseMs }).toEqual({ p50Ms: 0.25, p99Ms: 4, noiseMs: 0 })
})

test('direct connections that differ among themselves are shown as noise', () => {
  const added = whatIsAdded({
    through: times(0.5, 2),
    past: times(0.25, 2),
    again: times(0.25, 1.5),
  })
  expect(added['noiseMs']).toBe(0.5)
})
