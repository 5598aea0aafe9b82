import { afterEach, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { TurnMemory } from '../../proxy/turn-memory.ts'
import { spoil } from './transports.ts'

const BLOCK = 65_536

afterEach(() => {
  jest.useRealTimers()
})

test('the memory of a turn is that of the turn before', () => {
  const memory = new TurnMemory()
  const first = memory.room(100)
  expect(memory.has(first)).toBe(true)
  memory.reset()
  const second = memory.room(100)
  expect(second.buffer).toBe(first.buffer)
  expect(second.byteOffset).toBe(first.byteOffset)
})

test('what is kept stays, and memory of its own was never the turn’s', () => {
  const memory = new TurnMemory(spoil)
  const kept = memory.copy(Buffer.from('kept, and not this'), 4)
  const beside = memory.copy(Buffer.from('beside'), 6)
  memory.keep(kept)
  expect(memory.has(beside)).toBe(false)
  const huge = memory.room(BLOCK + 1).fill('x')
  expect(memory.has(huge)).toBe(false)
  memory.reset()
  memory.room(BLOCK).fill('y')
  expect(`${kept} ${beside} ${huge.length}`).toBe(`kept beside ${BLOCK + 1}`)
  expect(huge.every((byte) => byte === 0x78)).toBe(true)
})

test('after a burst the spare blocks are let go, and not as long as they are needed', () => {
  jest.useFakeTimers()
  const memory = new TurnMemory()
  const blocksOf = (turns: number) => {
    const seen = new Set<ArrayBufferLike>()
    for (let turn = 0; turn < turns; turn++) {
      for (let piece = 0; piece < 12; piece++) seen.add(memory.room(BLOCK).buffer)
      memory.reset()
    }
    return seen
  }
  const first = blocksOf(3)
  // Of twelve blocks eight wait for the next turn, beside the one in use; three come anew each time.
  expect(first.size).toBe(12 + 2 * 3)
  jest.advanceTimersByTime(5_000)
  const again = [...blocksOf(1)].filter((block) => first.has(block))
  expect(again).toHaveLength(9)
  jest.advanceTimersByTime(15_000)
  expect(jest.getTimerCount()).toBe(0)
  const later = [...blocksOf(1)].filter((block) => first.has(block) || again.includes(block))
  expect(later.length).toBeLessThanOrEqual(1)
})

type Step = { size: number; fate: 'sent' | 'kept' } | 'over'

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      size: fc.oneof(fc.nat(300), fc.nat(20_000), fc.nat(70_000)),
      fate: fc.constantFrom('sent' as const, 'sent' as const, 'sent' as const, 'kept' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant('over' as const) },
)

test('no piece is touched in its turn, and none that is kept at any time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const memory = new TurnMemory(spoil)
      const kept: { piece: Buffer; mark: number }[] = []
      let present: typeof kept = []
      const intact = ({ piece, mark }: (typeof kept)[number]) =>
        piece.every((byte) => byte === mark)
      for (const [index, each] of steps.entries()) {
        if (each === 'over') {
          expect(present.every(intact)).toBe(true)
          memory.reset()
          present = []
          continue
        }
        const mark = index % 200
        const piece = memory.room(each.size).fill(mark)
        present.push({ piece, mark })
        if (each.fate === 'sent') continue
        memory.keep(piece)
        kept.push({ piece, mark })
      }
      memory.reset()
      expect(kept.every(intact)).toBe(true)
    }),
  )
})
