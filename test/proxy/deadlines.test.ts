import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Deadlines, type Waiting } from '../../proxy/deadlines.ts'

interface Entry extends Waiting {
  name: number
}

const entry = (name: number): Entry => ({ name, due: 0, earlier: null, later: null })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('what is not ended in time is told of once, in the order of its beginning', async () => {
  const told: number[] = []
  const list = new Deadlines<Entry>(20, ({ name }) => told.push(name))
  const entries = [0, 1, 2, 3].map(entry)
  const [first, second, third, fourth] = entries as [Entry, Entry, Entry, Entry]
  list.begin(first)
  list.begin(second)
  await pause(10)
  list.begin(third)
  list.begin(fourth)
  list.end(second)
  list.end(second)
  while (told.length < 3) await pause(5)
  await pause(60)
  expect(told).toEqual([0, 2, 3])
})

test('one that begins again in its own time waits the whole time again', async () => {
  const began = performance.now()
  const told: number[] = []
  const list = new Deadlines<Entry>(20, (present) => {
    told.push(performance.now() - began)
    if (told.length < 2) list.begin(present)
  })
  list.begin(entry(0))
  while (told.length < 2) await pause(5)
  expect(told[1]).toBeGreaterThanOrEqual(39)
})

test('one that begins again delays none of those that wait already', async () => {
  // Longer than a machine stands still, so that the second waits no more than the rest of its own time.
  const ms = 2000
  const began = performance.now()
  const told: [number, number][] = []
  const list = new Deadlines<Entry>(ms, (present) => {
    told.push([present.name, performance.now() - began])
    if (present.name === 0) list.begin(present)
  })
  const [first, second] = [entry(0), entry(1)]
  list.begin(first)
  await pause(50)
  list.begin(second)
  while (told.length < 2) await pause(5)
  list.end(first)
  expect(told.map(([name]) => name)).toEqual([0, 1])
  expect(told[1]?.[1]).toBeLessThan(2 * ms - 10)
})

test('whatever begins and ends, those that are left are told of', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 9 }), { maxLength: 60 }), async (steps) => {
      const told: number[] = []
      const list = new Deadlines<Entry>(1, ({ name }) => told.push(name))
      const entries = Array.from({ length: 10 }, (_, name) => entry(name))
      const waiting: number[] = []
      for (const step of steps) {
        const at = waiting.indexOf(step)
        if (at >= 0) {
          waiting.splice(at, 1)
          list.end(entries[step] as Entry)
        } else {
          waiting.push(step)
          list.begin(entries[step] as Entry)
        }
      }
      for (let i = 0; i < 2000 && told.length < waiting.length; i++) await pause(1)
      expect(told).toEqual(waiting)
    }),
    { numRuns: 60 },
  )
})
