import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isShared, KnownChunks } from '../../proxy/known-chunks.ts'

const MOST_KEPT = 128 * 1024

/** What a transport has read, and what is made of it. */
function reading() {
  const landing = Buffer.alloc(65_536)
  const chunks = new KnownChunks(landing)
  const read = (text: string): Buffer | null => {
    landing.fill(0xee, 0, text.length + 64)
    landing.write(text, 'latin1')
    const found = chunks.find(text.length)
    landing.fill(0xee, 0, text.length)
    return found
  }
  return { chunks, read }
}

const HEAD =
  'GET /catalogue/list HTTP/1.1\r\nHost: shop.example.test\r\nAccept: */*\r\nCookie: a=1\r\n\r\n'

test('bytes that come again are one buffer, which the next read does not change', () => {
  const { read } = reading()
  expect(read(HEAD)).toBeNull()
  const learnt = read(HEAD)
  const met = read(HEAD)
  expect(met).not.toBeNull()
  expect(met).toBe(learnt)
  expect(met?.toString('latin1')).toBe(HEAD)
  expect(isShared(met as Buffer)).toBe(true)
  expect(isShared(Buffer.from(HEAD))).toBe(false)
})

test.each([18, 19, 20, 21, HEAD.length])('of %d bytes, each counts', (length) => {
  const text = HEAD.slice(0, length)
  const { read } = reading()
  for (let i = 0; i < 3; i++) read(text)
  for (let at = 0; at < length; at++) {
    const other = `${text.slice(0, at)}~${text.slice(at + 1)}`
    for (let i = 0; i < 3; i++) expect(read(other)?.toString('latin1') ?? other).toBe(other)
    expect(read(text)?.toString('latin1')).toBe(text)
  }
  const shorter = text.slice(0, -1)
  expect(read(shorter)?.toString('latin1') ?? shorter).toBe(shorter)
})

test('whatever comes in whatever order, what is found has its bytes', () => {
  const piece = fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    'Host: a\r\n',
    'Host: b\r\n',
    'x',
    'y',
    '\r\n',
  )
  const text = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''))
  const world = reading()
  const found = { some: 0 }
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), fc.nat(3), (texts, times) => {
      for (let i = 0; i <= times; i++) {
        for (const one of texts) {
          const chunk = world.read(one)
          if (chunk === null) continue
          found.some++
          expect(chunk.toString('latin1')).toBe(one)
        }
      }
    }),
    { numRuns: 300 },
  )
  expect(found.some).toBeGreaterThan(100)
})

test('what never comes again is not kept, and what does takes 128 KiB at the most', () => {
  const { chunks, read } = reading()
  const head = (number: number) =>
    `GET /${number} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(950)}\r\n\r\n`
  for (let i = 0; i < 5_000; i++) expect(read(head(i))).toBeNull()
  expect(chunks.bytes).toBe(0)
  for (let i = 0; i < 5_000; i++) for (let twice = 0; twice < 3; twice++) read(head(i))
  expect(chunks.bytes).toBeGreaterThan(MOST_KEPT / 4)
  expect(chunks.bytes).toBeLessThanOrEqual(MOST_KEPT)
})

test('what is as short as no head, or long, is left alone', () => {
  const { chunks, read } = reading()
  for (let i = 0; i < 5; i++) {
    expect(read('x'.repeat(17))).toBeNull()
    expect(read('x'.repeat(1_025))).toBeNull()
  }
  expect(chunks.bytes).toBe(0)
})

test('what differs in a byte that makes no number is hardly learnt, and what is met meanwhile stays', () => {
  const { read } = reading()
  const fields = (id: number) =>
    `${HEAD.slice(0, -2)}Traceparent: ${`${id}`.padStart(8, '0')}-01\r\nZ: ${'z'.repeat(99)}\r\n\r\n`
  for (let i = 0; i < 3; i++) read(fields(0))
  const usual = read(fields(0))
  expect(usual).not.toBeNull()
  let learnt = 0
  for (let id = 1; id < 2_000; id++) {
    if (read(fields(id)) !== null) learnt++
    expect(read(fields(0))).toBe(usual)
  }
  expect(learnt).toBeGreaterThan(0)
  expect(learnt).toBeLessThan(100)
})
