/** Random scripts of a client: what it asks of a server, and how it cuts, waits and leaves. */
import fc from 'fast-check'
import type { Exchange, Script } from './client.ts'

const one = (...values: string[]) => fc.constantFrom(...values)

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,9}$/)
const text = fc.stringMatching(/^[!-~\x80-\xff]([ \t!-~\x80-\xff]{0,12}[!-~\x80-\xff])?$/)
const blank = one('', ' ', ' ', '\t', '  ')

/** Names that nobody gives a meaning to, in any case, some of them twice. */
const freeField = fc
  .tuple(one('X-', 'x-', 'App-', 'aPP-'), token, blank, fc.oneof(text, fc.constant('')), blank)
  .map(([prefix, name, before, value, after]) => `${prefix}${name}:${before}${value}${after}\r\n`)

/**
 * Names that servers act upon. None that leads to 412: after that nginx closes connections of which it says
 * that it keeps them, and a sidecar sends a request that meets such an end once more, if it may.
 */
const knownField = one(
  ...['Accept-Encoding: gzip\r\n', 'accept-encoding: identity\r\n', 'Range: bytes=3-7\r\n'],
  ...['RANGE: bytes=-4\r\n', 'Range: bytes=999999-\r\n', 'Range: nonsense\r\n'],
  ...['If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT\r\n', 'If-None-Match: *\r\n'],
  ...['Cookie: a=b\r\nCookie: c=d\r\n', 'Accept: */*\r\n', 'User-Agent: \r\n', 'TE: trailers\r\n'],
  // What a sidecar itself reads and writes.
  ...['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n'],
  ...[
    'TraceParent: no such thing\r\n',
    'azds-route-as: nowhere\r\n',
    'Baggage: azds-route-as=x\r\n',
  ],
)
const fields = fc
  .array(fc.oneof({ weight: 3, arbitrary: freeField }, { weight: 1, arbitrary: knownField }), {
    maxLength: 5,
  })
  .map((list) => list.join(''))

const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.nat(3_000).map((length) => Buffer.alloc(length, 'body with \r\n\r\n0\r\n\r\n in it ')),
)
const bytes = content.map((data) => Buffer.from(data).toString('latin1'))

const chunked = fc
  .tuple(
    bytes,
    fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 4 }),
    one('', '', ';a=b', ';q="x y"'),
    one('', '', 'X-Trailer: t\r\n', 'x-a: 1\r\nX-A: 2\r\n'),
  )
  .map(([data, sizes, extension, trailers]) => {
    let wire = ''
    for (let from = 0, turn = 0; from < data.length; turn++) {
      const part = data.slice(from, from + (sizes[turn % sizes.length] ?? 1))
      wire += `${part.length.toString(16)}${extension}\r\n${part}\r\n`
      from += part.length
    }
    return { framing: 'Transfer-Encoding: chunked\r\n', body: `${wire}0\r\n${trailers}\r\n` }
  })
const sized = bytes.map((body) => ({ framing: `Content-length: ${body.length}\r\n`, body }))
const nothing = fc.constant({ framing: '', body: '' })

export interface Menu {
  paths: readonly string[]
  methods: readonly string[]
  /** The most requests on one connection. */
  most: number
  /** False for a server whose answers to bodies in chunks depend on how they come in. */
  chunks: boolean
  /** Paths that are answered as soon as the head is there; what happens to a body is a race. */
  early: readonly string[]
  /** False for a server that leaves connections as it likes, whatever it is asked. */
  persistence: boolean
}

function exchangeOf({ paths, methods, chunks, early, persistence }: Menu): fc.Arbitrary<Exchange> {
  return fc
    .record({
      method: fc.constantFrom(...methods),
      path: fc.constantFrom(...paths),
      query: one('', '', '?a=b&c=%20', '?x=/../y'),
      form: fc.nat(9),
      old: fc.nat(5),
      fields,
      more: fields,
      sent: fc.oneof(nothing, nothing, sized, chunks ? chunked : sized),
      connection: persistence
        ? one('', '', '', 'Connection: keep-alive\r\n', 'connection: Close\r\n')
        : one(''),
      expects: fc.nat(3),
      waits: fc.boolean(),
    })
    .map((drawn) => {
      const sent = early.includes(drawn.path) ? { framing: '', body: '' } : drawn.sent
      const parts = { ...drawn, sent }
      // haproxy takes no body of HTTP/1.0 with a GET, and answers HEAD with one of its own.
      const old = persistence && parts.old === 0 && parts.sent.framing === ''
      const target = parts.form === 0 ? `http://web.test${parts.path}` : parts.path
      const start = `${parts.method} ${target}${parts.query} HTTP/1.${old ? 0 : 1}\r\n`
      const expects = parts.expects === 0 && !old && parts.sent.body !== ''
      const rest = `${parts.sent.framing}${expects ? 'Expect: 100-continue\r\n' : ''}${parts.connection}`
      const head = `${start}${parts.fields}Host: web.test\r\n${rest}${parts.more}\r\n`
      return { head, body: parts.sent.body, waits: expects && parts.waits }
    })
}

function saysLast(head: string): boolean {
  // By its own word, or by what is asked for; if more were sent, RST could cost the client the answer.
  if (/\r\nconnection: close\r\n/i.test(head) || /\/(?:until-close|goodbye)\b/.test(head))
    return true
  return head.includes(' HTTP/1.0\r\n') && !/\r\nconnection: keep-alive\r\n/i.test(head)
}

/** Scripts for a server of which the menu says what it understands. */
export function scriptsFor(menu: Menu): fc.Arbitrary<Script> {
  return fc
    .record({
      exchanges: fc.array(exchangeOf(menu), { minLength: 1, maxLength: menu.most }),
      style: fc.nat(9),
      cuts: fc.oneof(fc.constant<number[]>([]), fc.array(fc.nat(4_000), { maxLength: 4 })),
      halfClose: fc.nat(7).map((draw) => draw === 0),
    })
    .map(({ exchanges, style, cuts, halfClose }) => {
      // What follows the last request of a connection is no request: servers differ on what it is.
      const last = exchanges.findIndex(({ head }) => saysLast(head))
      const asked = last < 0 ? exchanges : exchanges.slice(0, last + 1)
      const pipelined = style < 3 && asked.every(({ waits }) => !waits)
      // FIN right behind pipelined requests reaches some servers before they look at the second of them; a
      // sidecar sends one after the other, and FIN with the last.
      return { exchanges: asked, pipelined, cuts, halfClose: halfClose && !pipelined }
    })
}
