import { expect, test } from '@jest/globals'
import { HpackDecoder, type HpackResult } from '../../../../proxy/http2/hpack/decoder.ts'
import { CONVERSATIONS } from './vectors.ts'

function pairs(result: HpackResult): [string, string][] {
  if (result.kind !== 'fields') throw new Error(JSON.stringify(result))
  return result.fields.map(({ name, value }) => [name, value])
}

function problemOf(result: HpackResult): string {
  return result.kind === 'bad' ? result.problem : result.kind
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

test.each(CONVERSATIONS)('RFC 7541 appendix C is decoded: $name', ({ maxTableBytes, examples }) => {
  const decoder = new HpackDecoder(maxTableBytes)
  for (const { section, hex: block, fields, tableBytes } of examples) {
    expect([section, pairs(decoder.decode(hex(block)))]).toEqual([section, fields])
    expect([section, decoder.tableBytes]).toEqual([section, tableBytes])
  }
})

test.each(
  CONVERSATIONS.flatMap(({ maxTableBytes, examples: [first] }) =>
    first && first.hex.length > 2 ? [{ ...first, maxTableBytes }] : [],
  ),
)('$section that is cut anywhere has fewer fields or is refused', (example) => {
  const block = hex(example.hex)
  for (let end = 0; end < block.length; end++) {
    const result = new HpackDecoder(example.maxTableBytes).decode(block.subarray(0, end))
    if (result.kind === 'fields') {
      const read = pairs(result)
      expect(read.length).toBeLessThan(example.fields.length)
      expect(read).toEqual(example.fields.slice(0, read.length))
    } else expect(problemOf(result)).toContain('ends within a field')
  }
})

test('a field that is never to be indexed says so, and an indexed one does not', () => {
  const decoder = new HpackDecoder()
  const result = decoder.decode(hex('1008 7061 7373 776f 7264 0673 6563 7265 74 82'))
  expect(result.kind === 'fields' && result.fields.map((field) => field.neverIndexed)).toEqual([
    true,
    false,
  ])
})

test('a field that comes again as an index is the same object', () => {
  const decoder = new HpackDecoder()
  const first = decoder.decode(hex('400a 6375 7374 6f6d 2d6b 6579 0163'))
  const again = decoder.decode(hex('be'))
  expect(first.kind === 'fields' && again.kind === 'fields' && again.fields[0]).toBe(
    first.kind === 'fields' && first.fields[0],
  )
})

const OVERLONG_INTEGER = 'ff 80 80 80 80 80 80 80 80 80 80'
const LONGEST_VALUE = 'ff ff ff ff ff 7f'

test.each([
  ['80', 'the index 0', '6.1'],
  ['be', 'beyond the tables', '2.3.3'],
  ['c0', 'beyond the tables', '2.3.3'],
  [LONGEST_VALUE, 'beyond the tables', '2.3.3'],
  ['7f 80 01 01 61', 'beyond the tables', '2.3.3'],
  [OVERLONG_INTEGER, 'integer', '5.1'],
  [`40 ${OVERLONG_INTEGER}`, 'integer', '5.1'],
  ['ff', 'ends within a field', '3'],
  ['ff 80', 'ends within a field', '3'],
  ['40', 'ends within a field', '3'],
  ['40 01', 'ends within a field', '3'],
  ['40 01 61', 'ends within a field', '3'],
  ['40 01 61 02 62', 'ends within a field', '3'],
  ['82 20', 'behind a field', '4.2'],
  ['3f e2 1f', 'above SETTINGS_HEADER_TABLE_SIZE', '6.3'],
  ['00 01 61 81 00', 'Huffman', '5.2'],
  ['00 01 61 82 1f ff', 'Huffman', '5.2'],
  ['00 01 61 84 ff ff ff ff', 'Huffman', '5.2'],
  ['00 01 61 84 ff ff ff fc', 'Huffman', '5.2'],
  ['00 01 61 85 3f ff ff ff ff', 'Huffman', '5.2'],
])('the block %s is refused: %s (RFC 7541 %s)', (block, problem, section) => {
  const said = problemOf(new HpackDecoder().decode(hex(block)))
  expect(said).toContain(problem)
  expect(said).toContain(`RFC 7541 ${section}`)
})

test('the table may be made smaller and larger again at the start of a block', () => {
  const decoder = new HpackDecoder()
  pairs(decoder.decode(hex('400a 6375 7374 6f6d 2d6b 6579 0163')))
  expect(pairs(decoder.decode(hex('20 3f e1 1f 82')))).toEqual([[':method', 'GET']])
  expect(decoder.tableBytes).toBe(0)
  expect(problemOf(decoder.decode(hex('be')))).toContain('beyond the tables')
})

test('a list that is too long is told as that, and the table is in step afterwards', () => {
  const decoder = new HpackDecoder(4096, 100)
  const first = decoder.decode(hex('400a 6375 7374 6f6d 2d6b 6579 0163 be be'))
  expect(first).toEqual({ kind: 'too-large', bytes: 3 * 43 })
  expect(pairs(decoder.decode(hex('be 82')))).toEqual([
    ['custom-key', 'c'],
    [':method', 'GET'],
  ])
})

test('a small block that means millions of bytes costs no more than its limit', () => {
  const decoder = new HpackDecoder()
  const value = Buffer.alloc(3_900, 0x61)
  pairs(decoder.decode(Buffer.concat([hex('40 01 62 7f bd 1d'), value])))
  const result = decoder.decode(Buffer.alloc(100_000, 0xbe))
  expect(result).toEqual({ kind: 'too-large', bytes: 100_000 * 3_933 })
})

test('an entry larger than the table empties it', () => {
  const decoder = new HpackDecoder(64)
  pairs(decoder.decode(hex('40 01 61 01 62')))
  expect(decoder.tableBytes).toBe(34)
  const value = Buffer.alloc(40, 0x63)
  expect(pairs(decoder.decode(Buffer.concat([hex('40 01 61 28'), value])))).toHaveLength(1)
  expect(decoder.tableBytes).toBe(0)
})
