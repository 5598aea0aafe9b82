/** Cases of messages and header compression: RFC 9113 8, RFC 7541. */
import { FLAG } from '../../../../proxy/http2/frame.ts'
import { continuation, data, headers } from '../frames.ts'
import type { Pair } from '../raw-client.ts'
import { answer, type Case, connectionError, streamError } from './outcome.ts'
import { ask, changed, GET, OPEN, POST, WHOLE } from './requests.ts'

const MALFORMED = streamError(1, 'protocolError')

/** Requests that must be answered. */
// biome-ignore format: a table of one row each
const SOUND: [section: string, name: string, pairs: readonly Pair[], body?: string][] = [
  ['8.1', 'GET is answered', GET, 'GET / 0'],
  ['8.1', 'HEAD is answered without a body', changed(':method', 'HEAD'), ''],
  ['8.1', 'POST without a body is answered', POST, 'POST / 0'],
  ['8.3.1', 'OPTIONS * is answered', [[':method', 'OPTIONS'], [':scheme', 'http'], [':path', '*'], [':authority', 'app']], 'OPTIONS * 0'],
  ['8.3.1', 'a request without :authority is answered', [...changed(':authority', null), ['host', 'app']], 'GET / 0'],
  ['8.3', 'pseudo-header fields may come in any order', GET.toReversed(), 'GET / 0'],
  ['8.2.2', 'te: trailers is allowed', [...GET, ['te', 'trailers']], 'GET / 0'],
  ['8.2.3', 'cookie crumbs are one cookie', [...changed(':path', '/cookie'), ['cookie', 'a=1'], ['cookie', 'b=2']], 'a=1; b=2'],
  ['8.2.1', 'a value may be empty', [...GET, ['x-a', '']], 'GET / 0'],
  ['8.2.1', 'a value may have high bytes', [...GET, ['x-a', '\u00e4']], 'GET / 0'],
  ['8.1', 'a status of the server’s choice comes back', changed(':path', '/status/404'), 'GET /status/404 0'],
  ['8.1', 'a list of 40 KB is taken', [...GET, ...Array.from({ length: 10 }, (_, i): Pair => [`x-${i}`, 'v'.repeat(4_000)])], 'GET / 0'],
]

/** Requests that are malformed (8.1.1). */
const UNSOUND: [section: string, name: string, pairs: readonly Pair[]][] = [
  ['8.2.1', 'an upper-case name', [...GET, ['X-A', 'b']]],
  ['8.2.1', 'NUL in a value', [...GET, ['x-a', 'a\0b']]],
  ['8.2.1', 'LF in a value', [...GET, ['x-a', 'a\nb']]],
  ['8.2.1', 'CR in a value', [...GET, ['x-a', 'a\rb']]],
  ['8.2.1', 'a space in a name', [...GET, ['x a', 'b']]],
  ['8.2.1', 'an empty name', [...GET, ['', 'b']]],
  ['8.2.1', 'a space before a value', [...GET, ['x-a', ' b']]],
  ['8.2.1', 'a tab behind a value', [...GET, ['x-a', 'b\t']]],
  ['8.2.2', 'connection', [...GET, ['connection', 'keep-alive']]],
  ['8.2.2', 'proxy-connection', [...GET, ['proxy-connection', 'close']]],
  ['8.2.2', 'keep-alive', [...GET, ['keep-alive', '5']]],
  ['8.2.2', 'transfer-encoding', [...GET, ['transfer-encoding', 'chunked']]],
  ['8.2.2', 'upgrade', [...GET, ['upgrade', 'foo']]],
  ['8.2.2', 'te with another value', [...GET, ['te', 'trailers, deflate;q=0.5']]],
  ['8.3', 'an unknown pseudo-field', [...GET, [':test', 'ok']]],
  ['8.3', 'a pseudo-field of a response', [...GET, [':status', '200']]],
  ['8.3', 'a pseudo-field behind another field', [...GET.slice(1), ['x-a', 'b'], GET[0] as Pair]],
  ['8.3', ':method twice', [...GET, [':method', 'GET']]],
  ['8.3', ':scheme twice', [...GET, [':scheme', 'http']]],
  ['8.3', ':path twice', [...GET, [':path', '/']]],
  ['8.3', ':authority twice', [...GET, [':authority', 'app']]],
  ['8.3.1', 'an empty :path', changed(':path', '')],
  ['8.3.1', 'no :method', changed(':method', null)],
  ['8.3.1', 'no :scheme', changed(':scheme', null)],
  ['8.3.1', 'no :path', changed(':path', null)],
  ['8.3.1', ':path * with GET', changed(':path', '*')],
  ['8.3.1', ':path without a slash', changed(':path', 'index')],
  ['8.3.1', 'user information in :authority', changed(':authority', 'me@app')],
  ['8.5', 'CONNECT with :scheme and :path', changed(':method', 'CONNECT')],
  ['8.5', 'CONNECT without :authority', [[':method', 'CONNECT']]],
  ['8.8', 'two Content-Length fields', [...GET, ['content-length', '0'], ['content-length', '0']]],
  ['8.8', 'a Content-Length that is no number', [...GET, ['content-length', 'x']]],
]

const BODIES: Case[] = [
  {
    section: '8.1',
    name: 'a body in two frames arrives',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(data(1, 'abc'), data(1, 'de', true))
    },
    outcome: answer(1, '200', 'POST / 5'),
  },
  {
    section: '8.1',
    name: 'trailers of a request end it',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(data(1, 'abc'))
      ask(client, 1, [['x-trailer', '1']])
    },
    outcome: answer(1, '200', 'POST / 3'),
  },
  {
    section: '8.1',
    name: 'trailers without END_STREAM are an error',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(data(1, 'abc'))
      ask(client, 1, [['x-trailer', '1']], OPEN)
    },
    outcome: MALFORMED,
  },
  {
    section: '8.1',
    name: 'pseudo-fields in trailers are an error',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(data(1, 'abc'))
      ask(client, 1, [[':path', '/']])
    },
    outcome: MALFORMED,
  },
  {
    section: '8.1',
    name: 'trailers with an upper-case name are an error',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(data(1, 'abc'))
      ask(client, 1, [['X-Trailer', '1']])
    },
    outcome: MALFORMED,
  },
  {
    section: '8.1.1',
    name: 'a body as long as Content-Length says arrives',
    act: (client) => {
      ask(client, 1, [...POST, ['content-length', '5']], OPEN)
      client.send(data(1, 'abc'), data(1, 'de', true))
    },
    outcome: answer(1, '200', 'POST / 5'),
  },
  {
    section: '8.1.1',
    name: 'a body shorter than Content-Length is an error',
    act: (client) => {
      ask(client, 1, [...POST, ['content-length', '5']], OPEN)
      client.send(data(1, 'abc', true))
    },
    outcome: MALFORMED,
  },
  {
    section: '8.1.1',
    name: 'no body where Content-Length says there is one is an error',
    act: (client) => ask(client, 1, [...POST, ['content-length', '5']]),
    outcome: MALFORMED,
  },
  {
    section: '8.1.1',
    name: 'a body longer than Content-Length is an error, in several frames too',
    act: (client) => {
      ask(client, 1, [...POST, ['content-length', '4']], OPEN)
      client.send(data(1, 'abc'), data(1, 'de', true))
    },
    outcome: MALFORMED,
  },
  {
    section: '8.1.1',
    name: 'trailers before the end of Content-Length are an error',
    act: (client) => {
      ask(client, 1, [...POST, ['content-length', '4']], OPEN)
      client.send(data(1, 'abc'))
      ask(client, 1, [['x-trailer', '1']])
    },
    outcome: MALFORMED,
  },
  {
    section: '8.1',
    name: 'trailers of a response come through',
    act: (client) => ask(client, 1, changed(':path', '/trailers')),
    outcome: answer(1, '200', 'body'),
    check: ({ heard }) => {
      const last = heard.findLast(({ kind }) => kind === 'headers')
      const has = last?.kind === 'headers' && last.fields.some(([name]) => name === 'x-trailer')
      return has ? null : 'no trailers'
    },
  },
  {
    section: '8.1',
    name: 'interim responses come before the final one',
    act: (client) => ask(client, 1, changed(':path', '/hints')),
    outcome: answer(1, '200', 'GET /hints 0'),
    check: ({ heard }) => {
      const statuses = heard.flatMap((e) => (e.kind === 'headers' ? [e.fields[0]?.[1]] : []))
      return statuses.join() === '103,200' ? null : statuses.join()
    },
  },
]

const LITERAL_INDEXED = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.of(0x40, name.length),
    Buffer.from(name),
    Buffer.of(value.length),
    Buffer.from(value),
  ])

/** Blocks of HPACK behind a sound request's four fields. */
// biome-ignore format: a table of one row each
const GOOD_BLOCKS: [section: string, name: string, more: Buffer][] = [
  ['2.3.1', 'a field of the static table', Buffer.of(0x90)],
  ['2.3.2', 'a field of the dynamic table', Buffer.concat([LITERAL_INDEXED('x-a', 'b'), Buffer.of(0xbe)])],
  ['6.2.1', 'a literal with indexing, its name indexed', Buffer.of(0x53, 0x01, 0x2a)],
  ['6.2.2', 'a literal without indexing', Buffer.of(0x00, 0x03, 0x78, 0x2d, 0x61, 0x01, 0x62)],
  ['6.2.2', 'a literal without indexing, its name indexed', Buffer.of(0x0f, 0x04, 0x01, 0x2a)],
  ['6.2.3', 'a literal that is never indexed', Buffer.of(0x10, 0x03, 0x78, 0x2d, 0x61, 0x01, 0x62)],
  ['5.2', 'a value in Huffman code', Buffer.of(0x53, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf)],
]

// biome-ignore format: a table of one row each
const BAD_BLOCKS: [section: string, name: string, more: Buffer][] = [
  ['2.3.3', 'an index beyond the tables', Buffer.of(0xff, 0x80, 0x01)],
  ['2.3.3', 'a literal whose name is beyond the tables', Buffer.of(0x7f, 0x80, 0x01, 0x01, 0x62)],
  ['4.2', 'a table size update at the end', Buffer.of(0x20)],
  ['5.1', 'an integer that never ends', Buffer.alloc(16, 0xff)],
  ['5.2', 'Huffman padding of more than 7 bits', Buffer.of(0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x84, 0x49, 0x50, 0x9f, 0xff)],
  ['5.2', 'Huffman padding of zeros', Buffer.of(0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x83, 0x49, 0x50, 0x90)],
  ['5.2', 'the end of string in Huffman code', Buffer.of(0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x87, 0x49, 0x51, 0xff, 0xff, 0xff, 0xfa, 0x7f)],
  ['6.1', 'the index 0', Buffer.of(0x80)],
]

/** GET http / app, without the dynamic table. */
const PLAIN = Buffer.from([0x82, 0x86, 0x84, 0x01, 0x03, 0x61, 0x70, 0x70])

const COMPRESSION: Case[] = [
  ...GOOD_BLOCKS.map(
    ([section, name, more]): Case => ({
      section: `RFC 7541 ${section}`,
      name: `${name} is read`,
      act: (client) => client.send(headers(1, Buffer.concat([PLAIN, more]))),
      outcome: answer(),
    }),
  ),
  ...BAD_BLOCKS.map(
    ([section, name, more]): Case => ({
      section: `RFC 7541 ${section}`,
      name: `${name} ends the connection`,
      act: (client) => client.send(headers(1, Buffer.concat([PLAIN, more]))),
      outcome: connectionError('compressionError'),
    }),
  ),
  {
    section: 'RFC 7541 6.3',
    name: 'table size updates at the beginning are taken',
    act: (client) =>
      client.send(headers(1, Buffer.concat([Buffer.of(0x20, 0x3f, 0xe1, 0x1f), PLAIN]))),
    outcome: answer(),
  },
  {
    section: 'RFC 7541 6.3',
    name: 'a table size update above the setting ends the connection',
    act: (client) =>
      client.send(headers(1, Buffer.concat([Buffer.of(0x3f, 0xe1, 0xff, 0x03), PLAIN]))),
    outcome: connectionError('compressionError'),
  },
  {
    section: 'RFC 7541 2.2',
    name: 'the table is one for all streams of a connection',
    act: async (client) => {
      client.send(headers(1, Buffer.concat([PLAIN, LITERAL_INDEXED('x-a', 'b')])))
      client.send(headers(3, Buffer.concat([PLAIN, Buffer.of(0xbe)])))
    },
    outcome: answer(3),
  },
  {
    section: '4.3',
    name: 'the block of a refused request counts for the table',
    act: (client) => {
      const refused = Buffer.concat([
        PLAIN,
        LITERAL_INDEXED('x-a', 'b'),
        LITERAL_INDEXED('X-A', 'b'),
      ])
      client.send(headers(1, refused))
      client.send(headers(3, Buffer.concat([PLAIN, Buffer.of(0xbf)])))
    },
    outcome: answer(3),
  },
]

export const MESSAGE_CASES: readonly Case[] = [
  ...SOUND.map(
    ([section, name, pairs, body]): Case => ({
      section,
      name,
      act: (client) => {
        const block = client.block(pairs)
        const first = block.subarray(0, 16_384)
        const isWhole = first.length === block.length
        client.send(headers(1, first, isWhole ? WHOLE : FLAG.endStream))
        for (let at = 16_384; at < block.length; at += 16_384) {
          const isLast = at + 16_384 >= block.length
          client.send(continuation(1, block.subarray(at, at + 16_384), isLast))
        }
      },
      outcome: answer(1, name.startsWith('a status') ? '404' : '200', body),
    }),
  ),
  ...UNSOUND.map(
    ([section, name, pairs]): Case => ({
      section,
      name: `${name} makes a request malformed`,
      act: (client) => ask(client, 1, pairs),
      outcome: MALFORMED,
    }),
  ),
  ...BODIES,
  ...COMPRESSION,
]
