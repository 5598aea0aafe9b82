import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'
import { oddRequests, oddResponses } from './odd-messages.ts'

/** What a reader finds in a head that comes in these pieces, and where the head ends. */
function read(kind: 'request' | 'response', bytes: Buffer, cuts: number[]) {
  const reader = new HeadReader(kind)
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    const result = reader.read(bytes.subarray(from, to), 0)
    const { scanner, base } = reader
    if (result === 'refused') return { result, problem: scanner.problem }
    if (result !== 'more') {
      const { start, methodEnd, targetEnd, minor, status, fields, position } = scanner
      const texts = [scanner.fieldsFrom, ...fields.offsets]
      const parts = kind === 'request' ? [methodEnd, targetEnd] : [status]
      expect(reader.buffer.toString('latin1', base, base + position)).toBe(
        bytes.toString('latin1', 0, position),
      )
      expect(from + reader.next).toBe(position)
      return { result, start, parts, minor, texts, position }
    }
    from = to
  }
  return { result: 'more' }
}

test.each([
  ['request', oddRequests],
  ['response', oddResponses],
] as const)(
  'the head of a %s is the same whole, cut anywhere, and byte by byte',
  (kind, texts) => {
    fc.assert(
      fc.property(texts, fc.nat(200), (text, cut) => {
        const bytes = Buffer.from(text, 'latin1')
        const whole = read(kind, bytes, [])
        expect(read(kind, bytes, [Math.min(cut, bytes.length)])).toEqual(whole)
        expect(
          read(
            kind,
            bytes,
            Array.from({ length: bytes.length }, (_, at) => at),
          ),
        ).toEqual(whole)
      }),
      { numRuns: 1_500 },
    )
  },
  60_000,
)
