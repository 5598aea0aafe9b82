import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  INTEGER_CUT,
  INTEGER_TOO_LONG,
  MAX_INTEGER_BYTES,
  readInteger,
  writeInteger,
} from '../../../../proxy/http2/hpack/integer.ts'

function written(value: number, bits: number, pattern = 0): Buffer {
  const target = Buffer.alloc(MAX_INTEGER_BYTES)
  return target.subarray(0, writeInteger(target, 0, value, bits, pattern))
}

test.each([
  [10, 5, '0a'],
  [1337, 5, '1f9a0a'],
  [42, 8, '2a'],
  [31, 5, '1f00'],
  [127, 7, '7f00'],
])('%d with a prefix of %d bits is %s (RFC 7541 C.1)', (value, bits, hex) => {
  const bytes = written(value, bits)
  expect(bytes.toString('hex')).toBe(hex)
  const reader = { next: 0 }
  expect(readInteger(bytes, 0, bytes.length, bits, reader)).toBe(value)
  expect(reader.next).toBe(bytes.length)
})

test('any number below 2^32 comes back, whatever stands above the prefix', () => {
  const value = fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(0xffff_ffff))
  fc.assert(
    fc.property(value, fc.integer({ min: 1, max: 8 }), (number, bits) => {
      const pattern = (0xff << bits) & 0xff
      const bytes = written(number, bits, pattern)
      const reader = { next: 0 }
      expect((bytes[0] as number) & pattern).toBe(pattern)
      expect(readInteger(bytes, 0, bytes.length, bits, reader)).toBe(number)
      expect(reader.next).toBe(bytes.length)
    }),
  )
})

test('an integer that is cut or goes on for ever is told as that', () => {
  const reader = { next: 0 }
  expect(readInteger(Buffer.of(0x1f), 0, 1, 5, reader)).toBe(INTEGER_CUT)
  expect(readInteger(Buffer.of(0x1f, 0x9a), 0, 2, 5, reader)).toBe(INTEGER_CUT)
  expect(readInteger(Buffer.alloc(20, 0xff), 0, 20, 5, reader)).toBe(INTEGER_TOO_LONG)
})
