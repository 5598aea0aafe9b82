import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  decodeHuffman,
  encodeHuffman,
  huffmanLength,
  maxDecodedBytes,
} from '../../../../proxy/http2/hpack/huffman.ts'

function encoded(text: string): Buffer {
  const target = Buffer.alloc(huffmanLength(text) + 4, 0x55)
  const end = encodeHuffman(text, target, 2)
  expect(end - 2).toBe(huffmanLength(text))
  expect(target.toString('hex', end)).toMatch(/^(55)*$/)
  return target.subarray(2, end)
}

function decoded(code: Buffer): string | null {
  const target = Buffer.alloc(maxDecodedBytes(code.length))
  const length = decodeHuffman(code, 0, code.length, target)
  return length < 0 ? null : target.toString('latin1', 0, length)
}

test.each([
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['302', '6402'],
  ['', ''],
])('%p is %s', (text, code) => {
  expect(encoded(text).toString('hex')).toBe(code)
  expect(decoded(Buffer.from(code, 'hex'))).toBe(text)
})

test('every byte comes back, alone and between others', () => {
  for (let byte = 0; byte < 256; byte++) {
    const text = String.fromCharCode(byte)
    expect(decoded(encoded(text))).toBe(text)
    expect(decoded(encoded(`${text}a${text}${text}`))).toBe(`${text}a${text}${text}`)
  }
})

const latin1 = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

test('any string comes back', () => {
  fc.assert(fc.property(latin1, (text) => decoded(encoded(text)) === text))
})

test('any bytes are either refused or the one code of what they decode to', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const code = Buffer.from(bytes)
      const text = decoded(code)
      return text === null || encoded(text).equals(code)
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  ['a byte of ones alone is padding of eight bits', 'ff'],
  ['padding of zeros', '18'],
  ['padding of more than seven bits', '1fff'],
  ['the end of string', 'fffffffc'],
])('%s is refused', (_, code) => {
  expect(decoded(Buffer.from(code, 'hex'))).toBeNull()
})
