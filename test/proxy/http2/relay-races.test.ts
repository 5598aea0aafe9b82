import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { EARLY_RESET_BURST, MAX_UNREAD_BYTES, STREAM_WINDOW } from '../../../proxy/http2/limits.ts'
import { memoryPair, settle } from '../memory-stream.ts'
import { TARGET } from '../recorded-exchange.ts'
import { data, frame, goaway, ping, rstStream, settings, windowUpdate } from './frames.ts'
import { get, type Pairs, post } from './peer.ts'
import { startRelay } from './relay-harness.ts'

const PONG = ping('azds-bye', 1)

test.each<[string, Buffer]>([
  ['goes', goaway(0, 0)],
  ['breaks a rule', frame(0, 0, 0, Buffer.from('x'))],
])(
  'a server that %s before the first stream gets none: it is sent on a new connection',
  async (_, then) => {
    const [ours] = memoryPair(TARGET)
    const fromServer = Buffer.concat([settings(), then])
    const { client, servers } = startRelay({
      firstUpstream: { target: TARGET, stream: ours, fromServer },
    })
    client.head(1, get())
    await settle()
    expect(servers).toHaveLength(1)
    servers[0]?.head(1, [[':status', '200']])
    await settle()
    expect(client.of('1')).toEqual(['headers 1 :status=200 end'])
  },
)

test('the connection that was dialled first is dialled again if it is refused', async () => {
  const [ours] = memoryPair(TARGET)
  const firstUpstream = { target: TARGET, stream: ours, fromServer: Buffer.alloc(0) }
  const { client, servers } = startRelay({ firstUpstream, elsewhere: () => TARGET })
  client.head(1, get())
  await settle()
  ours.abort('ECONNREFUSED', 'connect')
  await settle()
  expect(servers).toHaveLength(1)
})

test.each([
  ['POST', 1],
  ['DELETE', 2],
])(
  'a %s without a body that vanishes with its server, even without SETTINGS, is sent %i times',
  async (method, times) => {
    // It may have read and done all of it: nothing of what it says has come here.
    const { client, servers } = startRelay({ onServer: (server) => server.stream.pause() })
    client.head(1, [[':method', method], ...get().slice(1)])
    await settle()
    servers[0]?.stream.reset()
    await settle()
    expect(servers).toHaveLength(times)
    servers[1]?.stream.reset()
    await settle()
    expect(servers).toHaveLength(times)
    expect(client.of('1')[0]).toMatch(/:status=502 azds-proxy-error=upstream-closed/)
  },
)

test('a server that breaks a rule after its answer takes nothing of that answer back', async () => {
  const { client, servers, recorded } = startRelay()
  client.send(settings([0x4, 0]))
  client.head(1, post(), false)
  await settle()
  servers[0]?.head(1, [[':status', '200']], false)
  servers[0]?.send(data(1, 'whole', true), windowUpdate(1, 0x7fff_ffff))
  await settle()
  client.send(windowUpdate(1, 1_000))
  await settle()
  expect(client.of('1')).toEqual(['headers 1 :status=200', 'data 1 whole end', 'rst 1 0'])
  expect(recorded[0]?.ends).toMatchObject([{ error: null }])
})

test('a drain waits for a request whose plan is still being made', async () => {
  let decide = () => {}
  const late = () =>
    new Promise<void>((resolve) => {
      decide = resolve
    })
  const { client, servers, recorded, relay } = startRelay({ late })
  client.head(1, get())
  await settle()
  relay.drain()
  await settle()
  decide()
  await settle()
  client.send(PONG)
  servers[0]?.head(1, [[':status', '200']])
  await settle()
  expect(client.of('headers')).toEqual(['headers 1 :status=200 end'])
  expect(recorded[0]?.ends).toMatchObject([{ error: null }])
  client.stream.end()
  await relay.closed
})

test.each<[string, (id: number) => Buffer]>([
  ['DATA behind the end', (id) => data(id, 'x')],
  ['windows that overflow', (id) => windowUpdate(id, 0x7fff_ffff)],
  ['trailers behind the end', (id) => frame(1, 5, id, Buffer.from([0x82]))],
])('resets that are asked for by %s are a flood as well', async (_, provoke) => {
  const { client, refused, servers } = startRelay()
  for (let i = 0; i <= EARLY_RESET_BURST; i++) {
    client.head(i * 2 + 1, get())
    client.send(provoke(i * 2 + 1))
  }
  await settle(EARLY_RESET_BURST * 3)
  expect(client.of('goaway')[0]).toMatch(/^goaway \d+ 11 /)
  expect(refused[0]?.message).toMatch(/flood of requests/)
  expect(servers).toHaveLength(1)
})

test('nothing of a request is sent behind our own reset of it', async () => {
  const { client, servers } = startRelay()
  client.send(settings([0x4, 0]))
  client.head(1, post(), false)
  await settle()
  servers[0]?.head(1, [['no', 'status']])
  await settle()
  expect(servers[0]?.of('rst')).toEqual(['rst 1 1'])
  client.send(data(1, 'late'))
  await settle()
  expect(servers[0]?.of('data')).toEqual([])
  client.send(windowUpdate(1, 1_000))
  await settle()
  expect(client.of('1').slice(-2)).toEqual([
    expect.stringMatching(/^data 1 bad-response.* end$/s),
    'rst 1 0',
  ])
})

test('what waits of an answer that breaks off is not lost because the client still sends', async () => {
  const { client, servers, recorded } = startRelay()
  client.send(settings([0x4, 0]))
  client.head(1, post(), false)
  await settle()
  servers[0]?.head(1, [[':status', '200']], false)
  servers[0]?.send(data(1, 'part'), rstStream(1, 2))
  await settle()
  client.send(data(1, 'more'), data(1, '', true))
  await settle()
  client.send(windowUpdate(1, 1_000))
  await settle()
  expect(client.of('1')).toEqual(['headers 1 :status=200', 'data 1 part', 'rst 1 2'])
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'upstream-reset' } }])
})

test('an answer is not cut off because its client reads slowly at the end of a drain', async () => {
  const { client, servers, relay } = startRelay({ lingerMs: 20 })
  client.head(1, get())
  client.send(windowUpdate(0, 200_000), windowUpdate(1, 200_000))
  await settle()
  relay.drain()
  await settle()
  client.send(PONG)
  await settle()
  client.stream.pause()
  servers[0]?.head(1, [[':status', '200']], false)
  // All of it comes in one read, and the client's connection takes only the beginning.
  const body = Array.from({ length: 9 }, () => data(1, 'x'.repeat(16_000)))
  const trailers = servers[0]?.block([['grpc-status', '0']]) as Buffer
  servers[0]?.send(...body, frame(1, 5, 1, trailers))
  await settle()
  // Longer than a connection lingers.
  await new Promise((resolve) => setTimeout(resolve, 60))
  client.stream.resume()
  await settle()
  expect(client.bytes.get(1)).toBe(144_000)
  expect(client.of('1').at(-1)).toBe('headers 1 grpc-status=0 end')
  expect(client.log).toContain('fin')
  await relay.closed
})

test('a client that reads nothing gets no more of our own answers than it may leave unread', async () => {
  const { client, refused } = startRelay({
    refuse: (head) => (head.method === 'HEAD' ? { code: 'loop', message: 'round' } : null),
  })
  client.stream.pause()
  const head: Pairs = [[':method', 'HEAD'], ...get().slice(1)]
  for (let i = 0; i < 10_000; i++) client.head(i * 2 + 1, head)
  await settle(11_000)
  expect(client.stream.mostQueued).toBeLessThan(500_000)
  expect(refused[0]?.message).toMatch(/more frames that must be answered/)
})

test('the heads for a server that does not read do not pile up without end', async () => {
  const { client, servers, recorded } = startRelay({ onServer: (server) => server.stream.pause() })
  const heads = Math.ceil((MAX_UNREAD_BYTES * 2) / 60_000)
  for (let i = 0; i < heads; i++) client.head(i * 2 + 1, get('/', ['x-long', 'v'.repeat(60_000)]))
  await settle(heads * 6)
  const refused = client.of('headers').filter((line) => /:status=503/.test(line)).length
  expect(refused).toBeGreaterThan(heads / 3)
  expect(recorded.at(-1)?.ends).toMatchObject([{ error: { code: 'upstream-stuck' } }])
  servers[0]?.open()
  servers[0]?.stream.resume()
  await settle(heads * 6)
  // All others arrive, and those that come now.
  client.head(heads * 2 + 1, get('/now'))
  await settle()
  expect(servers[0]?.of('headers')).toHaveLength(heads - refused + 1)
})

test('a window update of nothing, for a stream that was never opened, ends the connection', async () => {
  const { client } = startRelay()
  client.head(1, get())
  client.send(windowUpdate(7, 0))
  await settle()
  expect(client.of('rst')).toEqual([])
  expect(client.of('goaway')[0]).toMatch(/^goaway 1 1 WINDOW_UPDATE on a stream that is not open/)
})

test('streams that wait for the connection’s window are forgotten with their requests', async () => {
  const requests: WeakRef<object>[] = []
  const { client, servers } = startRelay({
    target: (head) => {
      requests.push(new WeakRef(head))
      return TARGET
    },
  })
  client.head(1, get('/all'))
  client.send(windowUpdate(1, STREAM_WINDOW))
  await settle()
  servers[0]?.head(1, [[':status', '200']], false)
  for (let i = 0; i < 5; i++) servers[0]?.send(data(1, 'x'.repeat(16_000)))
  await settle()
  for (let i = 0; i < 50; i++) {
    const id = i * 2 + 3
    client.head(id, get())
    await settle(4)
    servers[0]?.head(id, [[':status', '200']], false)
    servers[0]?.send(data(id, 'waits'))
    await settle(4)
    client.send(rstStream(id))
  }
  await settle()
  collectGarbage()
  await settle()
  collectGarbage()
  const kept = requests.filter((request) => request.deref() !== undefined).length
  expect(kept).toBeLessThan(10)
})

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

test('an exchange ends whose server has answered, and then says that it never took the request', async () => {
  const { client, servers, recorded } = startRelay({
    // It takes nothing of the body.
    onServer: (server) => server.open([0x4, 0]),
  })
  client.head(1, post(), false)
  client.send(data(1, 'the whole body', true))
  await settle()
  servers[0]?.head(1, [[':status', '204']])
  await settle()
  expect([client.of('1'), recorded[0]?.ends]).toEqual([['headers 1 :status=204 end'], []])
  servers[0]?.send(goaway(0, 0))
  await settle()
  expect(recorded[0]?.ends).toMatchObject([{ error: null }])
  expect(client.of('rst')).toEqual([])
})
