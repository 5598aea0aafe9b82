import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { makeField } from '../../../../proxy/http2/field.ts'
import { HpackDecoder } from '../../../../proxy/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../../proxy/http2/hpack/encoder.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function only(decoder: HpackDecoder, block: Buffer) {
  const result = decoder.decode(block)
  if (result.kind !== 'fields' || result.fields.length !== 1)
    throw new Error(JSON.stringify(result))
  return result.fields[0]
}

test.each([
  ['without indexing', '0f 0d 03 313233'],
  ['with indexing', '5c 03 313233'],
])('a literal %s is known from its third time on, on any connection', (_, literal) => {
  const block = hex(literal)
  const [first, second, third] = [1, 2, 3].map(() => only(new HpackDecoder(), block))
  expect(first).toMatchObject({ name: 'content-length', value: '123' })
  expect(second).toEqual(first)
  expect(third).toBe(second)
})

test('a known literal with indexing is in the table all the same', () => {
  const block = hex('5c 03 343434')
  for (let round = 0; round < 4; round++) {
    const decoder = new HpackDecoder()
    only(decoder, block)
    expect(decoder.tableBytes).toBe(32 + 'content-length'.length + 3)
    expect(only(decoder, hex('be'))).toMatchObject({ name: 'content-length', value: '444' })
  }
})

test('a literal that is never to be indexed is not kept', () => {
  const block = hex('10 03 782d73 06 736563726574')
  const [first, , third] = [1, 2, 3].map(() => only(new HpackDecoder(), block))
  expect(third).toEqual(first)
  expect(third).not.toBe(first)
})

test('a name of the dynamic table is not taken for what it was on another connection', () => {
  const literals = [hex('0f 2f 01 31'), hex('7e 01 31')]
  for (const [name, literal] of ['a', 'b', 'c', 'd'].flatMap((each) =>
    literals.map((bytes) => [each, bytes] as const),
  )) {
    const decoder = new HpackDecoder()
    only(decoder, Buffer.concat([hex('40 01'), Buffer.from(name), hex('01 30')]))
    expect(only(decoder, literal)).toMatchObject({ name, value: '1' })
  }
})

/** Blocks of literals only, as of a server that never indexes; they repeat, so that many are known. */
const value = fc.oneof(
  fc.constantFrom('', '1', '12', 'text/html', 'x'.repeat(130)),
  fc.uint8Array({ maxLength: 150 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
)
const name = fc.constantFrom('date', 'server', 'x-a', 'x-bb', 'y'.repeat(130), 'content-length')

test('what is known is what would have been read', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 30 }), (pairs) => {
      const encoder = new HpackEncoder()
      encoder.setMaxTableBytes(0)
      const decoder = new HpackDecoder()
      for (let round = 0; round < 4; round++) {
        const fields = pairs.map(([key, text]) => makeField(key, text))
        const result = decoder.decode(Buffer.from(encoder.encode(fields)))
        expect(result).toMatchObject({ kind: 'fields', fields })
      }
    }),
    { numRuns: 200 },
  )
})

test('a known literal that is cut is refused', () => {
  const block = hex('0f 0d 03 393939')
  for (let i = 0; i < 3; i++) only(new HpackDecoder(), block)
  for (let end = 1; end < block.length; end++) {
    expect(new HpackDecoder().decode(block.subarray(0, end)).kind).toBe('bad')
  }
})
