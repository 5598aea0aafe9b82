import { expect, test } from '@jest/globals'
import { type HeaderField, makeField } from '../../../proxy/http2/field.ts'
import {
  lengthProblem,
  requestHead,
  responseHead,
  trailersProblem,
} from '../../../proxy/http2/header-rules.ts'

type Pair = readonly [name: string, value: string]

const fieldsOf = (pairs: readonly Pair[]): HeaderField[] =>
  pairs.map(([name, value]) => makeField(name, value))

const GET: readonly Pair[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/a?b'],
  [':authority', 'shop:80'],
]

function requestProblem(pairs: readonly Pair[]): string | null {
  const head = requestHead(fieldsOf(pairs))
  return head.kind === 'malformed' ? head.problem : null
}

function responseProblem(pairs: readonly Pair[]): string | null {
  const head = responseHead(fieldsOf(pairs))
  return head.kind === 'malformed' ? head.problem : null
}

/** A GET with one pseudo-field of another value, or without it. */
function changed(name: string, value: string | null): Pair[] {
  return GET.flatMap((pair): Pair[] => {
    if (pair[0] !== name) return [pair]
    return value === null ? [] : [[name, value]]
  })
}

test.each<[string, readonly Pair[]]>([
  ['a GET', GET],
  ['no authority', changed(':authority', null)],
  ['an empty authority', changed(':authority', '')],
  ['an IPv6 authority', changed(':authority', '[::1]:8080')],
  ['pseudo-fields in any order', GET.toReversed()],
  [
    'OPTIONS *',
    [
      [':method', 'OPTIONS'],
      [':scheme', 'http'],
      [':path', '*'],
    ],
  ],
  [
    'another scheme with another path',
    [
      [':method', 'GET'],
      [':scheme', 'coap'],
      [':path', 'x'],
    ],
  ],
  [
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'db:5432'],
    ],
  ],
  ['te: trailers', [...GET, ['te', 'trailers']]],
  ['te: Trailers', [...GET, ['te', 'Trailers']]],
  ['a content length', [...GET, ['content-length', '10']]],
  ['tabs and high bytes inside a value', [...GET, ['x-a', 'a\tb\u00ff']]],
  ['an empty value', [...GET, ['x-a', '']]],
  ['the same host twice', [...GET, ['host', 'Shop']]],
  ['cookie crumbs', [...GET, ['cookie', 'a=1'], ['cookie', 'b=2']]],
])('a request may have %s', (_, pairs) => {
  expect(requestProblem(pairs)).toBeNull()
})

test.each<[string, readonly Pair[], string]>([
  ['no method', changed(':method', null), '8.3.1'],
  ['an empty method', changed(':method', ''), '8.3.1'],
  ['a method that is no token', changed(':method', 'GE T'), '8.3.1'],
  ['no scheme', changed(':scheme', null), '8.3.1'],
  ['a scheme that is none', changed(':scheme', '1http'), '8.3.1'],
  ['no path', changed(':path', null), '8.3.1'],
  ['an empty path', changed(':path', ''), '8.3.1'],
  ['a path without a slash', changed(':path', 'a'), '8.3.1'],
  ['the path * with GET', changed(':path', '*'), '8.3.1'],
  ['user information', changed(':authority', 'me@shop'), '8.3.1'],
  ['an authority with a path', changed(':authority', 'shop/a'), '8.3.1'],
  ['a host that differs', [...GET, ['host', 'other']], '8.3.1'],
  ['a host with another port', [...GET, ['host', 'shop:443']], '8.3.1'],
  ['a blank in the path', changed(':path', '/a HTTP/1.1'), '8.3.1'],
  ['a tab in the path', changed(':path', '/a\tb'), '8.3.1'],
  ['a second host that differs', [...GET, ['host', 'shop'], ['host', 'other']], '7.2'],
  ['a port that is none', changed(':authority', 'shop:x'), '8.3.1'],
  ['CONNECT with a path', [...GET.slice(2), [':method', 'CONNECT']], '8.5'],
  ['CONNECT without an authority', [[':method', 'CONNECT']], '8.5'],
  [
    'CONNECT without a port',
    [
      [':method', 'CONNECT'],
      [':authority', 'db'],
    ],
    '8.5',
  ],
  ['two methods', [...GET, [':method', 'GET']], '8.3'],
  ['two paths', [...GET, [':path', '/']], '8.3'],
  ['a status', [...GET, [':status', '200']], '8.3'],
  ['an unknown pseudo-field', [...GET, [':other', 'x']], '8.3'],
  ['a protocol, which was not offered', [...GET, [':protocol', 'websocket']], '8.3'],
  ['a pseudo-field behind another field', [GET[0] as Pair, ['x-a', 'b'], ...GET.slice(1)], '8.3'],
  ['an upper-case name', [...GET, ['X-A', 'b']], '8.2.1'],
  ['an empty name', [...GET, ['', 'b']], '8.2.1'],
  ['a space in a name', [...GET, ['x a', 'b']], '8.2.1'],
  ['a colon in a name', [...GET, ['x:a', 'b']], '8.2.1'],
  ['a high byte in a name', [...GET, ['x\u00e4', 'b']], '8.2.1'],
  ['NUL in a value', [...GET, ['x-a', 'a\0b']], '8.2.1'],
  ['CR in a value', [...GET, ['x-a', 'a\rb']], '8.2.1'],
  ['LF in a value', [...GET, ['x-a', 'a\nb']], '8.2.1'],
  ['DEL in a value', [...GET, ['x-a', 'a\x7fb']], '8.2.1'],
  ['a space before a value', [...GET, ['x-a', ' b']], '8.2.1'],
  ['a tab behind a value', [...GET, ['x-a', 'b\t']], '8.2.1'],
  ['a value of one space', [...GET, ['x-a', ' ']], '8.2.1'],
  ['LF in the path', changed(':path', '/\nx'), '8.2.1'],
  ['connection', [...GET, ['connection', 'close']], '8.2.2'],
  ['proxy-connection', [...GET, ['proxy-connection', 'close']], '8.2.2'],
  ['keep-alive', [...GET, ['keep-alive', '5']], '8.2.2'],
  ['transfer-encoding', [...GET, ['transfer-encoding', 'chunked']], '8.2.2'],
  ['upgrade', [...GET, ['upgrade', 'h2c']], '8.2.2'],
  ['te: gzip', [...GET, ['te', 'trailers, gzip']], '8.2.2'],
  ['two lengths', [...GET, ['content-length', '1'], ['content-length', '1']], '8.6'],
  ['a length that is none', [...GET, ['content-length', '+1']], '8.6'],
  ['an empty length', [...GET, ['content-length', '']], '8.6'],
  ['a length beyond 2^53', [...GET, ['content-length', '9999999999999999']], '8.6'],
])('a request with %s is malformed', (_, pairs, section) => {
  expect(requestProblem(pairs)).toContain(section)
})

test.each<[string, readonly Pair[], string | null]>([
  ['a status', [[':status', '200']], null],
  ['an interim status', [[':status', '103']], null],
  ['a status of no known class', [[':status', '999']], null],
  ['no status', [['x-a', 'b']], '8.3.2'],
  ['two digits', [[':status', '20']], '8.3.2'],
  ['four digits', [[':status', '2000']], '8.3.2'],
  ['a status below 100', [[':status', '099']], '8.3.2'],
  ['101', [[':status', '101']], '8.6'],
  [
    'a path',
    [
      [':status', '200'],
      [':path', '/'],
    ],
    '8.3',
  ],
  [
    'two',
    [
      [':status', '200'],
      [':status', '200'],
    ],
    '8.3',
  ],
  [
    'connection',
    [
      [':status', '200'],
      ['connection', 'close'],
    ],
    '8.2.2',
  ],
])('a response with %s: %#', (_, pairs, section) => {
  if (section === null) expect(responseProblem(pairs)).toBeNull()
  else expect(responseProblem(pairs)).toContain(section)
})

test.each<[string, readonly Pair[], string | null]>([
  [
    'fields',
    [
      ['grpc-status', '0'],
      ['grpc-message', ''],
    ],
    null,
  ],
  ['nothing', [], null],
  ['a pseudo-field', [[':status', '200']], '8.1'],
  ['an unknown pseudo-field', [[':x', '']], '8.1'],
  ['an upper-case name', [['Grpc-Status', '0']], '8.2.1'],
  ['connection', [['connection', 'close']], '8.2.2'],
])('trailers with %s: %#', (_, pairs, section) => {
  const problem = trailersProblem(fieldsOf(pairs))
  if (section === null) expect(problem).toBeNull()
  else expect(problem).toContain(section)
})

test('a request head answers as one of HTTP/1 does', () => {
  const head = requestHead(
    fieldsOf([...GET, ['cookie', 'a=1'], ['cookie', 'b=2'], ['content-length', '7']]),
  )
  if (head.kind === 'malformed') throw new Error(head.problem)
  expect(head).toMatchObject({ version: '2', method: 'GET', target: '/a?b', contentLength: 7 })
  expect([head.scheme, head.authority]).toEqual(['http', 'shop:80'])
  expect([head.header('host'), head.values('host')]).toEqual(['shop:80', ['shop:80']])
  expect([head.header('cookie'), head.values('cookie')]).toEqual(['a=1', ['a=1', 'b=2']])
  expect([head.header('x-a'), head.values('x-a')]).toEqual([null, []])
  expect(head.header(':path')).toBeNull()
  expect(head.headers()).toEqual([
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
    ['content-length', '7'],
  ])
})

test('the target of CONNECT is its authority, and a Host field counts where there is no other', () => {
  const connect = requestHead(
    fieldsOf([
      [':method', 'CONNECT'],
      [':authority', 'db:5432'],
    ]),
  )
  expect(connect).toMatchObject({ method: 'CONNECT', target: 'db:5432', scheme: null })
  const get = requestHead(fieldsOf([...changed(':authority', null), ['host', 'shop']]))
  expect(get.kind === 'request' && get.header('host')).toBe('shop')
})

test('interim responses are told from final ones', () => {
  const interim = ['100', '103', '199', '200', '304', '503'].map((status) => {
    const head = responseHead(fieldsOf([[':status', status]]))
    return head.kind === 'response' && head.isInterim
  })
  expect(interim).toEqual([true, true, true, false, false, false])
})

test.each([
  [null, 5, true, false],
  [5, 5, true, false],
  [5, 5, false, false],
  [5, 4, false, false],
  [5, 4, true, true],
  [5, 6, false, true],
  [0, 0, true, false],
])('Content-Length %p, %d bytes, ended %p: a fault is %p', (length, received, ended, isFault) => {
  const problem = lengthProblem(length, received, ended)
  if (isFault) expect(problem).toContain('RFC 9113 8.1.1')
  else expect(problem).toBeNull()
})
