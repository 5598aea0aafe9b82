import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { StreamTable } from '../../../proxy/http2/stream-table.ts'

test('it finds what a Map finds, with streams that come, go and stay', () => {
  // True: a new stream; a number: one that goes, counted from the oldest.
  const steps = fc.array(fc.oneof(fc.constant(true as const), fc.nat(60)), { maxLength: 600 })
  fc.assert(
    fc.property(steps, (all) => {
      const table = new StreamTable<{ number: number }>()
      const map = new Map<number, { number: number }>()
      let next = 1
      for (const step of all) {
        if (step === true) {
          const item = { number: next }
          table.add(next, item)
          map.set(next, item)
          next += 2
        } else {
          const number = [...map.keys()][step] ?? step
          table.delete(number)
          map.delete(number)
        }
        expect(table.size).toBe(map.size)
      }
      for (let number = 1; number < next; number += 2) {
        expect(table.get(number)).toBe(map.get(number))
      }
      expect(table.all().map(({ item }) => item)).toEqual([...map.values()])
    }),
    { numRuns: 200 },
  )
})

test('one stream that stays does not make the table grow with those that come and go', () => {
  const table = new StreamTable<{ number: number }>()
  const first = { number: 1 }
  table.add(1, first)
  for (let number = 3; number < 100_001; number += 2) {
    table.add(number, { number })
    table.delete(number)
  }
  expect(table.get(1)).toBe(first)
  expect(table.all()).toEqual([{ number: 1, item: first }])
  table.clear()
  expect(table.get(1)).toBeUndefined()
})
