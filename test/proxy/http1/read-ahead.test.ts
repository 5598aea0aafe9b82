import { expect, test } from '@jest/globals'
import { ReadAhead } from '../../../proxy/http1/read-ahead.ts'

test('what comes byte by byte is kept in few pieces, in order', () => {
  const ahead = new ReadAhead()
  const sent = Buffer.from(Array.from({ length: 60_000 }, (_, i) => i % 251))
  for (const byte of sent) {
    const chunk = Buffer.of(byte)
    ahead.add(chunk)
    ahead.copyLeftOf(chunk)
    chunk.fill(0xee)
  }
  expect(ahead.isFull).toBe(false)
  const pieces: Buffer[] = []
  while (!ahead.isEmpty) pieces.push(ahead.take())
  expect(Buffer.concat(pieces).equals(sent)).toBe(true)
  expect(pieces.length).toBeLessThan(100)
})
