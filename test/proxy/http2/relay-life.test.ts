import { expect, test } from '@jest/globals'
import {
  EARLY_RESET_BURST,
  IDLE_FRAME_BURST,
  MAX_STREAMS,
  MAX_UNREAD_REPLIES,
} from '../../../proxy/http2/limits.ts'
import { eventually } from '../fake-controller.ts'
import { memoryPair, settle } from '../memory-stream.ts'
import { TARGET } from '../recorded-exchange.ts'
import { data, frame, ping, rstStream, settings, windowUpdate } from './frames.ts'
import { get, Http2Peer, post } from './peer.ts'
import { startRelay } from './relay-harness.ts'

const FIRST_GOODBYE = 'goaway 2147483647 0'
const PONG = ping('azds-bye', 1)

test('a drain finishes what is there and what is on its way, then closes', async () => {
  const { client, servers, relay } = startRelay()
  client.head(1, get('/before'))
  await settle()
  relay.drain()
  client.head(3, get('/on-its-way'))
  await settle()
  expect(client.log.slice(-2)).toEqual([FIRST_GOODBYE, 'ping azds-bye'])
  client.send(PONG)
  await settle()
  expect(client.of('goaway')).toEqual([FIRST_GOODBYE, 'goaway 3 0'])
  client.head(5, get('/too-late'))
  servers[0]?.head(1, [[':status', '200']])
  await settle()
  expect(client.closed).toBeNull()
  servers[0]?.head(3, [[':status', '201']])
  await settle()
  expect(client.of('headers')).toEqual(['headers 1 :status=200 end', 'headers 3 :status=201 end'])
  expect(client.log).toContain('fin')
  expect(servers[0]?.of('headers')).toHaveLength(2)
  expect(servers[0]?.log.slice(-2)).toEqual(['goaway 0 0', 'fin'])
  client.stream.end()
  await relay.closed
})

test('a client that does not answer the PING hears the last GOAWAY a second later', async () => {
  const { client, servers, relay } = startRelay()
  client.head(1, get())
  await settle()
  relay.drain()
  const begun = performance.now()
  await eventually('the last GOAWAY', () => client.of('goaway').length > 1)
  expect(performance.now() - begun).toBeGreaterThan(990)
  expect(client.of('goaway')).toEqual([FIRST_GOODBYE, 'goaway 1 0'])
  servers[0]?.head(1, [[':status', '200']])
  client.stream.end()
  await relay.closed
})

test('an idle connection is closed by a drain as soon as its client has heard of it', async () => {
  const { client, relay } = startRelay()
  await settle()
  relay.drain()
  await settle()
  expect(client.of('goaway')).toEqual([FIRST_GOODBYE])
  client.send(PONG)
  await settle()
  expect(client.of('goaway')).toEqual([FIRST_GOODBYE, 'goaway 0 0'])
  expect(client.log).toContain('fin')
  client.stream.end()
  await relay.closed
})

test('a request that is on its way to an idle connection while it drains is served', async () => {
  const { client, servers, relay } = startRelay()
  await settle()
  relay.drain()
  client.head(1, get())
  await settle()
  client.send(PONG)
  servers[0]?.head(1, [[':status', '200']])
  await settle()
  expect(client.of('headers')).toEqual(['headers 1 :status=200 end'])
  expect(client.log).toContain('fin')
  client.stream.end()
  await relay.closed
})

test('a connection that retires before its first stream serves that one', async () => {
  const { client, servers, relay } = startRelay()
  relay.retire()
  await settle()
  expect(client.of('goaway')).toEqual([])
  client.head(1, get())
  await settle()
  expect(client.of('goaway')).toEqual([FIRST_GOODBYE])
  client.send(PONG)
  servers[0]?.head(1, [[':status', '200']])
  await settle()
  expect(client.of('headers')).toEqual(['headers 1 :status=200 end'])
  expect(client.log).toContain('fin')
  client.stream.end()
  await relay.closed
})

test('the connection that was dialled first serves its target, with what its server has said', async () => {
  const [ours, theirs] = memoryPair(TARGET)
  const server = new Http2Peer(theirs, 'server')
  const firstUpstream = { target: TARGET, stream: ours, fromServer: settings([0x3, 7]) }
  const { client, dialled } = startRelay({ firstUpstream })
  client.head(1, get())
  await settle()
  expect(dialled).toEqual([])
  expect(server.log).toContain('ack')
  server.head(1, [[':status', '200']])
  await settle()
  expect(client.of('1')).toEqual(['headers 1 :status=200 end'])
})

test('the connection that was dialled first is closed if the first stream goes elsewhere', async () => {
  const [ours, theirs] = memoryPair(TARGET)
  const server = new Http2Peer(theirs, 'server')
  const other = { ip: '10.8.8.8', port: 81 }
  const firstUpstream = { target: TARGET, stream: ours, fromServer: Buffer.alloc(0) }
  const { client, dialled } = startRelay({ firstUpstream, target: () => other })
  client.head(1, get())
  await settle()
  expect(dialled).toEqual([other])
  expect(server.log).toEqual(['fin'])
})

test('streams above the announced number are refused, so that the client may send them again', async () => {
  const { client, servers } = startRelay()
  for (let i = 0; i <= MAX_STREAMS; i++) client.head(i * 2 + 1, get())
  await settle(1_100)
  expect(client.of('rst')).toEqual([`rst ${MAX_STREAMS * 2 + 1} 7`])
  // A server that has not limited them gets all.
  const opened = servers.reduce((sum, server) => sum + server.of('headers').length, 0)
  expect(opened).toBe(MAX_STREAMS)
})

const CALM = /^goaway \d+ 11 /

test.each<[string, number, (at: number) => Buffer]>([
  ['PING', IDLE_FRAME_BURST, () => ping()],
  ['SETTINGS', IDLE_FRAME_BURST, () => settings()],
  ['unknown frames', IDLE_FRAME_BURST, () => frame(0xaa, 0, 0)],
  ['PRIORITY', IDLE_FRAME_BURST, () => frame(2, 0, 9, Buffer.from([0, 0, 0, 0, 5]))],
  ['WINDOW_UPDATE of 1', IDLE_FRAME_BURST, () => windowUpdate(0, 1)],
  ['DATA without a byte', IDLE_FRAME_BURST, () => data(1, '')],
  ['RST_STREAM of what is over', IDLE_FRAME_BURST, () => rstStream(1)],
  ['GOAWAY', IDLE_FRAME_BURST, () => frame(7, 0, 0, Buffer.alloc(8))],
  ['acknowledgements', IDLE_FRAME_BURST, () => frame(4, 1, 0)],
])('a flood of %s ends the connection with ENHANCE_YOUR_CALM', async (_, count, make) => {
  const { client, refused } = startRelay()
  client.head(1, post(), false)
  await settle()
  const flood = Array.from({ length: count + 10 }, (_, at) => make(at))
  client.send(...flood)
  await settle()
  expect(client.of('goaway')[0]).toMatch(CALM)
  expect(refused[0]?.message).toMatch(/flood/)
})

test('requests that are taken back at once end the connection, and the server saw no more than those', async () => {
  const { client, servers, refused } = startRelay()
  for (let i = 0; i <= EARLY_RESET_BURST; i++) {
    client.head(i * 2 + 1, get())
    client.send(rstStream(i * 2 + 1))
  }
  await settle(EARLY_RESET_BURST * 3)
  expect(client.of('goaway')[0]).toMatch(CALM)
  expect(refused[0]?.message).toMatch(/flood of requests/)
  expect(servers).toHaveLength(1)
  expect(servers[0]?.log.at(-1)).toBe('fin')
})

test('a busy gRPC client comes nowhere near a limit: calls that are cancelled, pings with data, small windows', async () => {
  let now = 0
  const { client, servers } = startRelay({ now: () => now })
  for (let second = 0; second < 30; second++) {
    now += 1_000
    // 150 calls a second run into their deadline.
    for (let i = 0; i < 150; i++) {
      const id = (second * 150 + i) * 2 + 1
      const block = client.block(post('/Service/Call'))
      client.send(
        frame(1, 4, id, block),
        data(id, 'ask'),
        ping(),
        windowUpdate(0, 5),
        rstStream(id),
      )
    }
    await settle(5)
  }
  await settle(100)
  expect(client.of('goaway')).toEqual([])
  expect(servers).toHaveLength(1)
})

test('a client that asks for replies and reads none is not answered without end', async () => {
  const { client, refused } = startRelay()
  client.head(1, get())
  await settle()
  client.stream.pause()
  const pings = Buffer.concat(Array.from({ length: 4_500 }, () => ping()))
  client.send(pings)
  await settle()
  client.send(Buffer.concat(Array.from({ length: MAX_UNREAD_REPLIES + 1 }, () => ping())))
  await settle()
  expect(refused[0]?.message).toMatch(/more frames that must be answered/)
})
