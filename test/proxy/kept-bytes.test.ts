import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { KeptBytes } from '../../proxy/kept-bytes.ts'

/** Numbers above 0 add so many bytes, those below take so many out. */
const steps = fc.array(
  fc.oneof(
    fc.integer({ min: -200, max: 200 }),
    fc.integer({ min: -40_000, max: 40_000 }),
    fc.constantFrom(-1, 1, 16_383, 16_384, 16_385),
  ),
  { maxLength: 60 },
)

test('what is taken out is what was added, in order, and stays as it is', () => {
  fc.assert(
    fc.property(steps, (numbers) => {
      const kept = new KeptBytes()
      const added: number[] = []
      const taken: Buffer[] = []
      for (const step of numbers) {
        if (step <= 0) taken.push(kept.take(-step))
        else {
          const bytes = Buffer.from(
            Array.from({ length: step }, (_, i) => (added.length + i) % 251),
          )
          added.push(...bytes)
          kept.add(bytes)
          bytes.fill(0xee)
        }
      }
      const rest = kept.toBuffer()
      expect(rest.length).toBe(kept.length)
      expect(Buffer.concat([...taken, rest]).equals(Buffer.from(added))).toBe(true)
    }),
    { numRuns: 200 },
  )
})

test('nothing more is taken out than is asked for, and there is', () => {
  const kept = new KeptBytes()
  expect(kept.take(10)).toHaveLength(0)
  kept.add(Buffer.from('abc'))
  kept.add(Buffer.alloc(0))
  expect(kept.take(2).toString()).toBe('ab')
  expect(kept.take(2).toString()).toBe('c')
  expect(kept.length).toBe(0)
})

test('bytes that come one by one share their memory', () => {
  const kept = new KeptBytes()
  for (let i = 0; i < 100_000; i++) kept.add(Buffer.of(i & 255))
  const memory = new Set<ArrayBufferLike>()
  let pieces = 0
  for (let piece = kept.take(65_536); piece.length > 0; piece = kept.take(65_536)) {
    memory.add(piece.buffer)
    pieces++
  }
  const bytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0)
  // With what Node cuts small buffers from. A buffer for each byte would be 12 MB.
  expect(bytes).toBeLessThan(400_000)
  expect(pieces).toBeLessThan(20)
})
