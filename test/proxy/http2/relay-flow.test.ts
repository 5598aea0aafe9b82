import { expect, test } from '@jest/globals'
import {
  CONNECTION_WINDOW,
  MAX_QUEUED_BYTES,
  MAX_STREAM_WINDOW,
  STREAM_WINDOW,
} from '../../../proxy/http2/limits.ts'
import { settle } from '../memory-stream.ts'
import { data, frame, settings, windowUpdate } from './frames.ts'
import { get, type Http2Peer, post } from './peer.ts'
import { type Harness, startRelay } from './relay-harness.ts'

const FRAME_BYTES = 16_384
const INITIAL_WINDOW = 0x4
const MAX_FRAME = 0x5

function bulk(streamId: number, bytes: number): Buffer {
  const frames: Buffer[] = []
  for (let left = bytes; left > 0; left -= FRAME_BYTES) {
    frames.push(data(streamId, Buffer.alloc(Math.min(left, FRAME_BYTES), 'x')))
  }
  return Buffer.concat(frames)
}

function credit(peer: Http2Peer, streamId: number): number {
  const lines = peer.of(`window ${streamId} `)
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[2]), 0)
}

async function answering(streams: number, options = {}): Promise<Harness & { server: Http2Peer }> {
  const harness = startRelay(options)
  for (let i = 0; i < streams; i++) harness.client.head(i * 2 + 1, get())
  await settle()
  const [server] = harness.servers as [Http2Peer]
  for (let i = 0; i < streams; i++) server.head(i * 2 + 1, [[':status', '200']], false)
  return { ...harness, server }
}

test('a client that gives no window gets no data, and the server no more credit than one window', async () => {
  const { client, server } = await answering(1)
  server.send(bulk(1, STREAM_WINDOW))
  await settle(60)
  // 65,535 bytes is what a client takes that has said nothing.
  expect(client.bytes.get(1)).toBe(65_535)
  expect(credit(server, 1)).toBe(0)
  client.send(windowUpdate(1, 100_000), windowUpdate(0, 100_000))
  await settle(60)
  expect(client.bytes.get(1)).toBe(165_535)
  expect(credit(server, 1)).toBeGreaterThanOrEqual(STREAM_WINDOW / 2)
  client.send(windowUpdate(1, 1_000_000), windowUpdate(0, 1_000_000))
  await settle(60)
  expect(client.bytes.get(1)).toBe(STREAM_WINDOW)
})

test('a server that sends more than its stream’s window is cut off, and the client hears of it', async () => {
  const { client, server, recorded } = await answering(1)
  server.send(bulk(1, STREAM_WINDOW + 1))
  await settle(60)
  expect(server.of('rst')).toEqual(['rst 1 3'])
  expect(client.of('rst')).toEqual(['rst 1 1'])
  expect(recorded[0]?.ends[0]?.error).toMatchObject({ code: 'bad-response' })
})

test('a client that sends more than its stream’s window loses the stream', async () => {
  const { client, servers } = startRelay()
  client.head(1, post(), false)
  client.send(bulk(1, STREAM_WINDOW + 1))
  await settle(60)
  expect(client.of('rst')).toEqual(['rst 1 3'])
  expect(servers[0]?.bytes.get(1)).toBe(65_535)
  expect(servers[0]?.of('rst')).toEqual(['rst 1 8'])
})

test('a stream whose reader sleeps holds up no other, and the connection’s credit comes back', async () => {
  const { client, server } = await answering(3)
  client.send(windowUpdate(0, 2_000_000_000))
  for (const id of [3, 5]) client.send(windowUpdate(id, 1_000_000))
  server.send(bulk(1, STREAM_WINDOW))
  await settle(60)
  // More than the connection's window in all.
  for (let i = 0; i < 8; i++) {
    server.send(bulk(3, 131_072), bulk(5, 131_072))
    await settle(60)
  }
  expect(client.bytes.get(1)).toBe(65_535)
  expect(client.bytes.get(3)).toBe(8 * 131_072)
  expect(client.bytes.get(5)).toBe(8 * 131_072)
  expect(credit(server, 0)).toBeGreaterThan(CONNECTION_WINDOW)
})

test('readers that all sleep hold the connection’s credit back, so that memory has a bound', async () => {
  const streams = 40
  const { client, server } = await answering(streams)
  for (let i = 0; i < streams; i++) server.send(bulk(i * 2 + 1, STREAM_WINDOW))
  await settle(600)
  // What the test sends beyond the window is a fault that ends the connection.
  expect(credit(server, 0)).toBeLessThanOrEqual(MAX_QUEUED_BYTES + CONNECTION_WINDOW + 65_535)
  expect(server.of('goaway')[0]).toMatch(/^goaway 0 3 more DATA than the window of the connection/)
  expect(client.of('headers').filter((line) => line.includes('200'))).toHaveLength(streams)
})

test('a server that does not read its socket stops the client by its windows, and no other server', async () => {
  const other = { ip: '10.8.8.8', port: 81 }
  const { client, servers } = startRelay({
    target: (head) => (head.target === '/slow' ? { ip: '10.9.9.9', port: 80 } : other),
    onServer: (server) => {
      server.open([INITIAL_WINDOW, 10_000_000])
      server.send(windowUpdate(0, 100_000_000))
    },
  })
  client.head(1, post('/slow'), false)
  client.head(3, post('/quick'), false)
  await settle()
  const [slow, quick] = servers as [Http2Peer, Http2Peer]
  slow.stream.pause()
  for (let sent = 0; sent < STREAM_WINDOW; sent += FRAME_BYTES) {
    client.send(bulk(1, FRAME_BYTES))
    await settle(3)
  }
  await settle(60)
  expect(slow.stream.mostQueued).toBeLessThan(2 * STREAM_WINDOW)
  expect(credit(client, 1)).toBeLessThan(2 * STREAM_WINDOW)
  for (let i = 0; i < 10; i++) {
    client.send(bulk(3, 131_072))
    await settle(60)
  }
  expect(quick.bytes.get(3) ?? quick.bytes.get(1)).toBe(10 * 131_072)
  slow.stream.resume()
  await settle(100)
  expect(slow.bytes.get(1)).toBe(STREAM_WINDOW)
})

test('a server with a large window lets its client send as much, so that a long way costs no time', async () => {
  const { client, servers } = startRelay({
    onServer: (server) => {
      server.open([INITIAL_WINDOW, 1_500_000])
      server.send(windowUpdate(0, 100_000_000))
    },
  })
  client.head(1, post(), false)
  await settle()
  const [server] = servers as [Http2Peer]
  let sent = 0
  let most = 0
  let taken = 1_500_000
  const allowed = () => STREAM_WINDOW + credit(client, 1) - sent
  const sendAll = async (end: number) => {
    while (sent < end && allowed() > 0) {
      const bytes = Math.min(FRAME_BYTES, end - sent, allowed())
      sent += bytes
      client.send(bulk(1, bytes))
      await settle(5)
      most = Math.max(most, allowed())
      expect(allowed()).toBeLessThanOrEqual(Math.max(STREAM_WINDOW, taken - sent))
    }
  }
  await sendAll(taken)
  expect(most).toBeGreaterThan(3 * STREAM_WINDOW)
  expect(server.bytes.get(1)).toBe(taken)
  // A server that stops leaves the window that everybody has, or half of it.
  await sendAll(taken + 2 * STREAM_WINDOW)
  expect([server.bytes.get(1), allowed()]).toEqual([taken, 0])
  expect(sent - taken).toBeLessThanOrEqual(STREAM_WINDOW)
  expect(sent - taken).toBeGreaterThanOrEqual(STREAM_WINDOW / 2)
  taken += 50_000_000
  server.send(windowUpdate(1, 50_000_000))
  await settle(60)
  await sendAll(20_000_000)
  expect([server.bytes.get(1), most > MAX_STREAM_WINDOW / 2]).toEqual([20_000_000, true])
  expect(most).toBeLessThanOrEqual(MAX_STREAM_WINDOW)
})

test('a client that does not read its socket stops the servers by TCP, and loses nothing', async () => {
  const { client, server } = await answering(1)
  client.send(windowUpdate(1, 100_000_000), windowUpdate(0, 100_000_000))
  await settle()
  client.stream.pause()
  for (let i = 0; i < 10; i++) {
    server.send(bulk(1, 25_000))
    await settle()
  }
  expect(client.stream.mostQueued).toBeLessThan(STREAM_WINDOW)
  client.stream.resume()
  await settle(200)
  expect(client.bytes.get(1)).toBe(250_000)
})

test('SETTINGS in mid-life move the windows of open streams, below 0 as well', async () => {
  const { client, server } = await answering(1)
  client.send(settings([INITIAL_WINDOW, 1_000]))
  await settle()
  server.send(bulk(1, 50_000))
  await settle(60)
  expect(client.bytes.get(1)).toBe(1_000)
  client.send(settings([INITIAL_WINDOW, 0]))
  await settle()
  client.send(windowUpdate(1, 1_500))
  await settle()
  // 1,000 are used of none: of 1,500 more, 500 are left.
  expect(client.bytes.get(1)).toBe(1_500)
  client.send(settings([INITIAL_WINDOW, 65_535]))
  await settle(60)
  expect(client.bytes.get(1)).toBe(50_000)
})

test('frames are cut to what the reader takes', async () => {
  const { client, server } = await answering(1)
  client.send(settings([MAX_FRAME, 20_000]))
  await settle()
  const big = [['x-big', 'v'.repeat(30_000)]] as const
  server.send(data(1, Buffer.alloc(16_384)))
  server.head(1, big)
  await settle()
  expect(client.of('data')).toEqual(['data 1 16384 bytes'])
  expect(client.of('headers').at(-1)).toMatch(/^headers 1 x-big=v+ end$/)
  expect(client.of('problem')).toEqual([])
})

test.each<[string, (client: Http2Peer) => void, RegExp]>([
  ['of the connection', (client) => client.send(windowUpdate(0, 0x7fff_ffff)), /^goaway 1 3 /],
  ['of a stream', (client) => client.send(windowUpdate(1, 0x7fff_ffff)), /^rst 1 3/],
  [
    'of all streams',
    (client) => client.send(windowUpdate(1, 1000), settings([INITIAL_WINDOW, 0x7fff_ffff])),
    /^goaway 1 3 /,
  ],
])('a window %s beyond 2^31 - 1 is a flow-control error', async (_, act, expected) => {
  const { client } = await answering(1)
  act(client)
  await settle()
  expect(client.log.filter((line) => /^(rst|goaway)/.test(line))[0]).toMatch(expected)
})

test('padding gives its credit back at once', async () => {
  const { client, server } = await answering(1)
  const paddedFrame = frame(
    0,
    8,
    1,
    Buffer.concat([Buffer.of(250), Buffer.from('x'), Buffer.alloc(250)]),
  )
  client.send(windowUpdate(1, 1_000_000), windowUpdate(0, 1_000_000))
  for (let i = 0; i < 1_000; i++) server.send(paddedFrame)
  await settle(1_100)
  expect(client.bytes.get(1)).toBe(1_000)
  expect(credit(server, 1)).toBeGreaterThan(0)
})

test('a client that has ended and left no window gives its answer up', async () => {
  const { client, server, recorded } = await answering(1)
  server.send(bulk(1, 100_000))
  await settle(60)
  client.stream.end()
  await settle()
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'client-closed' } }])
  expect(server.log).toContain('rst 1 8')
  expect(client.log).toContain('fin')
})
