import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { FairShare, type Share } from '../../core/fair-share.ts'

/** Opens shares that tell by name when they are lost. */
function world(limit: number) {
  const shares = new FairShare(limit)
  const lost: string[] = []
  const take = (source: string, amount: number, name = source) => {
    const share = shares.open(source, () => lost.push(name))
    return { share, taken: share.grow(amount) }
  }
  return { shares, lost, take }
}

test('while there is enough, everybody gets what is asked for', () => {
  const { shares, lost, take } = world(10)
  expect(take('a', 9).taken).toBe(true)
  expect(take('b', 1).taken).toBe(true)
  expect(shares.total).toBe(10)
  expect(lost).toEqual([])
})

test('who holds most and asks for more is refused, and all of that share is given back', () => {
  const { shares, lost, take } = world(10)
  take('b', 2)
  const { share } = take('a', 8)
  expect(share.grow(1)).toBe(false)
  expect(shares.total).toBe(2)
  expect(lost).toEqual([])
  expect(share.grow(1)).toBe(false)
  expect(shares.total).toBe(2)
})

test('who holds less gets it from the one that holds most, who loses what was used longest ago', () => {
  const { lost, take } = world(3)
  const first = take('a', 1, 'first')
  take('a', 1, 'second')
  take('a', 1, 'third')
  first.share.touch()
  expect(take('b', 1).taken).toBe(true)
  expect(lost).toEqual(['second'])
})

test('of two that hold the same, the one that asks for more is refused', () => {
  const { lost, take } = world(4)
  take('a', 2)
  take('b', 1)
  expect(take('b', 1).taken).toBe(true)
  expect(take('b', 1).taken).toBe(false)
  expect(take('a', 1).taken).toBe(false)
  expect(lost).toEqual([])
})

test('what is given back twice, or after it was lost, counts once', () => {
  const { shares, take } = world(2)
  const { share } = take('a', 1)
  const other = take('a', 1)
  take('b', 1)
  share.release()
  other.share.release()
  other.share.release()
  expect(shares.total).toBe(1)
})

test('more than there is of all is refused, and others lose nothing by it that would not help', () => {
  const { shares, lost, take } = world(5)
  take('a', 1)
  expect(take('b', 6).taken).toBe(false)
  expect(lost).toEqual([])
  expect(shares.total).toBe(1)
})

type Step = { source: number; what: 'take' | 'grow' | 'touch' | 'release'; amount: number }
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    source: fc.integer({ min: 0, max: 4 }),
    what: fc.constantFrom('take', 'grow', 'touch', 'release'),
    amount: fc.integer({ min: 0, max: 12 }),
  }),
  { maxLength: 80 },
)

test('whatever happens, no more is held than there is, and all that is held is accounted for', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const shares = new FairShare(20)
      const held = new Map<Share, number>()
      for (const { source, what, amount } of all) {
        const last = [...held.keys()].at(-1)
        if (what === 'take') {
          const share: Share = shares.open(`${source}`, () => held.delete(share))
          if (share.grow(amount)) held.set(share, amount)
        } else if (last && what === 'grow') {
          const before = held.get(last) ?? 0
          if (last.grow(amount)) held.set(last, before + amount)
          else held.delete(last)
        } else if (last && what === 'touch') last.touch()
        else if (last && what === 'release') {
          last.release()
          held.delete(last)
        }
        const sum = [...held.values()].reduce((total, one) => total + one, 0)
        expect(shares.total).toBe(sum)
        expect(sum).toBeLessThanOrEqual(20)
      }
    }),
  )
})

test('a source that asks for little is never refused, and loses nothing, while another holds more', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 60 }), (amounts) => {
      const { lost, take } = world(100)
      for (const amount of amounts) take('greedy', amount)
      for (let count = 0; count < 10; count += 1) expect(take('modest', 4).taken).toBe(true)
      for (const amount of amounts) take('greedy', amount)
      expect(lost).not.toContain('modest')
    }),
  )
})
