import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  limitsOf,
  nextNewSize,
  nextOldSizes,
  type SetCount,
} from '../../../playground/controllers/rollout.ts'

test.each([
  [{ maxSurge: '25%', maxUnavailable: '25%' }, 4, { maxSurge: 1, maxUnavailable: 1 }],
  [{ maxSurge: '25%', maxUnavailable: '25%' }, 1, { maxSurge: 1, maxUnavailable: 0 }],
  [{ maxSurge: 0, maxUnavailable: '10%' }, 3, { maxSurge: 0, maxUnavailable: 1 }],
  [{ maxSurge: 2, maxUnavailable: 0 }, 3, { maxSurge: 2, maxUnavailable: 0 }],
])('%p of %p replicas allows %p', (rolling, replicas, expected) => {
  expect(limitsOf(rolling, replicas)).toEqual(expected)
})

const set = (name: string, desired: number, available: number): SetCount => ({
  name,
  desired,
  available,
})

test.each([
  ['a first rollout goes straight to its size', 3, set('new', 0, 0), [], 3],
  ['an update adds no more than the surge', 3, set('new', 0, 0), [set('old', 3, 3)], 1],
  ['what shrank makes room', 3, set('new', 1, 1), [set('old', 2, 2)], 2],
  ['a smaller size is taken at once', 2, set('new', 5, 5), [], 2],
])('%s', (_, replicas, current, old, expected) => {
  const limits = { maxSurge: 1, maxUnavailable: 0 }
  expect(nextNewSize(replicas, current, old, limits)).toBe(expected)
})

test('pods that serve nobody go first, and without waiting for new ones', () => {
  const sizes = nextOldSizes(3, set('new', 1, 0), [set('bad', 1, 0), set('good', 3, 3)], {
    maxSurge: 1,
    maxUnavailable: 0,
  })
  expect(Object.fromEntries(sizes)).toEqual({ bad: 0, good: 3 })
})

test('a rollout always ends, with never too few available and never too many pods', () => {
  const cases = fc.record({
    replicas: fc.integer({ min: 0, max: 8 }),
    before: fc.integer({ min: 0, max: 8 }),
    maxSurge: fc.integer({ min: 0, max: 3 }),
    maxUnavailable: fc.integer({ min: 0, max: 3 }),
  })
  fc.assert(
    fc.property(cases, ({ replicas, before, ...rolling }) => {
      const limits = limitsOf(rolling, replicas)
      let current = set('new', 0, 0)
      let old = set('old', before, before)
      const floor = Math.min(before, replicas - limits.maxUnavailable)
      const ceiling = Math.max(before, replicas + limits.maxSurge)
      for (let step = 0; step < 40; step++) {
        current = { ...current, desired: nextNewSize(replicas, current, [old], limits) }
        const size = nextOldSizes(replicas, current, [old], limits).get('old') ?? 0
        old = set('old', size, Math.min(old.available, size))
        expect(current.desired + old.desired).toBeLessThanOrEqual(ceiling)
        expect(current.available + old.available).toBeGreaterThanOrEqual(floor)
        // One more pod of the new version becomes available.
        current = { ...current, available: Math.min(current.available + 1, current.desired) }
      }
      expect([current.available, old.desired]).toEqual([replicas, 0])
    }),
  )
})
