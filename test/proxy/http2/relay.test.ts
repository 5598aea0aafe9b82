import { expect, test } from '@jest/globals'
import { settle } from '../memory-stream.ts'
import { TARGET } from '../recorded-exchange.ts'
import { data, frame, ping, rstStream, settings, windowUpdate } from './frames.ts'
import { get, post } from './peer.ts'
import { startRelay } from './relay-harness.ts'

test('a request reaches its target, and the answer comes back with body and trailers', async () => {
  const { client, servers, dialled, recorded } = startRelay()
  client.head(1, post('/a', ['x-a', 'b']), false)
  client.send(data(1, 'hel'), data(1, 'lo', true))
  await settle()
  const [server] = servers
  expect(dialled).toEqual([TARGET])
  expect(server?.of('1')).toEqual([
    'headers 1 :method=POST :scheme=http :path=/a :authority=orders x-a=b',
    'data 1 hel',
    'data 1 lo end',
  ])
  server?.head(1, [[':status', '200']], false)
  server?.send(data(1, 'world'))
  server?.head(1, [['grpc-status', '0']])
  await settle()
  expect(client.of('1')).toEqual([
    'headers 1 :status=200',
    'data 1 world',
    'headers 1 grpc-status=0 end',
  ])
  expect(recorded).toMatchObject([
    {
      requestBody: 'hello',
      status: 200,
      responseBody: 'world',
      trailers: [['grpc-status', '0']],
      ends: [{ error: null }],
    },
  ])
  expect(recorded[0]?.ends[0]?.requestBytes).toBeGreaterThan(5 + 3 * 9)
})

test('only the headers of the plan are set: in place where they are, else last', async () => {
  const { client, servers } = startRelay({
    setHeaders: [
      ['azds-hop', '2'],
      ['azds-route-as', 'alice'],
    ],
  })
  client.head(
    1,
    get(
      '/',
      ['a', '1'],
      ['azds-hop', '1'],
      ['cookie', 'x=1'],
      ['azds-hop', '7'],
      ['cookie', 'y=2'],
    ),
  )
  await settle()
  expect(servers[0]?.of('1')).toEqual([
    'headers 1 :method=GET :scheme=http :path=/ :authority=orders a=1 azds-hop=2 cookie=x=1 cookie=y=2 azds-route-as=alice end',
  ])
})

test('streams of one connection go to several targets, each by one connection', async () => {
  const other = { ip: '10.8.8.8', port: 81 }
  const { client, servers, dialled } = startRelay({
    target: (head) => (head.header('azds-route-as') === 'alice' ? other : TARGET),
  })
  client.head(1, get('/a'))
  client.head(3, get('/b', ['azds-route-as', 'alice']))
  client.head(5, get('/c'))
  await settle()
  expect(dialled).toEqual([TARGET, other])
  servers[1]?.head(1, [[':status', '201']])
  servers[0]?.head(3, [[':status', '203']])
  servers[0]?.head(1, [[':status', '202']])
  await settle()
  expect(client.of('headers')).toEqual([
    'headers 3 :status=201 end',
    'headers 5 :status=203 end',
    'headers 1 :status=202 end',
  ])
})

test('interim answers come through, and END_STREAM on a head stays there', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(1, [[':method', 'HEAD'], ...get('/').slice(1)])
  await settle()
  servers[0]?.head(
    1,
    [
      [':status', '103'],
      ['link', '</a>'],
    ],
    false,
  )
  servers[0]?.head(1, [
    [':status', '200'],
    ['content-length', '1000'],
  ])
  await settle()
  expect(client.of('1')).toEqual([
    'headers 1 :status=103 link=</a>',
    'headers 1 :status=200 content-length=1000 end',
  ])
  expect(recorded[0]).toMatchObject({ status: 200, ends: [{ error: null }] })
})

test('CONNECT becomes a tunnel', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(
    1,
    [
      [':method', 'CONNECT'],
      [':authority', 'db:5432'],
    ],
    false,
  )
  client.send(data(1, 'up'))
  await settle()
  servers[0]?.head(1, [[':status', '200']], false)
  servers[0]?.send(data(1, 'down', true))
  client.send(data(1, '', true))
  await settle()
  expect(servers[0]?.of('1')).toEqual([
    'headers 1 :method=CONNECT :authority=db:5432',
    'data 1 up',
    'data 1  end',
  ])
  expect(client.of('1')).toEqual(['headers 1 :status=200', 'data 1 down end'])
  expect(recorded[0]).toMatchObject({ tunnel: 'connect', ends: [{ error: null }] })
})

test('PING and SETTINGS are answered here and reach no server', async () => {
  const { client, servers } = startRelay()
  client.head(1, get())
  client.send(ping(), settings([0x4, 1000]))
  await settle()
  expect(client.of('pong')).toHaveLength(1)
  expect(client.of('ack')).toHaveLength(2)
  expect(servers[0]?.of('ping')).toEqual([])
  expect(servers[0]?.of('settings')).toEqual(['settings 2=0 4=262144 6=65536'])
})

test.each([
  ['CANCEL', 8],
  ['one that nobody knows', 4711],
])(
  'the client’s RST_STREAM with %s reaches the server, and later frames of the stream nobody',
  async (_, code) => {
    const { client, servers, recorded } = startRelay()
    client.head(1, post(), false)
    client.send(data(1, 'x'))
    await settle()
    client.send(rstStream(1, code))
    await settle()
    expect(servers[0]?.of('rst')).toEqual([`rst 1 ${code}`])
    servers[0]?.head(1, [[':status', '200']])
    await settle()
    expect(client.of('1')).toEqual([])
    expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'client-closed' } }])
  },
)

test('the server’s RST_STREAM reaches the client with its code, behind the data before it', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(1, get())
  await settle()
  servers[0]?.head(1, [[':status', '200']], false)
  servers[0]?.send(data(1, 'part'), rstStream(1, 4711))
  await settle()
  expect(client.of('1')).toEqual(['headers 1 :status=200', 'data 1 part', 'rst 1 4711'])
  expect(recorded[0]?.ends).toMatchObject([
    { error: { code: 'upstream-reset', message: '10.9.9.9:80: RST_STREAM error 4711' } },
  ])
})

test('a server that wants no more of the request after its answer stops the client, and nothing has failed', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(1, post(), false)
  await settle()
  servers[0]?.head(1, [[':status', '413']])
  servers[0]?.send(rstStream(1, 0))
  await settle()
  expect(client.of('1')).toEqual(['headers 1 :status=413 end', 'rst 1 0'])
  client.send(data(1, 'late'))
  await settle()
  expect(client.closed).toBeNull()
  expect(recorded[0]?.ends).toMatchObject([{ error: null }])
})

test('a request that is not yet sent whole goes on after the answer', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(1, post(), false)
  await settle()
  servers[0]?.head(1, [[':status', '200']])
  await settle()
  expect(recorded[0]?.ends).toEqual([])
  client.send(data(1, 'rest', true))
  await settle()
  expect(servers[0]?.of('data')).toEqual(['data 1 rest end'])
  expect(recorded[0]?.ends).toMatchObject([{ error: null }])
})

test('trailers of a request, padding, and priorities: the first goes on, the others do not', async () => {
  const { client, servers } = startRelay()
  client.head(1, post(), false)
  client.send(frame(0, 8, 1, Buffer.from('\x03abc\0\0\0', 'latin1')))
  client.send(frame(2, 0, 1, Buffer.from([0, 0, 0, 0, 5])))
  client.head(1, [['x-sum', '1']])
  await settle()
  expect(servers[0]?.of('1').slice(1)).toEqual(['data 1 abc', 'headers 1 x-sum=1 end'])
  expect(servers[0]?.of('priority')).toEqual([])
})

test('a server that pushes, which was forbidden, costs its connection', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(1, get())
  await settle()
  servers[0]?.send(frame(5, 4, 1, Buffer.from([0, 0, 0, 2])))
  await settle()
  expect(servers[0]?.of('goaway')[0]).toMatch(/^goaway 0 1 PUSH_PROMISE/)
  expect(client.of('headers')[0]).toMatch(/^headers 1 :status=502 azds-proxy-error=bad-response/)
  expect(recorded[0]?.ends[0]?.error?.message).toMatch(/PUSH_PROMISE/)
})

test('what waited for a plan is sent in its order', async () => {
  let give: () => void = () => {}
  const { client, servers, faults } = startRelay({
    late: (head) =>
      head.target === '/late'
        ? new Promise((resolve) => {
            give = resolve
          })
        : null,
  })
  client.head(1, post('/late'), false)
  client.send(data(1, 'body', true), windowUpdate(0, 1))
  client.head(3, get('/soon'))
  await settle()
  expect(servers).toEqual([])
  give()
  await settle()
  expect(servers[0]?.log.filter((line) => /^(headers|data)/.test(line))).toEqual([
    expect.stringMatching(/^headers 1 .*\/late/),
    'data 1 body end',
    expect.stringMatching(/^headers 3 .*\/soon/),
  ])
  expect(faults).toEqual([])
})

test('a plan that fails is a fault of the connection', async () => {
  const { client, faults } = startRelay({ late: () => Promise.reject(new Error('no plan')) })
  client.head(1, get())
  await settle()
  expect(faults).toEqual([new Error('no plan')])
})
