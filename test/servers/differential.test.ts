/**
 * The same random exchanges on a direct connection and through two sidecars, against real servers:
 * what the server was sent and what the client got are compared byte for byte, and how the connection
 * ends. Allowed are only the differences that `told` takes out, each with its reason.
 */
import { expect, test } from '@jest/globals'
import { NodeReading } from '../proxy/http1/node-http-parser.ts'
import { play, type Script, type Seen } from './client.ts'
import { describeServers } from './requirements.ts'
import { RUDE_PATHS, startRude } from './rude-server.ts'
import { type Menu, scriptsFor } from './script.ts'
import { compareServers } from './servers.ts'
import { playAll, runsOr, timeoutFor, type Way, type Ways } from './ways.ts'

const RUNS = runsOr(120)

/**
 * How long a client looks whether the server closes after its last answer, ms; and the next times, where one
 * of two servers has not closed yet. The last is longer than a machine stands still.
 */
const PATIENCE_MS = [15, 400, 2500] as const

/** How long the last bytes to the server may be on their way when its client is done, ms. */
const LAST_BYTES_MS = 5

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'DELETE']
const STATIC = ['/hello.txt', '/empty.txt', '/page.html', '/big.bin', '/none', '/dir', '/gone']
const NODE = [
  ...['/hello.txt', '/empty.txt', '/echo', '/chunks', '/until-close', '/hints', '/nothing'],
  ...['/not-modified', '/goodbye', '/gone', '/none', '/early'],
]

const SERVERS: { name: string; menu: Menu }[] = [
  {
    name: 'nginx',
    menu: {
      paths: [...STATIC, '/text', '/teapot', '/nothing', '/echo'],
      methods: METHODS,
      most: 4,
      chunks: true,
      early: [],
      persistence: true,
    },
  },
  {
    name: 'haproxy',
    menu: {
      paths: ['/text', '/none', '/denied', ...NODE],
      methods: METHODS,
      most: 4,
      chunks: true,
      early: ['/text', '/none', '/denied', '/gone'],
      persistence: true,
    },
  },
  {
    name: 'Apache',
    menu: {
      paths: [...STATIC, '/echo'],
      methods: METHODS,
      most: 4,
      chunks: false,
      early: [],
      persistence: true,
    },
  },
  {
    name: 'Node',
    menu: { paths: NODE, methods: METHODS, most: 4, chunks: true, early: [], persistence: true },
  },
  {
    name: 'a rude server',
    menu: {
      paths: RUDE_PATHS,
      methods: ['GET'],
      most: 1,
      chunks: false,
      early: RUDE_PATHS,
      persistence: false,
    },
  },
]

describeServers('direct and through two sidecars', () => {
  const ways = compareServers('http1', async (app) => ({
    Node: app,
    'a rude server': await startRude(),
  }))

  test.each(SERVERS)(
    '$name and its client see the same bytes and the same end',
    async ({ name, menu }) => {
      const way = ways.get(name) as Ways
      await playAll(scriptsFor(menu), RUNS, async (script) => {
        const { direct, through } = await compare(script, way, !menu.persistence)
        // A server that answers and closes before it has read all stops the client at any byte.
        if (direct.ending !== 'open') expectOneBeginsAsOther(direct.sent, through.sent)
        else expect(through.sent).toBe(direct.sent)
        // With its RST the kernel throws away what the client has not read yet.
        const isLost = direct.isCut && direct.bytes !== through.bytes
        if (isLost) expect(through.raw.startsWith(direct.raw)).toBe(true)
        const seen = ({ isCut, raw, sent, bytes, ...rest }: typeof direct) =>
          isLost ? rest : { ...rest, bytes }
        expect(seen(through)).toEqual(seen(direct))
      })
    },
    timeoutFor(RUNS),
  )
})

function expectOneBeginsAsOther(one: string, other: string): void {
  const length = Math.min(one.length, other.length)
  expect(one.slice(0, length)).toBe(other.slice(0, length))
}

/**
 * Plays a script both ways; again, with more patience, where the two differ in their end or in what was sent:
 * on a busy machine the last bytes of a script may reach a server during the next.
 */
async function compare(script: Script, { direct, through }: Ways, exact: boolean) {
  const once = (patience: number) =>
    Promise.all([
      playOn(direct, script, { patience, exact }),
      playOn(through, script, { patience, exact }),
    ])
  let [one, other] = await once(PATIENCE_MS[0])
  for (const patience of PATIENCE_MS.slice(1)) {
    const isSame = one.ending !== 'open' || one.sent === other.sent
    if (isSame && one.ending === other.ending) break
    await new Promise((resolve) => setTimeout(resolve, patience))
    ;[one, other] = await once(patience)
  }
  return { direct: one, through: other }
}

interface Watch {
  patience: number
  exact: boolean
}

async function playOn({ tap, connect }: Way, script: Script, { patience, exact }: Watch) {
  const socket = connect()
  tap.take()
  const seen = await play(script, socket, patience)
  await new Promise((resolve) => setTimeout(resolve, LAST_BYTES_MS))
  const { bytes, ended } = tap.take()
  socket.destroy()
  return told(script, { ...seen, sent: bytes, serverSaw: ended }, exact)
}

interface Told extends Seen {
  /** What the server got. */
  sent: string
  /** How the client's side ended, as the server saw it. */
  serverSaw: 'fin' | 'rst' | null
}

/**
 * What may differ:
 *
 * | in          | what                                      | because                                       |
 * |-------------|-------------------------------------------|-----------------------------------------------|
 * | the request | traceparent, azds-hop, azds-route-as      | that is what a sidecar writes                 |
 * | the answer  | the values of Date and Last-Modified      | the two are not asked at one time             |
 * | both        | Connection, Keep-Alive and how the body   | a sidecar keeps the connection to the server, |
 * |             | is framed, on a connection whose client   | if it may, and closes the client's all the    |
 * |             | says `Connection: close`                  | same; for a kept one Apache writes chunks     |
 * | the end     | FIN for RST where a server closes that    | a sidecar hands the answer over in peace; the |
 * |             | has not read all that was sent to it      | rude server does so on purpose: `exact`       |
 * | the end     | FIN to a server that has closed           | a client takes its time to close, a sidecar   |
 * |             |                                           | does so at once                               |
 */
function told(script: Script, { bytes, sent, serverSaw, ...rest }: Told, exact: boolean) {
  const closes = script.exchanges.some(({ head }) => /\r\nconnection: close\r\n/i.test(head))
  const connection = closes ? /\r\nConnection: [^\r\n]*/gi : /$^/
  const dated = bytes.replace(/\r\n(Date|Last-Modified): [^\r\n]*/gi, '\r\n$1')
  return {
    ...rest,
    ending: rest.ending === 'rst' && !exact ? 'fin' : rest.ending,
    isCut: rest.ending === 'rst' && !exact,
    /** As far as it must be the same to the byte: where framing may differ, the first line. */
    raw: closes ? (dated.split('\r\n', 1)[0] as string) : dated,
    bytes: closes ? meaningOf(dated, script) : dated,
    sent: sent
      .replace(/\r\n(?:traceparent|azds-hop|azds-route-as):[^\r\n]*/gi, '')
      .replace(connection, ''),
    reset: rest.ending === 'open' && serverSaw === 'rst',
  }
}

/** The answers without what says how they are framed. */
function meaningOf(bytes: string, { exchanges }: Script): string {
  const methods = exchanges.map(({ head }) => head.slice(0, head.indexOf(' ')))
  const finals = () => reading.messages.filter(({ start: [status = ''] }) => !/^1/.test(status))
  const reading = new NodeReading('response', () => methods[finals().length] === 'HEAD')
  reading.read(Buffer.from(bytes, 'latin1'))
  reading.end()
  const framing = /^(?:connection|keep-alive|transfer-encoding|content-length)$/i
  const answers = reading.messages.map(({ start, version, headers, body }) => {
    const kept = headers.filter((_, at) => !framing.test(headers[at - (at % 2)] ?? ''))
    return { start, version, kept, body }
  })
  return JSON.stringify({ answers, refused: reading.refused })
}
