import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { ParsedRequestHead, ParsedResponseHead } from '../../../proxy/http1/head.ts'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'
import { KnownFields } from '../../../proxy/http1/known-fields.ts'
import { saidBy } from '../../../proxy/request-facts.ts'

const bytesOf = (text: string) => Buffer.from(text, 'latin1')

function requestOf(text: string): ParsedRequestHead {
  const reader = new HeadReader('request')
  expect(reader.read(bytesOf(text), 0)).toBe('done')
  return new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
}

function responseOf(text: string): ParsedResponseHead {
  const reader = new HeadReader('response')
  expect(reader.read(bytesOf(text), 0)).toBe('done')
  return new ParsedResponseHead(reader.buffer, reader.base, reader.scanner)
}

test('heads with the same fields share them, whatever their first lines say', () => {
  const fields = 'Host: shared-1\r\nAccept: */*\r\nCookie: azds-route-as=alice\r\n\r\n'
  const first = requestOf(`GET /one HTTP/1.1\r\n${fields}`)
  const second = requestOf(`DELETE /another/target?x=y HTTP/1.0\r\n${fields}`)
  expect(second.fieldSet).toBe(first.fieldSet)
  expect(second.headers()).toEqual(first.headers())
  expect([second.method, second.target, second.version]).toEqual([
    'DELETE',
    '/another/target?x=y',
    '1.0',
  ])
  expect(saidBy(second)).toBe(saidBy(first))
  expect(saidBy(second).context).toEqual({ space: 'alice', source: 'cookie' })
})

test('what follows a head belongs to nothing that is known', () => {
  const fields = 'Host: shared-2\r\nContent-Length: 3\r\n\r\n'
  const first = requestOf(`POST / HTTP/1.1\r\n${fields}abc`)
  const second = requestOf(`POST / HTTP/1.1\r\n${fields}GET / HTTP/1.1\r\n${fields}`)
  expect(second.fieldSet).toBe(first.fieldSet)
  expect(second.bytes().toString('latin1')).toBe(`POST / HTTP/1.1\r\n${fields}`)
})

test.each([
  ['another value', 'Host: shared-3\r\nA: 1\r\n\r\n', 'Host: shared-3\r\nA: 2\r\n\r\n'],
  ['another case', 'Host: shared-4\r\nA: 1\r\n\r\n', 'Host: shared-4\r\na: 1\r\n\r\n'],
  ['one field more', 'Host: shared-5\r\nA: 1\r\n\r\n', 'Host: shared-5\r\nA: 1\r\nB: 2\r\n\r\n'],
  ['blanks around a value', 'Host: shared-6\r\nA: 1\r\n\r\n', 'Host: shared-6\r\nA:  1 \r\n\r\n'],
])('%s makes another set of fields', (_, one, other) => {
  const first = requestOf(`GET / HTTP/1.1\r\n${one}`)
  const second = requestOf(`GET / HTTP/1.1\r\n${other}`)
  expect(second.fieldSet).not.toBe(first.fieldSet)
  expect(second.bytes().toString('latin1')).toBe(`GET / HTTP/1.1\r\n${other}`)
})

test('an answer with known fields keeps its own status', () => {
  const fields = 'Server: shared\r\nContent-Length: 0\r\n\r\n'
  const first = responseOf(`HTTP/1.1 200 OK\r\n${fields}`)
  const second = responseOf(`HTTP/1.0 503 No\r\n${fields}`)
  expect(second.fieldSet).toBe(first.fieldSet)
  expect([second.status, second.version]).toEqual([503, '1.0'])
})

const someFields = fc.array(
  fc.tuple(
    fc.constantFrom('Host', 'Accept', 'X-A', 'x-a', 'Cookie'),
    fc.constantFrom('', 'a', 'b c', 'é'),
  ),
  { minLength: 1, maxLength: 6 },
)

test('fields that are known and fields that are read are the same', () => {
  fc.assert(
    fc.property(fc.array(someFields, { maxLength: 20 }), (heads) => {
      for (const fields of heads) {
        const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
        expect(requestOf(`GET / HTTP/1.1\r\n${lines}\r\n`).headers()).toEqual(fields)
      }
    }),
    { numRuns: 300 },
  )
})

test('fields that never come twice stop being learnt, until some do', () => {
  const known = new KnownFields()
  const learn = (number: number) => {
    const bytes = bytesOf(`Host: web\r\nX-Request-Id: ${String(number).padStart(9, '0')}\r\n\r\n`)
    return known.find(bytes, 0, bytes.length) ?? known.learn([], bytes, 0, bytes.length)
  }
  const learnt = Array.from({ length: 1000 }, (_, number) => learn(number).bytes !== null)
  expect(learnt.slice(0, 8)).toEqual(Array(8).fill(true))
  expect(learnt.filter(Boolean).length).toBeLessThan(30)
  const last = learnt.lastIndexOf(true)
  expect(learn(last).bytes).not.toBeNull()
  expect(learn(5000).bytes).not.toBeNull()
})

test('long fields are not kept', () => {
  const known = new KnownFields()
  const bytes = bytesOf(`Host: web\r\nX: ${'x'.repeat(3000)}\r\n\r\n`)
  expect(known.learn([], bytes, 0, bytes.length).bytes).toBeNull()
  expect(known.find(bytes, 0, bytes.length)).toBeNull()
})

test('what was learnt is a copy: the buffer may be used again', () => {
  const known = new KnownFields()
  const bytes = bytesOf('Host: web\r\nAccept: */*\r\n\r\n')
  const set = known.learn([], bytes, 0, bytes.length)
  const before = Buffer.from(bytes)
  bytes.fill(0x20)
  expect(known.find(before, 0, before.length)).toBe(set)
  expect(set.text).toBe(before.toString('latin1'))
})

test('of a head that is not there to its end nothing is known', () => {
  const known = new KnownFields()
  const bytes = bytesOf('Host: web\r\nAccept: */*\r\n\r\n')
  const set = known.learn([], bytes, 0, bytes.length)
  for (let stop = 0; stop < bytes.length; stop++) expect(known.find(bytes, 0, stop)).toBeNull()
  expect(known.find(bytes, 0, bytes.length)).toBe(set)
})
