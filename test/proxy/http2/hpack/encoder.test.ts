import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { makeField } from '../../../../proxy/http2/field.ts'
import { HpackDecoder } from '../../../../proxy/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../../proxy/http2/hpack/encoder.ts'

type Pair = [name: string, value: string]

function encode(encoder: HpackEncoder, pairs: Pair[], neverIndexed = false): string {
  return encoder.encode(pairs.map(([n, v]) => makeField(n, v, neverIndexed))).toString('hex')
}

test('what repeats becomes an index of one byte', () => {
  const encoder = new HpackEncoder()
  const pairs: Pair[] = [
    [':method', 'GET'],
    ['user-agent', 'test/1'],
    ['x-own', 'value'],
  ]
  expect(encode(encoder, pairs).length / 2).toBeGreaterThan(10)
  expect(encode(encoder, pairs)).toBe('82bfbe')
})

test('Huffman is taken only where it is shorter', () => {
  const encoder = new HpackEncoder()
  expect(encode(encoder, [['cache-control', 'no-cache']])).toBe('5886a8eb10649cbf')
  expect(encode(encoder, [['cache-control', '\u00ff\u00ff']])).toBe('5802ffff')
})

test.each<Pair>([
  ['authorization', 'Bearer 0123456789abcdef0123456789abcdef'],
  ['proxy-authorization', 'Basic eDp5'],
  ['cookie', 'pin=1234'],
])('%s: %s is never indexed, not even the second time', (name, value) => {
  const encoder = new HpackEncoder()
  const first = encode(encoder, [[name, value]])
  expect(Number.parseInt(first.slice(0, 2), 16) & 0xf0).toBe(0x10)
  expect(encode(encoder, [[name, value]])).toBe(first)
})

test('a field that came as never to be indexed leaves so, though its like is in the table', () => {
  const encoder = new HpackEncoder()
  encode(encoder, [['x-own', 'value']])
  const block = encode(encoder, [['x-own', 'value']], true)
  expect(block.slice(0, 2)).toBe('1f')
  const decoder = new HpackDecoder()
  decoder.decode(new HpackEncoder().encode([makeField('x-own', 'value')]))
  const result = decoder.decode(Buffer.from(block, 'hex'))
  expect(result).toMatchObject({ kind: 'fields', fields: [{ name: 'x-own', neverIndexed: true }] })
})

test('a static field that is never to be indexed is no index either', () => {
  expect(encode(new HpackEncoder(), [[':method', 'GET']], true).slice(0, 2)).toBe('12')
})

test('a path is worth an entry when it comes again, of a traceparent only the name', () => {
  const encoder = new HpackEncoder()
  const path: Pair[] = [[':path', '/once']]
  const parent: Pair[] = [
    ['traceparent', '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01'],
  ]
  const lengths = (pairs: Pair[]) => [1, 2, 3].map(() => encode(encoder, pairs).length / 2)
  expect(lengths(path)).toEqual([6, 6, 1])
  // Two bytes of index, one of length, and the value; the first has the name instead of the index.
  expect(lengths(parent).slice(1)).toEqual([58, 58])
  expect(encode(encoder, parent).slice(6)).toBe(Buffer.from(parent[0]?.[1] ?? '').toString('hex'))
})

test('the peer’s smaller table is obeyed, and told at the next block: least bound first', () => {
  const encoder = new HpackEncoder()
  encode(encoder, [['x-own', 'value']])
  encoder.setMaxTableBytes(0)
  encoder.setMaxTableBytes(100)
  expect(encode(encoder, [[':method', 'GET']])).toBe('203f4582')
  encoder.setMaxTableBytes(1_000_000)
  expect(encode(encoder, [[':method', 'GET']])).toBe('3fe11f82')
  expect(encode(encoder, [[':method', 'GET']])).toBe('82')
})

test('a table of no bytes still encodes', () => {
  const encoder = new HpackEncoder()
  encoder.setMaxTableBytes(0)
  const decoder = new HpackDecoder(4096)
  for (let round = 0; round < 3; round++) {
    const result = decoder.decode(encoder.encode([makeField('x-own', 'value')]))
    expect(result).toMatchObject({ kind: 'fields', fields: [{ name: 'x-own', value: 'value' }] })
    expect(decoder.tableBytes).toBe(0)
  }
})

/** Few names and values, so that they repeat, and some of any kind. */
const latin1 = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(':path', 'cookie', 'etag', 'x-a', 'x-b', 'via', 'date') },
  { weight: 1, arbitrary: latin1(40) },
)
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', '/', 'one', 'two', 'x'.repeat(200)) },
  { weight: 1, arbitrary: latin1(400) },
)
const field = fc.tuple(name, value, fc.boolean())
const step = fc.record({
  fields: fc.array(field, { maxLength: 12 }),
  resize: fc.option(fc.oneof(fc.nat(300), fc.nat(20_000)), { freq: 6 }),
})

test('any lists come back in order, whatever the sizes of the tables', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.nat(8_192), (steps, own) => {
      const encoder = new HpackEncoder(own)
      const decoder = new HpackDecoder(20_000)
      for (const { fields, resize } of steps) {
        if (resize !== null) encoder.setMaxTableBytes(resize)
        const made = fields.map(([n, v, secret]) => makeField(n, v, secret))
        const result = decoder.decode(Buffer.from(encoder.encode(made)))
        if (result.kind !== 'fields') throw new Error(JSON.stringify(result))
        expect(result.fields.map((f) => [f.name, f.value])).toEqual(fields.map(([n, v]) => [n, v]))
        for (const [at, read] of result.fields.entries()) {
          if (made[at]?.neverIndexed) expect(read.neverIndexed).toBe(true)
        }
        expect(decoder.tableBytes).toBeLessThanOrEqual(Math.min(own, 20_000))
      }
    }),
    { numRuns: 300 },
  )
})

test('random bytes are decoded or refused, and the table never exceeds its bound', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 10 }), (blocks) => {
      const decoder = new HpackDecoder(200)
      for (const block of blocks) {
        const { kind } = decoder.decode(Buffer.from(block))
        expect(['fields', 'bad']).toContain(kind)
        expect(decoder.tableBytes).toBeLessThanOrEqual(200)
      }
    }),
    { numRuns: 2_000 },
  )
})
