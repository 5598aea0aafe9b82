import { expect, test } from '@jest/globals'
import type { ErrorCode } from '../../../core/errors.ts'
import { settle } from '../memory-stream.ts'
import { TARGET } from '../recorded-exchange.ts'
import { data, frame, goaway, rstStream } from './frames.ts'
import { get, type Http2Peer, post } from './peer.ts'
import { startRelay } from './relay-harness.ts'

const GRPC = ['content-type', 'application/grpc'] as const

test('a refused connection is a 502 that names address and errno, on each stream', async () => {
  const { client, recorded } = startRelay({
    onServer: (_, ours) => ours.abort('ECONNREFUSED', 'connect'),
  })
  client.head(1, get())
  client.head(3, [[':method', 'HEAD'], ...get().slice(1)])
  await settle()
  expect(client.of('1')[0]).toMatch(
    /^headers 1 :status=502 azds-proxy-error=connect-refused content-type=text\/plain; charset=utf-8 content-length=\d+$/,
  )
  expect(client.of('1')[1]).toMatch(/^data 1 connect-refused: 10.9.9.9:80: ECONNREFUSED/)
  expect(client.of('3')).toEqual([expect.stringMatching(/^headers 3 :status=502 .* end$/)])
  expect(recorded.map(({ status, ends }) => [status, ends[0]?.error?.code])).toEqual([
    [502, 'connect-refused'],
    [502, 'connect-refused'],
  ])
})

test('a gRPC client gets trailers only, with UNAVAILABLE and the reason', async () => {
  const { client } = startRelay({ onServer: (_, ours) => ours.abort('ECONNREFUSED', 'connect') })
  client.head(1, post('/pkg.Service/Call', GRPC), false)
  await settle()
  expect(client.of('1')).toEqual([
    'headers 1 :status=200 content-type=application/grpc grpc-status=14 grpc-message=connect-refused: 10.9.9.9:80: ECONNREFUSED azds-proxy-error=connect-refused end',
    'rst 1 0',
  ])
})

test('a refused plan is answered without any dial', async () => {
  const { client, dialled, recorded } = startRelay({
    refuse: () => ({ code: 'too-many-hops', message: 'round and round – 100 %' }),
  })
  client.head(1, get())
  client.head(3, post('/', GRPC))
  await settle()
  expect(dialled).toEqual([])
  expect(client.of('1')[0]).toMatch(/:status=508 azds-proxy-error=too-many-hops/)
  expect(client.of('3')[0]).toMatch(/grpc-message=too-many-hops: round and round %E2%80%93 100 %25/)
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'too-many-hops' } }])
})

test.each<[string, (server: Http2Peer) => void]>([
  ['closes', (server) => server.stream.close()],
  ['breaks', (server) => server.stream.reset()],
])('a server that %s before it has answered is a 502, never a made-up end', async (_, end) => {
  const { client, servers, recorded } = startRelay()
  client.head(1, get())
  await settle()
  end(servers[0] as Http2Peer)
  await settle()
  expect(client.of('1')[0]).toMatch(/:status=502 azds-proxy-error=upstream-closed/)
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'upstream-closed' } }])
})

test('a server that vanishes in mid-answer resets the stream, and no other', async () => {
  const other = { ip: '10.8.8.8', port: 81 }
  const { client, servers, recorded } = startRelay({
    target: (head) => (head.target === '/b' ? other : TARGET),
  })
  client.head(1, get('/a'))
  client.head(3, get('/b'))
  await settle()
  servers[0]?.head(1, [[':status', '200']], false)
  servers[0]?.send(data(1, 'par'))
  await settle()
  servers[0]?.stream.close()
  await settle()
  expect(client.of('1')).toEqual(['headers 1 :status=200', 'data 1 par', 'rst 1 2'])
  servers[1]?.head(1, [[':status', '200']])
  await settle()
  expect(client.of('3')).toEqual(['headers 3 :status=200 end'])
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'upstream-reset' } }])
})

test('a server that speaks no HTTP/2 is named so', async () => {
  const { client, recorded } = startRelay({
    onServer: (server) => server.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
  })
  client.head(1, get())
  await settle()
  expect(client.of('1')[0]).toMatch(/:status=502 azds-proxy-error=bad-response/)
  expect(recorded[0]?.ends[0]?.error?.message).toMatch(/the answer is not HTTP\/2/)
})

test('a stream that the server refuses is sent once more, on another connection', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(1, get())
  await settle()
  servers[0]?.send(rstStream(1, 7))
  await settle()
  expect(servers[1]?.of('1')).toEqual(servers[0]?.of('headers'))
  servers[1]?.send(rstStream(1, 7))
  await settle()
  expect(servers).toHaveLength(2)
  expect(client.of('1')).toEqual(['rst 1 7'])
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'upstream-reset' } }])
})

test('what has left with its end is not sent again: the client hears that it was refused', async () => {
  const { client, servers } = startRelay()
  client.head(1, post(), false)
  client.send(data(1, '', true))
  await settle()
  servers[0]?.send(rstStream(1, 7))
  await settle()
  expect(servers).toHaveLength(1)
  expect(client.of('1')).toEqual(['rst 1 7'])
})

test('frames that were on their way when a stream was cut off are ignored', async () => {
  const { client, servers } = startRelay()
  client.head(1, post(), false)
  client.send(data(1, 'a'))
  await settle()
  servers[0]?.send(rstStream(1, 2))
  await settle()
  client.send(data(1, 'b'))
  client.head(1, [['x-sum', '1']])
  await settle()
  expect(client.log.filter((line) => /^(rst|goaway|closed)/.test(line))).toEqual(['rst 1 2'])
})

test('a server that goes away finishes what it has taken; the rest is sent to a new connection', async () => {
  const { client, servers, recorded } = startRelay()
  client.head(1, get('/taken'))
  client.head(3, get('/not'))
  client.head(5, post('/half'), false)
  client.send(data(5, 'gone'))
  await settle()
  servers[0]?.send(goaway(1, 0))
  await settle()
  expect(servers[1]?.of('headers')).toEqual([expect.stringMatching(/\/not/)])
  // Its body has left already: only the client has it whole.
  expect(client.of('5')).toEqual(['rst 5 7'])
  // The client is told, so that it opens a connection of its own choice.
  expect(client.of('goaway')).toEqual(['goaway 2147483647 0'])
  servers[0]?.head(1, [[':status', '200']])
  servers[1]?.head(1, [[':status', '201']])
  await settle()
  expect(client.of('1')).toEqual(['headers 1 :status=200 end'])
  expect(client.of('3')).toEqual(['headers 3 :status=201 end'])
  expect(servers[0]?.log).toContain('fin')
  expect(recorded.map(({ ends }) => ends[0]?.error?.code ?? null)).toEqual([
    null,
    null,
    'upstream-closed',
  ])
})

test('a server that takes few streams at a time gets a second connection for more', async () => {
  const { client, servers } = startRelay({ onServer: (server) => server.open([0x3, 2]) })
  client.head(1, get())
  await settle()
  for (const id of [3, 5, 7]) client.head(id, get())
  await settle()
  expect(servers.map((server) => server.of('headers').length)).toEqual([2, 2])
  for (const server of servers) {
    server.head(1, [[':status', '200']])
    server.head(3, [[':status', '200']])
  }
  client.head(9, get())
  await settle()
  expect(client.of('headers')).toHaveLength(4)
  expect(servers.map((server) => server.of('headers').length)).toEqual([3, 2])
})

test('an idle server that closes is no business of the client', async () => {
  const { client, servers } = startRelay()
  client.head(1, get())
  await settle()
  servers[0]?.head(1, [[':status', '200']])
  await settle()
  servers[0]?.stream.close()
  await settle()
  expect(client.of('goaway')).toEqual([])
  client.head(3, get())
  await settle()
  expect(servers[1]?.of('headers')).toHaveLength(1)
})

test.each<[string, (server: Http2Peer) => void, string]>([
  ['DATA before a head', (server) => server.send(data(1, 'x')), 'DATA before the head'],
  [
    'an upper-case name',
    (server) =>
      server.head(1, [
        [':status', '200'],
        ['X', '1'],
      ]),
    'upper-case',
  ],
  ['no status', (server) => server.head(1, [['a', 'b']]), 'no :status'],
  [
    'more than Content-Length',
    (server) =>
      server.head(1, [
        [':status', '200'],
        ['content-length', '3'],
      ]),
    'Content-Length',
  ],
  ['an interim end', (server) => server.head(1, [[':status', '100']]), 'interim'],
])('a malformed answer, %s, is a 502 that says so', async (_, act, why) => {
  const { client, servers, recorded } = startRelay()
  client.head(1, get())
  await settle()
  act(servers[0] as Http2Peer)
  await settle()
  expect(client.of('1')[0]).toMatch(/:status=502 azds-proxy-error=bad-response/)
  expect(servers[0]?.of('rst')).toEqual(['rst 1 1'])
  expect(recorded[0]?.ends[0]?.error?.message).toContain(why)
})

test.each<[string, (client: Http2Peer) => void, string]>([
  [
    'no path',
    (client) =>
      client.head(1, [
        [':method', 'GET'],
        [':scheme', 'http'],
      ]),
    ':path',
  ],
  ['a connection field', (client) => client.head(1, get('/x', ['connection', 'close'])), '8.2.2'],
  [
    'a body of another length',
    (client) => client.head(1, post('/x', ['content-length', '5'])),
    'Content-Length',
  ],
])('a malformed request, %s, is reset, and the trace names the rule', async (_, act, why) => {
  const { client, dialled, refused } = startRelay()
  act(client)
  await settle()
  expect(client.of('rst')).toEqual(['rst 1 1'])
  expect(dialled).toEqual([])
  expect(refused).toMatchObject([{ code: 'bad-request', version: '2' }])
  expect(refused[0]?.message).toContain(why)
  client.head(3, get())
  await settle()
  expect(dialled).toHaveLength(1)
})

test('a broken rule of the connection ends it, and the trace names the rule', async () => {
  const { client, servers, refused, recorded, relay } = startRelay()
  client.head(1, get())
  await settle()
  client.send(frame(0, 0, 0, Buffer.from('x')))
  await settle()
  expect(client.of('goaway')).toEqual(['goaway 1 1 DATA on stream 0 (RFC 9113 6.1)'])
  expect(client.log).toContain('fin')
  expect(refused).toMatchObject([
    { code: 'bad-request', message: 'DATA on stream 0 (RFC 9113 6.1)' },
  ])
  expect(servers[0]?.log).toEqual(expect.arrayContaining(['rst 1 8', 'fin']))
  expect(recorded[0]?.ends).toHaveLength(1)
  client.stream.end()
  await relay.closed
})

test('a head of more than 64 KiB is answered with 431, and the connection goes on', async () => {
  const { client, dialled, refused } = startRelay()
  client.head(1, get('/long', ['x-long', 'v'.repeat(70_000)]))
  await settle()
  expect(client.of('1')[0]).toMatch(/:status=431 azds-proxy-error=head-too-large/)
  expect(refused).toMatchObject([{ code: 'head-too-large' satisfies ErrorCode }])
  client.head(3, get())
  await settle()
  expect(dialled).toHaveLength(1)
})

test('a client that breaks takes its requests along', async () => {
  const { client, servers, recorded, relay } = startRelay()
  client.head(1, get())
  client.head(3, post(), false)
  await settle()
  client.stream.reset()
  await settle()
  await relay.closed
  expect(servers[0]?.closed).toBe('ECONNRESET')
  expect(recorded.map(({ ends }) => ends.map(({ error }) => error?.code))).toEqual([
    ['client-closed'],
    ['client-closed'],
  ])
})

test('a client’s FIN is the end of all its streams, as servers take it', async () => {
  const { client, servers, recorded, relay } = startRelay()
  client.head(1, get())
  client.head(3, post(), false)
  await settle()
  client.stream.end()
  await settle()
  await relay.closed
  expect(servers[0]?.log.slice(-4)).toEqual(['rst 1 8', 'rst 3 8', 'goaway 0 0', 'fin'])
  expect(recorded.map(({ ends }) => ends[0]?.error?.code)).toEqual([
    'client-closed',
    'client-closed',
  ])
})
