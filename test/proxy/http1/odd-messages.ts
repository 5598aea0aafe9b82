/**
 * Random bytes that are nearly HTTP/1: every part of a message is mostly right and sometimes one of the
 * forms on which parsers are known to differ. One such part among right ones gets further into a
 * parser than noise does.
 */
import fc from 'fast-check'

/** Mostly the first, sometimes one of the odd ones. */
function mostly<T>(usual: fc.Arbitrary<T>, weight: number, odd: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...odd) })
}

const one = (...values: string[]) => fc.constantFrom(...values)

const lineEnd = mostly(fc.constant('\r\n'), 60, ['\n', '\r', '\r\r\n', '\r\n\r\n', ' \r\n', ''])
const blank = mostly(one('', ' '), 8, ['\t', '  ', ' \t', '\x0b', '\x0c', '\xa0', '\x00'])

const token = fc.stringMatching(/^[A-Za-z!#$%&'*+.^_`|~-][A-Za-z0-9-]{0,6}$/)
const visible = fc.stringMatching(/^[!-~]{1,8}$/)
const text = mostly(
  fc.oneof(visible, fc.stringMatching(/^[!-~\x80-\xff][ \t!-~\x80-\xff]{0,9}$/)),
  20,
  ['', 'a\x00b', 'a\rb', 'a\nb', 'a\r\n b', '\x7f', '\x01', 'a\r\n\tb', '\x85', '\xa0'],
)

const method = mostly(
  one('GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE', 'TRACE', 'CONNECT', 'PATCH', 'PURGE'),
  25,
  ['get', 'PRI', 'M-SEARCH', 'G\x00T', 'GET\t', '', 'BREW', '\xc7ET', 'GET,'],
)
const target = mostly(
  fc.oneof(
    visible.map((path) => `/${path}`),
    one('/', '/a?b=c', '/%00', '*', 'a:80', 'http://a/', 'http://a:80/x?y', 'HTTP://A'),
  ),
  25,
  [
    '',
    'a',
    '//',
    '/ b',
    '/\t',
    '/\xff',
    '/a#b',
    'http://u@a/',
    'http:///',
    '/\x7f',
    'http://[::1]/',
  ],
)
const version = mostly(one('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'), 25, [
  ...['HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/0.9', 'HTTP/1.1 ', 'HTTP/01.1', 'HTTP/1.', ''],
  ...['RTSP/1.0', 'HTTP/1.01', 'HTTP /1.1', 'ICE/1.0'],
])
const gap = mostly(fc.constant(' '), 40, ['  ', '\t', '', '\xa0', '\x0b'])

const length = mostly(fc.nat(12).map(String), 2, [
  ...['', '+3', '-1', '0x3', '3,3', '3, 3', '3 3', '3\t', '\t3', '03', '3.0', '3;', '3\x0b', '3_0'],
  ...['18446744073709551616', '18446744073709551619', '9223372036854775808', '4294967299'],
  ...['\xa03', '3e0', '٣', 'abc', '0003'],
])
const coding = mostly(fc.constant('chunked'), 2, [
  ...[
    'Chunked',
    'CHUNKED',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'identity',
    'gzip',
  ],
  ...['xchunked', 'chunkedx', 'chunked;q=1', '"chunked"', ' chunked', 'chunked ', '\tchunked', ''],
  ...[
    '\x0bchunked',
    'chunked\xa0',
    ',chunked',
    'chunked,',
    'chun\r\n ked',
    'gzip,chunked',
    'c hunked',
  ],
])
const connection = one(
  ...['close', 'keep-alive', 'Keep-Alive', 'CLOSE', 'upgrade', 'close, keep-alive', 'x, close'],
  ...['Content-Length', 'close\xa0', 'clo se', ',close,', 'TE', 'keep-alive, upgrade', ''],
)

const name = mostly(token, 25, ['', 'A ', ' A', 'A\t', 'A\x00', 'Ä', 'A(', 'A:', '\x0bA', 'A\r'])
const framing = fc.oneof(
  length.map((value) => ['Content-Length', value]),
  coding.map((value) => ['Transfer-Encoding', value]),
)
const special = fc.oneof(
  framing,
  connection.map((value) => ['Connection', value]),
  one('a', 'a:80', '', 'a, b', '[::1]', 'u@a', 'b').map((value) => ['Host', value]),
  one('websocket', 'h2c', 'x').map((value) => ['Upgrade', value]),
  one('100-continue', 'x').map((value) => ['Expect', value]),
)
const cased = (arbitrary: fc.Arbitrary<string[]>) =>
  fc.tuple(arbitrary, fc.nat(3)).map(([[key = '', value = ''], how]) => {
    const written = how === 0 ? key.toLowerCase() : how === 1 ? key.toUpperCase() : key
    return [written, value]
  })

const colon = mostly(fc.constant(':'), 40, [' :', '\t:', '', '::', '\x00:', ': \r\n '])
const fieldOf = (pair: fc.Arbitrary<string[]>) =>
  fc
    .tuple(pair, colon, blank, blank, lineEnd)
    .map(
      ([[key, value], sign, before, after, end]) => `${key}${sign}${before}${value}${after}${end}`,
    )
const anyField = fieldOf(fc.tuple(name, text))
const specialField = fieldOf(cased(special))
const hostField = fieldOf(cased(fc.constant(['Host', 'a'])))
const framingField = fieldOf(cased(framing))

const size = (data: string) =>
  mostly(
    one(
      data.length.toString(16),
      `0${data.length.toString(16)}`,
      data.length.toString(16).toUpperCase(),
    ),
    15,
    [
      ...['', '+1', '-1', '0x1', ' 1', '1 ', '1\t', 'g', '10000000000000001', 'FFFFFFFFFFFFFFFF'],
      ...['1_0', '١', '100000001', '\t1'],
    ],
  )
const extension = mostly(one('', '', ';a', ';a=b', ';a="b"', ';a="\\"";c=d'), 12, [
  ...[
    ';',
    ';=',
    ';a=',
    ' ;a',
    ';a =b',
    ';a="b',
    ';a\n',
    ';a\r',
    ';a="\r\n"',
    '; a',
    ';\x00',
    ';a;;b',
  ],
])
const chunk = fc
  .stringMatching(/^[a-c\r\n0]{1,8}$/)
  .chain((data) =>
    fc
      .tuple(size(data), extension, lineEnd, lineEnd)
      .map(([digits, extra, first, second]) => `${digits}${extra}${first}${data}${second}`),
  )
const trailer = fc.oneof({ weight: 4, arbitrary: anyField }, { weight: 1, arbitrary: specialField })
const lastSize = mostly(one('0', '00', '0;a'), 15, ['', '-0', '0x0', '0 ', '0\n'])
const chunks = fc
  .tuple(
    fc.array(chunk, { maxLength: 3 }),
    lastSize,
    lineEnd,
    fc.array(trailer, { maxLength: 2 }),
    lineEnd,
  )
  .map(
    ([list, last, end, trailers, blankLine]) =>
      `${list.join('')}${last}${end}${trailers.join('')}${blankLine}`,
  )
const plainBody = fc.stringMatching(/^[a-c\r\n]{0,12}$/)

/** Fields in any order, with or without what frames a body; then a body that may or may not fit. */
const rest = fc.oneof(
  // What belongs together, so that whole messages come out often.
  fc
    .tuple(
      fc.array(anyField, { maxLength: 2 }),
      one('Content-Length: ', 'content-length:'),
      plainBody,
    )
    .map(([fields, key, body]) => `${fields.join('')}${key}${body.length}\r\n\r\n${body}`),
  fc
    .tuple(
      fc.array(anyField, { maxLength: 2 }),
      fieldOf(cased(coding.map((v) => ['Transfer-Encoding', v]))),
      chunks,
    )
    .map(([fields, field, body]) => `${fields.join('')}${field}\r\n${body}`),
  fc
    .array(fc.oneof(anyField, specialField), { maxLength: 3 })
    .map((fields) => `${fields.join('')}\r\n`),
  fc
    .tuple(
      fc.array(fc.oneof(anyField, specialField, framingField), { maxLength: 4 }),
      lineEnd,
      fc.oneof(chunks, plainBody),
    )
    .map(([fields, end, body]) => `${fields.join('')}${end}${body}`),
)

const beforeRequest = mostly(fc.constant(''), 30, ['\r\n', '\n', '\r', ' ', '\r\n\r\n', '\t'])
const host = mostly(hostField, 20, ['', 'Host: a\r\nHost: a\r\n', 'Host : a\r\n', ' Host: a\r\n'])

const request = fc
  .tuple(beforeRequest, method, gap, target, gap, version, lineEnd, host, rest)
  .map((parts) => parts.join(''))

const status = mostly(
  one('200', '200', '404', '500', '204', '304', '100', '103', '101', '205'),
  25,
  ['20', '2000', '099', '+20', '2 0', '', 'abc', '999', '600'],
)
const reason = mostly(one(' OK', ' ', '', ' Not Found'), 20, [
  ' a\x00',
  ' \xe9',
  '\tOK',
  ' a\rb',
  '  OK',
])

const response = fc
  .tuple(
    mostly(fc.constant(''), 40, ['\r\n', ' ', '\n']),
    version,
    gap,
    status,
    reason,
    lineEnd,
    rest,
  )
  .map((parts) => parts.join(''))

/** Bytes to put in anywhere. */
const piece = one(
  ...[
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    ';',
    ',',
    '\x00',
    '\x0b',
    '\x7f',
    '\x80',
    '\xff',
    '0',
    '1',
  ],
  ...['chunked', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: b\r\n', 'close'],
  ...['Connection: upgrade\r\n', 'Expect: 100-continue\r\n', '0\r\n\r\n', '"', '\\', '=', '-', '+'],
)
const mutations = fc.array(
  fc.record({ at: fc.nat(400), remove: fc.nat(2), insert: fc.oneof(fc.constant(''), piece) }),
  { maxLength: 2 },
)

function mutated(messages: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const several = fc.array(messages, { minLength: 1, maxLength: 3 })
  return fc.tuple(several, fc.oneof(fc.constant([]), mutations)).map(([list, changes]) => {
    let bytes = list.join('')
    for (const { at, remove, insert } of changes) {
      const where = at % (bytes.length + 1)
      bytes = bytes.slice(0, where) + insert + bytes.slice(where + remove)
    }
    return bytes
  })
}

/** What a client sends on one connection, as latin1. */
export const oddRequests: fc.Arbitrary<string> = mutated(request)

/** What a server sends on one connection, as latin1. */
export const oddResponses: fc.Arbitrary<string> = mutated(response)
