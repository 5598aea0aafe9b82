/**
 * The same random HTTP/2 connections direct and through two sidecars, against real servers: what the server
 * was sent on each stream and what the client got are compared, and how each stream ends. Allowed are only the
 * differences that `told` and `received` take out, each with its reason.
 */
import { expect, test } from '@jest/globals'
import type { Pair } from '../proxy/http2/raw-client.ts'
import { type Http2Seen, playHttp2 } from './http2-client.ts'
import { requestsIn, type SentStream } from './http2-requests.ts'
import { type Http2Menu, type Http2Script, http2ScriptsFor } from './http2-script.ts'
import { startNodeHttp2 } from './node-http2-server.ts'
import { describeServers } from './requirements.ts'
import { compareServers } from './servers.ts'
import type { Tap } from './tap.ts'
import { playAll, runsOr, timeoutFor, type Way, type Ways } from './ways.ts'

const RUNS = runsOr(50)

/** How long the last frames to the server may be on their way when its client is done, ms. */
const LAST_FRAMES_MS = 5_000

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'DELETE']
const STATIC = ['/hello.txt', '/empty.txt', '/page.html', '/big.bin', '/none', '/dir', '/gone']
const NODE = ['/echo', '/chunks', '/hints', '/nothing', '/not-modified', '/hello.txt', '/empty.txt']

const SERVERS: { name: string; menu: Http2Menu }[] = [
  {
    name: 'nginx',
    menu: {
      paths: [...STATIC, '/text', '/teapot', '/nothing', '/echo', '/echo'],
      methods: METHODS,
      early: [...STATIC, '/text', '/teapot', '/nothing'],
      huge: '/huge.bin',
      trailers: false,
      padding: true,
      waitsForEnd: true,
      longHeads: true,
      once: ['if-modified-since', 'range', 'user-agent'],
      leastWindow: 0,
    },
  },
  {
    name: 'haproxy',
    menu: {
      paths: ['/text', '/none', '/denied', '/gone', ...NODE],
      methods: METHODS,
      early: ['/text', '/none', '/denied', '/gone'],
      huge: null,
      trailers: true,
      padding: false,
      waitsForEnd: true,
      longHeads: false,
      once: [],
      leastWindow: 0,
    },
  },
  {
    name: 'Apache',
    menu: {
      paths: [...STATIC, '/echo', '/echo'],
      methods: METHODS,
      early: STATIC,
      huge: '/huge.bin',
      trailers: true,
      padding: true,
      waitsForEnd: false,
      longHeads: true,
      once: [],
      leastWindow: 1,
    },
  },
  {
    name: 'Node',
    menu: {
      paths: [
        ...['/hello.txt', '/empty.txt', '/big.bin', '/echo', '/heads', '/trailers'],
        ...['/trailers-only', '/hints', '/nothing', '/not-modified', '/none'],
        ...['/reset/cancel', '/reset/internal', '/reset/calm'],
      ],
      methods: METHODS,
      early: [],
      huge: '/huge.bin',
      trailers: true,
      padding: true,
      waitsForEnd: true,
      longHeads: true,
      once: [],
      leastWindow: 0,
    },
  },
]

describeServers('HTTP/2 direct and through two sidecars', () => {
  const ways = compareServers('h2c', async () => ({ Node: await startNodeHttp2() }))

  test.each(SERVERS)(
    '$name and its client see the same on every stream',
    async ({ name, menu }) => {
      const { direct, through } = ways.get(name) as Ways
      await playAll(http2ScriptsFor(menu), RUNS, async (script) => {
        const [one, other] = await Promise.all([playOn(direct, script), playOn(through, script)])
        expect(one.got.missing).toBeNull()
        cutAlike(one.got, other.got)
        expect(other).toEqual(one)
      })
    },
    timeoutFor(RUNS),
  )
})

/** What the client got, and what the server was sent by then. */
async function playOn({ tap, connect }: Way, script: Http2Script) {
  tap.take()
  const socket = connect()
  const got = told(await playHttp2(script, socket))
  const sent = await received(tap, script)
  socket.destroy()
  return { got, sent }
}

/**
 * What may differ of what the client gets:
 *
 * | what                              | because                                  |
 * |-----------------------------------|------------------------------------------|
 * | the values of date, last-modified | the two are not asked at one time        |
 * | the last bytes before a reset,    | a reset overtakes what waits its turn in |
 * | see `cutAlike`                    | a server                                 |
 */
function told({ streams, ...rest }: Http2Seen) {
  const undated = ([name, value]: Pair): Pair =>
    /^(date|last-modified)$/.test(name) ? [name, ''] : [name, value]
  const same = streams.map(({ heads, ...stream }) => ({
    ...stream,
    heads: heads.map((fields) => fields.map(undated)),
  }))
  return { ...rest, streams: same }
}

/** Of two answers that a server has reset, the shorter one must be the beginning of the longer one. */
function cutAlike(one: Http2Seen, other: Http2Seen): void {
  for (const [at, stream] of one.streams.entries()) {
    const twin = other.streams[at]
    if (!stream.end?.startsWith('reset') || twin?.end !== stream.end) continue
    const length = Math.min(stream.body.length, twin.body.length)
    stream.body = stream.body.slice(0, length)
    twin.body = twin.body.slice(0, length)
  }
}

/**
 * What may differ of what the server gets: traceparent, azds-hop and azds-route-as, which a sidecar writes.
 */
async function received(tap: Tap, script: Http2Script): Promise<SentStream[]> {
  const end = Date.now() + LAST_FRAMES_MS
  const ends = script.streams.filter(({ reset }) => reset?.when !== 'sending').length
  const resets = script.streams.filter(({ reset }) => reset !== null).length
  for (;;) {
    const streams = tap.sent().opened.flatMap(requestsIn)
    const isAll =
      streams.filter(({ isEnded }) => isEnded).length >= ends &&
      streams.filter(({ reset }) => reset !== null).length >= resets
    if (isAll || Date.now() > end) {
      return streams.map(({ heads, ...rest }) => ({ ...rest, heads: heads.map(withoutOurs) }))
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

function withoutOurs(fields: readonly Pair[]): Pair[] {
  return fields.filter(([name]) => !/^(traceparent|azds-hop|azds-route-as)$/.test(name))
}
