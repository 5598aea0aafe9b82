/** Tables, colours, and text from the network. */
import { expect, test } from '@jest/globals'
import {
  json,
  jsonLine,
  painter,
  printable,
  printableAll,
  printableLines,
  table,
} from '../../cli/output.ts'

test('columns are as wide as their widest cell', () => {
  expect(
    table(
      ['', 'Name', 'On'],
      [
        ['*', 'dev/alice', 'True'],
        ['', 'dev', ''],
      ],
    ),
  ).toBe('   Name       On\n-  ---------  ----\n*  dev/alice  True\n   dev\n')
})

test('colour codes do not widen a column', () => {
  const paint = painter(true)
  const lines = table(['A', 'B'], [[paint('red', 'xx'), 'y']]).split('\n')
  expect(lines[1]).toBe('--  -')
  expect(lines[2]).toBe('\u001b[31mxx\u001b[0m  y')
})

test('without colour, painting changes nothing', () => {
  expect(painter(false)('red', 'x')).toBe('x')
})

test('control characters from the network cannot move the cursor', () => {
  expect(printable('/a\u001b[2J\r\nb\u009b')).toBe('/a·[2J··b·')
})

test('text that turns the direction of writing cannot make a path look like another', () => {
  expect(printable('/a\u202ecba\u2066/\u2028')).toBe('/a·cba·/·')
})

test('lines of a message stay lines, and every text of an answer is made printable', () => {
  expect(printableLines('one\n\u001b[31mtwo')).toBe('one\n·[31mtwo')
  expect(printableAll({ a: ['\u0007', 1, null], b: { c: 'x\u009b' } })).toEqual({
    a: ['·', 1, null],
    b: { c: 'x·' },
  })
})

test('JSON says the same to a program, and nothing to a terminal', () => {
  const value = { path: '/\u001b[2J\u009b\u202e', list: [1, 'é'] }
  for (const text of [json(value), jsonLine(value)]) {
    expect(JSON.parse(text)).toEqual(value)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
  }
  expect(jsonLine(value).indexOf('\n')).toBe(jsonLine(value).length - 1)
})
