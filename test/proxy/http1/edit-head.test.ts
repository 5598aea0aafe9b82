import { expect, test } from '@jest/globals'
import type { HeaderList } from '../../../core/trace-record.ts'
import { editHead, editMessage } from '../../../proxy/http1/edit-head.ts'
import { ParsedRequestHead } from '../../../proxy/http1/head.ts'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'

const LINE = 'GET /a HTTP/1.1\r\n'

function headOf(fields: string): ParsedRequestHead {
  const reader = new HeadReader('request')
  expect(reader.read(Buffer.from(`${LINE}${fields}\r\n`, 'latin1'), 0)).toBe('done')
  return new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
}

const edited = (fields: string, set: HeaderList, drop?: string) =>
  editHead(headOf(fields), { set, ...(drop === undefined ? {} : { drop }) }).toString('latin1')

const HOP: HeaderList[number] = ['azds-hop', '1']

test.each<[what: string, fields: string, set: HeaderList, expected: string]>([
  ['nothing', 'Host: a\r\n', [], 'Host: a\r\n'],
  ['a new field is last', 'Host: a\r\n', [HOP], 'Host: a\r\nazds-hop: 1\r\n'],
  [
    'one that is there gets the value',
    'AZDS-Hop:  7\r\nHost: a\r\n',
    [HOP],
    'AZDS-Hop:  1\r\nHost: a\r\n',
  ],
  [
    'others of its name go',
    'azds-hop: 7\r\nHost: a\r\nazds-hop: 8\r\n',
    [HOP],
    'azds-hop: 1\r\nHost: a\r\n',
  ],
  ['there and new', 'azds-hop: 7\r\n', [['x', 'y'], HOP], 'azds-hop: 1\r\nx: y\r\n'],
  ['an empty value', 'Host: a\r\n', [['x', '']], 'Host: a\r\nx: \r\n'],
])('%s', (_, fields, set, expected) => {
  expect(edited(fields, set)).toBe(`${LINE}${expected}\r\n`)
})

test.each([
  ['first', 'Traceparent:  00-1111-01 \r\nHost: a\r\n'],
  ['last', 'Host: a\r\ntraceparent: 00-1111-01\r\n'],
  ['twice', 'traceparent: 00-1111-01\r\nHost: a\r\ntraceparent: 00-3333-01\r\n'],
  ['with another of the fields', 'traceparent: 00-1111-01\r\nazds-hop: 5\r\n'],
  ['of another length', 'traceparent: 00-111-01\r\nHost: a\r\n'],
  ['empty', 'traceparent:\r\nHost: a\r\n'],
])('a value that is there %s is written over as by whoever looks at each field', (_, fields) => {
  const set: HeaderList = [['traceparent', '00-2222-01'], HOP]
  // To drop what is not there changes nothing, and has each field looked at.
  const expected = edited(fields, set, 'none-such')
  expect(edited(fields, set)).toBe(expected)
  expect(edited(`X: y\r\n${fields}`, set)).toBe(expected.replace(LINE, `${LINE}X: y\r\n`))
  const body = Buffer.from('body')
  const message = editMessage(headOf(fields), { set }, body, 0, body.length)
  expect(message.toString('latin1')).toBe(`${expected}body`)
})

test('a value that could break out of its line is written over no other', () => {
  for (const value of ['00-2\r\n2-01', ' 0-2222-01', '00-2222-0\t'])
    expect(() => edited('traceparent: 00-1111-01\r\n', [['traceparent', value], HOP])).toThrow(
      'is no field',
    )
})

test('only the value differs from the request before, or the list, or the head', () => {
  const trace = (id: string): HeaderList => [['traceparent', `00-${id}-01`], HOP]
  expect(edited('Host: a\r\n', trace('1111'))).toBe(
    `${LINE}Host: a\r\ntraceparent: 00-1111-01\r\nazds-hop: 1\r\n\r\n`,
  )
  expect(edited('Host: bb\r\n', trace('2222'))).toBe(
    `${LINE}Host: bb\r\ntraceparent: 00-2222-01\r\nazds-hop: 1\r\n\r\n`,
  )
  expect(edited('Host: a\r\n', trace('33333'))).toBe(
    `${LINE}Host: a\r\ntraceparent: 00-33333-01\r\nazds-hop: 1\r\n\r\n`,
  )
  expect(edited('Host: a\r\ntraceparent: 9\r\n', trace('4444'))).toBe(
    `${LINE}Host: a\r\ntraceparent: 00-4444-01\r\nazds-hop: 1\r\n\r\n`,
  )
  expect(edited('Host: a\r\n', [['other', '00-4444-01'], HOP])).toBe(
    `${LINE}Host: a\r\nother: 00-4444-01\r\nazds-hop: 1\r\n\r\n`,
  )
  expect(edited('Host: a\r\n', [HOP])).toBe(`${LINE}Host: a\r\nazds-hop: 1\r\n\r\n`)
})

test('lists that take turns are each added as they are', () => {
  const routes = ['a', 'b', 'c', 'd', 'e'].map((space): HeaderList[number] => [
    'azds-route-as',
    space,
  ])
  for (let turn = 0; turn < 3; turn++) {
    for (const route of routes) {
      const id = `${turn}${route[1]}`
      expect(edited('Host: a\r\n', [['traceparent', id], HOP, route])).toBe(
        `${LINE}Host: a\r\ntraceparent: ${id}\r\nazds-hop: 1\r\nazds-route-as: ${route[1]}\r\n\r\n`,
      )
      expect(edited('Host: a\r\n', [['traceparent', id], HOP])).toBe(
        `${LINE}Host: a\r\ntraceparent: ${id}\r\nazds-hop: 1\r\n\r\n`,
      )
    }
  }
})

test('a field is dropped wherever it stands', () => {
  expect(edited('Keep-Alive: 5\r\nHost: a\r\nkeep-alive: 6\r\n', [HOP], 'keep-alive')).toBe(
    `${LINE}Host: a\r\nazds-hop: 1\r\n\r\n`,
  )
})

test('what follows the head follows it in the same buffer', () => {
  const chunk = Buffer.from('..body..')
  const message = editMessage(headOf('Host: a\r\n'), { set: [HOP] }, chunk, 2, 6)
  expect(message.toString('latin1')).toBe(`${LINE}Host: a\r\nazds-hop: 1\r\n\r\nbody`)
})

test.each<[HeaderList[number]]>([
  [['', 'x']],
  [['a b', 'x']],
  [['a', 'x\r\nevil: y']],
  [['a', ' x']],
  [['a', 'x\t']],
  [['a', 'x\0']],
])('a field that could break out of its line is refused: %j', (field) => {
  for (const fields of ['Host: a\r\n', 'Host: a\r\na: b\r\n']) {
    expect(() => edited(fields, [field])).toThrow('is no field')
    // And also when one of the same length stood there before.
    const sound = field[1].replace(/[^!-~]/g, 'x')
    if (field[0] === 'a') edited(fields, [['a', sound]])
    expect(() => edited(fields, [field])).toThrow('is no field')
    expect(() => edited(fields, [HOP, field])).toThrow('is no field')
  }
})
