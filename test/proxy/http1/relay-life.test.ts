import { expect, test } from '@jest/globals'
import { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { settle } from '../memory-stream.ts'
import { type Harness, startRelay } from './relay-harness.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** The error codes of all exchanges, in order; every exchange has ended exactly once. */
function codes({ recorded }: Harness): (string | null)[] {
  return recorded.map(({ ends }) => {
    expect(ends).toHaveLength(1)
    return ends[0]?.error?.code ?? null
  })
}

test('pipelined requests are answered in order, one after the other', async () => {
  const harness = startRelay()
  const { client, servers } = harness
  const second = GET.replace('/', '/2')
  client.send(GET + second + POST)
  client.send('0123456789')
  await settle()
  expect(servers[0]?.received).toBe(GET)
  servers[0]?.send(OK)
  await settle()
  expect(servers[0]?.received).toBe(GET + second)
  servers[0]?.send(OK)
  await settle()
  expect(servers[0]?.received).toBe(`${GET}${second}${POST}0123456789`)
  servers[0]?.send(OK)
  await settle()
  expect(client.received).toBe(OK + OK + OK)
  expect(codes(harness)).toEqual([null, null, null])
})

test('pipelined requests before the client’s FIN are all answered', async () => {
  const harness = startRelay({
    onServer: (server) => {
      server.onText = () => {
        if (server.received.endsWith('\r\n\r\n') && !server.ended) server.send(OK)
      }
    },
  })
  harness.client.send(GET + GET + GET)
  harness.client.stream.end()
  await settle(60)
  expect(harness.client.received).toBe(OK + OK + OK)
  expect(harness.client.closed).toBe(true)
  expect(codes(harness)).toEqual([null, null, null])
})

test('a client that pipelines without reading is stopped', async () => {
  const { client, servers } = startRelay()
  const line = `GET /${'x'.repeat(1000)} HTTP/1.1\r\nHost: a\r\n\r\n`
  let sent = 0
  for (; sent < 1000; sent++) {
    if (!client.stream.write(Buffer.from(line))) break
    await settle(2)
  }
  expect(sent).toBeLessThan(200)
  expect(servers).toHaveLength(1)
})

test('a client that pipelines and never reads its answers is not served on and on', async () => {
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${'x'.repeat(30_000)}`
  const { client, recorded } = startRelay({
    onServer: (server) => {
      server.onText = () => server.send(answer)
    },
  })
  client.stream.pause()
  for (let i = 0; i < 50; i++) client.send(GET)
  await settle(300)
  expect(recorded.length).toBeLessThan(6)
  client.stream.resume()
  await settle(600)
  expect(client.received).toBe(answer.repeat(50))
})

test('100-continue passes both ways', async () => {
  const harness = startRelay()
  const { client, servers } = harness
  const head = POST.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n')
  client.send(head)
  await settle()
  expect(servers[0]?.received).toBe(head)
  servers[0]?.send('HTTP/1.1 100 Continue\r\n\r\n')
  await settle()
  expect(client.received).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  client.send('0123456789')
  await settle()
  servers[0]?.send(OK)
  await settle()
  expect(client.received).toBe(`HTTP/1.1 100 Continue\r\n\r\n${OK}`)
  expect(harness.recorded).toMatchObject([{ status: 200, requestBody: '0123456789' }])
})

test('an early answer is relayed while the request still comes, and the connection goes on', async () => {
  const harness = startRelay()
  const { client, servers } = harness
  client.send(`${POST}01234`)
  await settle()
  servers[0]?.send(OK)
  await settle()
  expect(client.received).toBe(OK)
  expect(harness.recorded[0]?.ends).toEqual([])
  client.send(`56789${GET}`)
  await settle()
  expect(servers[0]?.received).toBe(`${POST}0123456789${GET}`)
  expect(codes({ ...harness, recorded: harness.recorded.slice(0, 1) })).toEqual([null])
})

test('an early answer of a server that then closes is whole, and the client sees the FIN', async () => {
  const harness = startRelay()
  const { client, servers } = harness
  client.send(`${POST}01234`)
  await settle()
  servers[0]?.send(OK)
  servers[0]?.stream.end()
  await settle()
  expect(client.received).toBe(OK)
  expect(client.ended).toBe(true)
  servers[0]?.stream.reset()
  await settle()
  expect(codes(harness)).toEqual([null])
  client.stream.end()
  await harness.relay.closed
})

test('a client’s FIN after its request is shown to the server, whose answer still comes', async () => {
  const harness = startRelay()
  const { client, servers } = harness
  client.send(GET)
  client.stream.end()
  await settle()
  expect(servers[0]?.ended).toBe(true)
  servers[0]?.send(OK)
  await settle()
  expect(client.received).toBe(OK)
  expect(client.closed).toBe(true)
  expect(codes(harness)).toEqual([null])
})

test('a client that resets in mid-request takes the upstream with it', async () => {
  const harness = startRelay()
  harness.client.send(`${POST}01`)
  await settle()
  harness.client.stream.reset()
  await settle()
  expect(harness.servers[0]).toMatchObject({ closed: true, error: 'ECONNRESET', ended: false })
  expect(codes(harness)).toEqual(['client-closed'])
  await harness.relay.closed
})

test.each([
  { how: 'answers and closes', answer: 'HTTP/1.1 400 No\r\nConnection: close\r\n\r\n' },
  { how: 'answers with a length', answer: OK },
  { how: 'closes', answer: '' },
])('a client’s FIN in mid-request is shown to the server, which $how', async ({ answer }) => {
  const harness = startRelay()
  const { client, servers } = harness
  client.send(`${POST}01`)
  await settle()
  client.stream.end()
  await settle()
  expect(servers[0]).toMatchObject({ ended: true, error: null, received: `${POST}01` })
  expect([client.ended, client.closed]).toEqual([false, false])
  servers[0]?.send(answer)
  servers[0]?.stream.end()
  await settle()
  expect(client).toMatchObject({ received: answer, ended: true, error: null })
  expect(codes(harness)).toEqual(['client-closed'])
  await harness.relay.closed
})

test('a client’s FIN in mid-request that the server answers with RST is answered with RST', async () => {
  const harness = startRelay()
  harness.client.send(`${POST}01`)
  harness.client.stream.end()
  await settle()
  harness.servers[0]?.stream.reset()
  await settle()
  expect(harness.client).toMatchObject({ received: '', error: 'ECONNRESET' })
  expect(codes(harness)).toEqual(['client-closed'])
})

test('a client that resets in mid-answer takes the upstream with it', async () => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  harness.servers[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01')
  await settle()
  harness.client.stream.reset()
  await settle()
  expect(harness.servers[0]?.error).toBe('ECONNRESET')
  expect(codes(harness)).toEqual(['client-closed'])
})

test('a client that leaves in the middle of a head is reported', async () => {
  const harness = startRelay()
  harness.client.send('GET / HTTP/1.1\r\nHo')
  await settle()
  harness.client.stream.end()
  await settle()
  expect(harness.refused).toMatchObject([
    { code: 'client-closed', start: 'GET / HTTP/1.1', requestBytes: 18 },
  ])
  expect(harness.client.closed).toBe(true)
})

test('a client that comes and goes without a word is no event', async () => {
  const harness = startRelay()
  harness.client.stream.end()
  await settle()
  await harness.relay.closed
  expect([harness.refused, harness.recorded, harness.servers]).toEqual([[], [], []])
})

test.each([
  { errno: 'ECONNREFUSED', code: 'connect-refused', status: 502 },
  { errno: 'ETIMEDOUT', code: 'connect-timeout', status: 504 },
  { errno: 'EHOSTUNREACH', code: 'connect-failed', status: 502 },
])('connect $errno gives $status with address and errno', async ({ errno, code, status }) => {
  const harness = startRelay({ onServer: (server) => server.stream.peer.abort(errno, 'connect') })
  harness.client.send(GET)
  await settle()
  expect(harness.client.received).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(harness.client.received).toContain(`azds-proxy-error: ${code}\r\n`)
  expect(harness.client.received).toContain(`10.9.9.9:80: ${errno}`)
  expect(harness.client.ended).toBe(true)
  expect(codes(harness)).toEqual([code])
  expect(harness.recorded[0]?.status).toBe(status)
})

test('draining closes an idle connection at once', async () => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  harness.relay.drain()
  await settle()
  expect(harness.client.ended).toBe(true)
  expect(harness.servers[0]?.ended).toBe(true)
})

test('a retired connection waits for one more request, whose answer says that it is the last', async () => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  harness.relay.retire()
  await settle()
  expect(harness.client.ended).toBe(false)
  harness.client.send(GET)
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  expect(harness.client.received.slice(OK.length)).toContain('Connection: close\r\n')
  expect(harness.client.ended).toBe(true)
  expect(codes(harness)).toEqual([null, null])
})

test('a connection that is retired in mid-answer waits for one more request, too', async () => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  harness.servers[0]?.send(OK.slice(0, -1))
  await settle()
  harness.relay.retire()
  harness.servers[0]?.send('k')
  await settle()
  expect([harness.client.received, harness.client.ended]).toEqual([OK, false])
  harness.client.send(POST)
  harness.client.send('0123456789')
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  expect(harness.client.received.slice(OK.length)).toContain('Connection: close\r\n')
  expect(harness.client.ended).toBe(true)
  expect(codes(harness)).toEqual([null, null])
})

test('a client that was told that the answer under way is its last is told nothing else by retiring', async () => {
  const pool = new UpstreamPool()
  const harness = startRelay({ pool, setHeaders: [['azds-hop', '1']] })
  harness.client.send(GET.replace('Host: a', 'Host: a\r\nConnection: close'))
  await settle()
  harness.servers[0]?.send(OK.slice(0, -1))
  await settle()
  expect(harness.client.received).toContain('Connection: close\r\n')
  harness.relay.retire()
  harness.servers[0]?.send('k')
  await settle()
  expect(harness.client.ended).toBe(true)
  pool.close()
})

test('draining finishes what is in flight, says so in the answer and then closes', async () => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  harness.relay.drain()
  await settle()
  expect(harness.client.ended).toBe(false)
  harness.servers[0]?.send(
    'HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
  )
  await settle()
  expect(harness.client.received).toBe(
    'HTTP/1.1 200 OK\r\nconnection: close\r\nContent-Length: 2\r\n\r\nok',
  )
  expect(harness.client.ended).toBe(true)
  expect(codes(harness)).toEqual([null])
})

test('draining lets a request finish whose head has only begun', async () => {
  const harness = startRelay()
  harness.client.send(GET.slice(0, 10))
  await settle()
  harness.relay.drain()
  harness.client.send(GET.slice(10))
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  expect(harness.client.received).toContain('Connection: close\r\n')
  expect(harness.client.ended).toBe(true)
})

test('a client that does not close is let go after the linger time', async () => {
  const harness = startRelay({ lingerMs: 20 })
  harness.client.send(GET)
  await settle()
  const last = OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
  harness.servers[0]?.send(last)
  await settle()
  expect(harness.client.received).toBe(last)
  expect(harness.client.ended).toBe(true)
  await harness.relay.closed
})

test('a server that stops reading stops the client, and memory stays flat', async () => {
  const harness = startRelay({ onServer: (server) => server.stream.pause() })
  harness.client.send(POST.replace('10', '10000000'))
  const block = Buffer.alloc(10_000)
  let sent = 0
  for (; sent < 1000; sent++) {
    if (!harness.client.stream.write(block)) break
    await settle(2)
  }
  expect(sent).toBeLessThan(20)
  harness.servers[0]?.stream.resume()
  await settle(100)
  expect(harness.servers[0]?.received.length).toBeGreaterThan(sent * 10_000)
})

test('a client that stops reading stops the server, and memory stays flat', async () => {
  const harness = startRelay()
  harness.client.stream.pause()
  harness.client.send(GET)
  await settle()
  const server = harness.servers[0]
  server?.send('HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n')
  let sent = 0
  for (; sent < 1000; sent++) {
    if (!server?.stream.write(Buffer.alloc(10_000))) break
    await settle(2)
  }
  expect(sent).toBeLessThan(20)
  expect(harness.client.stream.mostQueued).toBeLessThan(100_000)
})
