import { expect, test } from '@jest/globals'
import { countOf, droppedIn } from '../../../bench/readers/trace-batch.ts'
import type { TraceBatch } from '../../../core/trace-record.ts'

const batch = (paths: string[], dropped: number) => {
  const records = paths.map((path) => ({ traceId: 'a', parentSpanId: null, path }))
  return Buffer.from(
    JSON.stringify({ namespace: 'n', pod: 'p', dropped, records } as unknown as TraceBatch),
  )
}

test('records are counted, also where a value looks like one', () => {
  expect(countOf(batch(['/', '/a', '{"parentSpanId":null}'], 0))).toBe(3)
  expect(countOf(batch([], 0))).toBe(0)
})

test('the sidecar’s own count of dropped records is found', () => {
  expect(droppedIn(batch(['/'], 4711))).toBe(4711)
  expect(droppedIn(Buffer.from('{}'))).toBe(0)
})
