/**
 * The cases of the tables beside this file, by raw bytes against node:http2 alone and against the
 * sidecar in front of it, at either of its listeners and over either transport: whatever Node's
 * server passes, the sidecar must pass too.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { netTransport } from '../../../../proxy/net-transport.ts'
import { rawTransport } from '../../transports.ts'
import { RawClient } from '../raw-client.ts'
import { FRAME_CASES } from './frame-cases.ts'
import { MESSAGE_CASES } from './message-cases.ts'
import { runCase, titleOf } from './outcome.ts'
import { behindSidecar, nodeAlone, type ServerUnderTest } from './servers.ts'
import { STREAM_CASES } from './stream-cases.ts'
import { WINDOW_CASES } from './window-cases.ts'
import { WRONG_FRAME_CASES } from './wrong-frame-cases.ts'

const CASES = [
  ...FRAME_CASES,
  ...WRONG_FRAME_CASES,
  ...STREAM_CASES,
  ...WINDOW_CASES,
  ...MESSAGE_CASES,
]

/** Where the sidecar keeps a rule that Node's server (nghttp2) does not. */
const STRICTER = [
  '5.1 DATA behind the client’s RST_STREAM is an error',
  '5.1 DATA on a stream that both sides have ended is an error',
  '5.1 HEADERS behind the client’s RST_STREAM is an error',
  '5.1 HEADERS on a stream that both sides have ended is an error',
  '5.1.1 an identifier below one that was used ends the connection',
  '6.3 PRIORITY on stream 0 ends the connection',
  '6.7 PING ACK is not answered',
  '8.2.1 CR in a value makes a request malformed',
  '8.2.1 LF in a value makes a request malformed',
  '8.2.1 NUL in a value makes a request malformed',
  '8.2.1 a space before a value makes a request malformed',
  '8.2.1 a space in a name makes a request malformed',
  '8.2.1 a tab behind a value makes a request malformed',
  '8.2.1 an empty name makes a request malformed',
]

/** What neither does: RFC 9113 5.3.2 has given priorities up, and with them this rule. */
const NEITHER = ['RFC 7540 5.3.1 PRIORITY that depends on itself is an error of its stream']

/** How many connections are under way at once. */
const WORKERS = 24

const PLACES = ['node', 'outbound', 'inbound'] as const
type Place = (typeof PLACES)[number]
const SIDECARS = ['outbound', 'inbound'] as const

let servers: Record<Place, ServerUnderTest>
const failures: Record<Place, Map<string, string>> = {
  node: new Map(),
  outbound: new Map(),
  inbound: new Map(),
}

beforeAll(async () => {
  servers = {
    node: await nodeAlone(),
    outbound: await behindSidecar('outbound', rawTransport),
    inbound: await behindSidecar('inbound', netTransport),
  }
  // At once: what takes time is the waiting for what does not come.
  await Promise.all(PLACES.map(runAll))
}, 90_000)

afterAll(async () => {
  for (const place of PLACES) await servers?.[place].close()
})

async function runAll(name: Place): Promise<void> {
  const waiting = [...CASES]
  const worker = async () => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
      const client = await RawClient.connect(servers[name].address)
      const complaint = await runCase(each, client)
      if (complaint !== null) failures[name].set(titleOf(each), complaint)
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
}

const failed = (name: Place) => [...failures[name].keys()].sort()

test('each case has a name of its own, and there are more than 150', () => {
  expect(new Set(CASES.map(titleOf)).size).toBe(CASES.length)
  expect(CASES.length).toBeGreaterThan(150)
})

test.each(SIDECARS)('the %s sidecar passes every case but those that nobody passes', (place) => {
  const unexpected = [...failures[place]].filter(([title]) => !NEITHER.includes(title))
  expect(unexpected).toEqual([])
})

test.each(SIDECARS)('the %s sidecar passes every case that Node’s server passes', (place) => {
  expect(failed(place).filter((title) => !failures.node.has(title))).toEqual([])
})

test.each(SIDECARS)('the differences to the %s sidecar are the known ones', (place) => {
  const stricter = failed('node').filter((title) => !failures[place].has(title))
  const lines = stricter.map((title) => `  ${title} (Node: ${failures.node.get(title)})`)
  const { length } = CASES
  console.info(
    `HTTP/2 conformance, ${length} cases: Node passes ${length - failures.node.size}, ` +
      `the ${place} sidecar ${length - failures[place].size}. Stricter than Node:\n${lines.join('\n')}`,
  )
  expect(stricter).toEqual(STRICTER)
  expect(failed(place)).toEqual(NEITHER)
})
