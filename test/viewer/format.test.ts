/** Numbers and bodies as people read them. */
import { expect, test } from '@jest/globals'
import { formatBytes, formatDuration, formatTime, readableBody } from '../../viewer/format.ts'

test.each([
  [0, '0 ms'],
  [0.42, '0.4 ms'],
  [9.96, '10 ms'],
  [12.4, '12 ms'],
  [999.4, '999 ms'],
  [999.6, '1 s'],
  [1250, '1.25 s'],
  [10_000, '10 s'],
  [59_999, '1 min 0 s'],
  [125_000, '2 min 5 s'],
])('%s ms is written %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1234, '1.2 kB'],
  [60_000_000, '60 MB'],
  [999_999, '1 MB'],
])('%s bytes are written %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test('a time of day has milliseconds', () => {
  expect(formatTime(new Date(2026, 2, 1, 4, 5, 6, 7).getTime())).toBe('04:05:06.007')
})

const body = (bytes: string | Uint8Array, truncated = false) => ({
  base64: Buffer.from(bytes).toString('base64'),
  truncated,
})

test.each([
  ['JSON is indented', body('{"a":1}'), '{\n  "a": 1\n}', ''],
  ['text stays as it is', body('größe'), 'größe', ''],
  ['JSON that was cut is shown as it is', body('{"a":', true), '{"a":', 'first 5 B only'],
  [
    'a character that was cut is left out',
    body(Buffer.from('aé').subarray(0, 2), true),
    'a',
    'first 2 B only',
  ],
  ['other bytes are hex', body(Uint8Array.of(0xff, 0, 1)), 'ff 00 01', 'not text, as hex'],
  ['nothing is nothing', body(''), '', ''],
])('%s', (_what, captured, text, note) => {
  expect(readableBody(captured, [])).toEqual({ text, note })
})

test('a compressed body is not taken for text', () => {
  const { text, note } = readableBody(body('abc'), [['Content-Encoding', 'gzip']])
  expect({ text, note }).toEqual({ text: '61 62 63', note: 'compressed (gzip), as hex' })
})
