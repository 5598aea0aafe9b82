/** Tables, colours, and text from the network. */
import { expect, test } from '@jest/globals'
import { painter, printable, table } from '../../cli/output.ts'

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
