import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { NO_FIELDS } from '../../../proxy/http1/field-set.ts'
import { HeadScanner } from '../../../proxy/http1/head-parser.ts'
import {
  type HeadParts,
  readWholeRequest,
  readWholeResponse,
} from '../../../proxy/http1/whole-head.ts'

/** Reads a head byte by byte, which the quick reader never sees. */
function scanned(kind: 'request' | 'response', text: string) {
  const scanner = new HeadScanner(kind)
  const bytes = Buffer.from(text, 'latin1')
  for (let end = 1; end <= bytes.length; end++) {
    if (scanner.scan(bytes, 0, end) === 'done') return scanner
  }
  return null
}

function whole(kind: 'request' | 'response', text: string, before = 0) {
  const bytes = Buffer.from('#'.repeat(before) + text, 'latin1')
  const parts: HeadParts = {
    methodEnd: 0,
    targetEnd: 0,
    minor: 0,
    status: 0,
    fields: NO_FIELDS,
    fieldsFrom: 0,
  }
  const read = kind === 'request' ? readWholeRequest : readWholeResponse
  const length = read(bytes, before, bytes.length, parts)
  return length === 0 ? null : { ...parts, length }
}

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'Host', 'X-Y', '/', 'é', ' ', ':', '\t', '1') },
  { weight: 2, arbitrary: fc.constantFrom('\r\n', 'a: b\r\n', 'A:\r\n', 'a:  b \t\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\r', '\n', '\0', '\x7f', '(', '"', '\r\n\r\n', ' : ') },
)
const START = {
  request: [
    'GET / HTTP/1.1\r\n',
    'P /a?b=c HTTP/1.0\r\n',
    'GET  HTTP/1.1\r\n',
    '\r\nGET / HTTP/1.1\r\n',
  ],
  response: ['HTTP/1.1 200 OK\r\n', 'HTTP/1.0 404 \r\n', 'HTTP/1.1 204\r\n', 'HTTP/1.1 099 x\r\n'],
}

test.each(['request', 'response'] as const)(
  'a %s that the quick reader takes has the parts that the scanner finds',
  (kind) => {
    let taken = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...START[kind]),
        fc.array(piece, { maxLength: 12 }),
        fc.nat(9),
        (start, pieces, before) => {
          const text = `${start}${pieces.join('')}\r\n\r\nrest`
          const quick = whole(kind, text, before)
          if (quick === null) return
          taken++
          const slow = scanned(kind, text)
          expect(slow).not.toBeNull()
          expect(quick.length).toBe(slow?.position)
          expect(quick.fields.offsets).toEqual(slow?.fields.offsets)
          expect(quick.fieldsFrom).toBe(slow?.fieldsFrom)
          expect(quick.minor).toBe(slow?.minor)
          if (kind === 'response') expect(quick.status).toBe(slow?.status)
          else
            expect([quick.methodEnd, quick.targetEnd]).toEqual([slow?.methodEnd, slow?.targetEnd])
        },
      ),
      { numRuns: 3000 },
    )
    expect(taken).toBeGreaterThan(100)
  },
)

test.each([
  ['request', 'GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n'],
  ['request', 'POST /x HTTP/1.0\r\n\r\n'],
  ['response', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
] as const)('the usual %s is read in one pass: %j', (kind, text) => {
  expect(whole(kind, text)?.fields.offsets).toEqual(scanned(kind, text)?.fields.offsets)
  // And one that is not there to the end is left to the scanner.
  for (let end = 0; end < text.indexOf('\r\n\r\n') + 4; end++) {
    expect(whole(kind, text.slice(0, end))).toBeNull()
  }
})

test('heads with more fields than browsers send are left to the scanner', () => {
  const head = (fields: number) => `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(fields)}\r\n`
  expect(whole('request', head(64))?.fields.offsets).toHaveLength(256)
  expect(whole('request', head(65))).toBeNull()
  expect(scanned('request', head(65))?.fields.offsets).toHaveLength(260)
})
