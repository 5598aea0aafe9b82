import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type Detection,
  detect,
  MAX_REQUEST_LINE,
  maySettle,
  nothingSeen,
} from '../../proxy/detect.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** First bytes, what they are, and after how many bytes that is certain. */
const VECTORS: [name: string, bytes: Buffer, answer: Detection, certainAt: number][] = [
  ['a GET', bytes('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'http1', 12],
  ['an HTTP/1.0 request', bytes('HEAD /x HTTP/1.0\r\n\r\n'), 'http1', 14],
  ['a request of another minor version', bytes('GET / HTTP/1.2\r\n'), 'http1', 12],
  ['a method of WebDAV', bytes('VERSION-CONTROL /a HTTP/1.1\r\n'), 'http1', 25],
  ['a CONNECT', bytes('CONNECT a.test:443 HTTP/1.1\r\n'), 'http1', 25],
  ['an absolute target', bytes('GET http://a.test/ HTTP/1.1\r\n'), 'http1', 25],
  ['a lower-case method', bytes('get / HTTP/1.1\r\n'), 'http1', 12],
  ['an unescaped byte in the target', bytes('GET /\xe9 HTTP/1.1\r\n'), 'http1', 13],
  ['an HTTP/2 preface', bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'h2', 24],
  ['half a preface that goes wrong', bytes('PRI * HTTP/2.0\r\n\r\nXX'), 'http1', 19],
  ['a method that begins like the preface', bytes('PRINT / HTTP/1.1\r\n'), 'http1', 14],
  ['PRI as a method of HTTP/1', bytes('PRI * HTTP/1.1\r\n'), 'http1', 12],
  ['a TLS ClientHello', Buffer.from([22, 3, 1, 2, 0, 1, 0, 1]), 'tls', 6],
  ['a TLS alert', Buffer.from([21, 3, 1, 0, 2, 1, 0]), 'opaque', 1],
  ['a TLS record of a future major version', Buffer.from([22, 4, 0]), 'opaque', 2],
  ['a TLS record of an impossible minor version', Buffer.from([22, 3, 9]), 'opaque', 3],
  ['an empty TLS record', Buffer.from([22, 3, 1, 0, 0]), 'opaque', 5],
  ['a TLS record that is too long', Buffer.from([22, 3, 1, 0xff, 0xff]), 'opaque', 5],
  ['a ServerHello', Buffer.from([22, 3, 3, 0, 70, 2]), 'opaque', 6],
  ['a GET of memcached', bytes('get key\r\n'), 'opaque', 8],
  ['an inline GET of Redis', bytes('GET key\r\n'), 'opaque', 8],
  ['an inline PING of Redis', bytes('PING\r\n'), 'opaque', 5],
  ['a RESP command of Redis', bytes('*1\r\n$4\r\nPING\r\n'), 'opaque', 3],
  ['a set of memcached', bytes('set k 0 0 1\r\nx\r\n'), 'opaque', 7],
  ['an EHLO', bytes('EHLO me\r\n'), 'opaque', 8],
  ['an SSH banner', bytes('SSH-2.0-OpenSSH_9\r\n'), 'opaque', 18],
  ['a startup message of PostgreSQL', Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]), 'opaque', 1],
  ['an HTTP/0.9 request', bytes('GET /\r\n'), 'http1', 6],
  ['one that ends in a bare LF', bytes('GET /\n'), 'http1', 6],
  ['one with blanks at its end', bytes('GET / \t\r\n'), 'http1', 8],
  ['one of an address', bytes('HEAD HTTP://a.test\r\n'), 'http1', 19],
  ['one after an empty line', bytes('\r\nDELETE /a\r\n'), 'http1', 12],
  ['a request line of another version', bytes('GET / HTTP/2.0\r\n'), 'http1', 12],
  ['a version without a minor one', bytes('GET / HTTP/3\r\n'), 'http1', 12],
  ['a get of memcached, as nginx sends it', bytes('get /path?q\r\n'), 'opaque', 12],
  ['several keys of memcached', bytes('get /a http/1\r\n'), 'opaque', 8],
  ['an inline SET of Redis', bytes('SET /key value\r\n'), 'opaque', 10],
  ['a GET of Redis of a number', bytes('GET 7 \r\n'), 'opaque', 7],
  ['a GET of Redis of an address', bytes('GET ftp://a\r\n'), 'opaque', 12],
  ['a command without an argument', bytes('GET \r\n'), 'opaque', 5],
  ['a request of RTSP, as AirPlay makes it', bytes('GET /info RTSP/1.0\r\n'), 'opaque', 11],
  ['a request of SIP', bytes('INVITE sip:a@b SIP/2.0\r\n'), 'opaque', 16],
  ['a source of Icecast', bytes('SOURCE /live ICE/1.0\r\n'), 'opaque', 14],
  ['a request of ICAP', bytes('OPTIONS icap://a/b ICAP/1.0\r\n'), 'opaque', 20],
  ['a request of Gopher', bytes('/folder\r\n'), 'opaque', 1],
  ['a command of STOMP', bytes('CONNECT\naccept-version:1.2\n\n\0'), 'opaque', 8],
  ['a command of NATS', bytes('PUB /a 5\r\nhello\r\n'), 'opaque', 8],
  ['a job of beanstalkd', bytes('put 0 0 60 5\r\nhello\r\n'), 'opaque', 7],
  ['a bare LF after the version', bytes('GET / HTTP/1.1\n'), 'http1', 12],
  ['two spaces after the method', bytes('GET  / HTTP/1.1\r\n'), 'http1', 13],
  ['a tab after the method', bytes('GET\t/ HTTP/1.1\r\n'), 'http1', 12],
  ['a lower-case version', bytes('GET / http/1.1\r\n'), 'opaque', 7],
  ['a space after the version', bytes('GET / HTTP/1.1 \r\n'), 'http1', 12],
  ['a request after an empty line', bytes('\r\nGET / HTTP/1.1\r\n'), 'http1', 14],
  ['a request after bare line ends', bytes('\n\r\rGET / HTTP/1.1\r\n'), 'http1', 15],
  ['a request after many empty lines', bytes(`${'\r\n'.repeat(99)}GET / HTTP/1.1`), 'http1', 210],
  ['a command after an empty line', bytes('\r\nPING\r\n'), 'opaque', 7],
  ['a header of the PROXY protocol', bytes('\r\n\r\n\0\r\nQUIT\n'), 'opaque', 5],
  ['a preface of HTTP/2 after an empty line', bytes('\r\nPRI * HTTP/2.0'), 'http1', 14],
  ['a protobuf message', bytes('\n\x05hello'), 'opaque', 2],
  ['a leading space', bytes(' GET / HTTP/1.1\r\n'), 'opaque', 1],
  ['a NUL in the target', bytes('GET /\0 HTTP/1.1\r\n'), 'opaque', 6],
  ['a request of another protocol', bytes('OPTIONS rtsp://a RTSP/1.0\r\n'), 'opaque', 18],
  ['two blanks in a command of Redis', bytes('GET  key\r\n'), 'opaque', 9],
  ['a version without a digit', bytes('GET / HTTP/x\r\n'), 'opaque', 12],
  ['a method without an end', Buffer.alloc(200, 'A'), 'opaque', 32],
]

test.each(VECTORS)('%s is told at the first byte that makes it certain', (_, all, answer, at) => {
  for (let length = 0; length <= all.length; length++) {
    const expected = length < at ? 'need-more' : answer
    expect([length, detect(all.subarray(0, length))]).toEqual([length, expected])
  }
})

test('a request line of the longest length is HTTP, and one without an end is not', () => {
  const end = ' HTTP/1.1\r\n'
  const start = 'GET /'
  const fits = start + 'a'.repeat(MAX_REQUEST_LINE - start.length - end.length) + end
  expect(detect(bytes(fits))).toBe('http1')
  expect(detect(bytes(start + 'a'.repeat(MAX_REQUEST_LINE)))).toBe('opaque')
  expect(detect(bytes('\r\n'.repeat(MAX_REQUEST_LINE)))).toBe('opaque')
})

test('an answer never changes when more bytes come, whatever the bytes are', () => {
  const starts = fc.constantFrom(
    '',
    'GET ',
    'GET / HTTP/1.1\r',
    'GET /',
    'PRI * HT',
    '\x16\x03\x01',
  )
  fc.assert(
    fc.property(starts, fc.uint8Array({ maxLength: 64 }), (start, rest) => {
      const all = Buffer.concat([bytes(start), rest])
      let settled: Detection = 'need-more'
      for (let length = 0; length <= all.length; length++) {
        const answer = detect(all.subarray(0, length))
        if (settled !== 'need-more') expect(answer).toBe(settled)
        settled = answer
      }
    }),
  )
})

test('what is remembered of the last look changes nothing', () => {
  const words = fc.constantFrom(
    '\r',
    '\n',
    ' ',
    '\t',
    'GET',
    'get',
    '/',
    '/a',
    'http://a',
    'HTTP/',
    '1',
    'PRI',
    '\0',
    'x',
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 14 }), fc.array(fc.nat(6)), (parts, cuts) => {
      const all = bytes(parts.join(''))
      const seen = nothingSeen()
      const ends = [...cuts, ...all]
      for (let end = 0, i = 0; end < all.length; i++) {
        end = Math.min(all.length, end + 1 + ((ends[i] as number) % 7))
        const answer = detect(all.subarray(0, end))
        expect(detect(all.subarray(0, end), seen)).toBe(answer)
        if (answer !== 'need-more') return
      }
    }),
    { numRuns: 2_000 },
  )
})

test.each<[string, boolean, string]>([
  ['SETTINGS of HTTP/2, as Node sends them', true, '\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\xff\xff'],
  ['SETTINGS without any', true, '\0\0\0\x04\0\0\0\0\0'],
  ['another frame of HTTP/2', false, '\0\0\x04\x08\0\0\0\0\0\0\0\0\x01'],
  ['an acknowledgement', false, '\0\0\0\x04\x01\0\0\0\0'],
  ['SETTINGS on a stream', false, '\0\0\0\x04\0\0\0\0\x01'],
  ['a length that is no multiple of six', false, '\0\0\x05\x04\0\0\0\0\0'],
  ['a greeting of MySQL', false, 'J\0\0\0\n8.0.36\0'],
  ['a greeting of SMTP', false, '220 mail.test ESMTP\r\n'],
])('a server that begins with %s may speak HTTP/2: %s', (_, expected, text) => {
  const all = bytes(text)
  expect(maySettle(all)).toBe(expected)
  if (!expected) return
  for (let end = 1; end < all.length; end++) expect(maySettle(all.subarray(0, end))).toBe(true)
})
