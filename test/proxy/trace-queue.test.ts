import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { TraceQueue } from '../../proxy/trace-queue.ts'

function trace(bytes = 100) {
  return { bytes, json: () => '{}' }
}

test('what has been taken out is not held any more', async () => {
  const queue = new TraceQueue({ records: 1000, bytes: 1e9 })
  const taken: WeakRef<object>[] = []
  for (let i = 0; i < 100; i++) queue.push(trace())
  for (let i = 0; i < 90; i++) taken.push(new WeakRef(queue.shift() as object))
  await new Promise((resolve) => setImmediate(resolve))
  setFlagsFromString('--expose_gc')
  runInNewContext('gc')()
  expect(taken.filter((ref) => ref.deref() !== undefined)).toHaveLength(0)
  expect(queue.length).toBe(10)
})

test('traces come out in the order in which they went in, however many have gone before', () => {
  const queue = new TraceQueue({ records: 10_000, bytes: 1e9 })
  let next = 0
  for (let i = 0; i < 6000; i++) {
    queue.push(trace(i))
    if (i % 3 === 0) continue
    expect(queue.shift()?.bytes).toBe(next++)
  }
  for (let left = queue.length; left > 0; left--) expect(queue.shift()?.bytes).toBe(next++)
  expect([next, queue.shift(), queue.bytes, queue.length]).toEqual([6000, null, 0, 0])
})
