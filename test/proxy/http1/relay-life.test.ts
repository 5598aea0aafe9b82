import { afterEach, expect, test } from '@jest/globals'
import { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { memoryPair } from '../memory-stream.ts'
import { type Harness, type Peer, settle, startRelay, TARGET } from './relay-harness.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

const pools: UpstreamPool[] = []
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close()
})

function newPool(options?: { size?: number; idleMs?: number }): UpstreamPool {
  const pool = new UpstreamPool(options)
  pools.push(pool)
  return pool
}

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

test.each([
  { how: 'FIN', leave: (client: Peer) => client.stream.end() },
  { how: 'RST', leave: (client: Peer) => client.stream.reset() },
])('a client that leaves in mid-request by $how takes the upstream with it', async ({ leave }) => {
  const harness = startRelay()
  harness.client.send(`${POST}01`)
  await settle()
  leave(harness.client)
  await settle()
  expect(harness.servers[0]).toMatchObject({ closed: true, error: 'ECONNRESET', ended: false })
  expect(codes(harness)).toEqual(['client-closed'])
  await harness.relay.closed
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

test.each([
  { how: 'FIN', leave: (server: Peer) => server.stream.end() },
  { how: 'RST', leave: (server: Peer) => server.stream.reset() },
])('a server that leaves by $how before answering gives 502', async ({ leave }) => {
  for (const part of ['', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-']) {
    const harness = startRelay()
    harness.client.send(GET)
    await settle()
    harness.servers[0]?.send(part)
    await settle()
    const server = harness.servers[0]
    if (server) leave(server)
    await settle()
    expect(harness.client.received).toContain('azds-proxy-error: upstream-closed\r\n')
    expect(codes(harness)).toEqual(['upstream-closed'])
  }
})

test.each([
  { framing: 'Content-Length: 10', body: '01', how: 'FIN' },
  { framing: 'Content-Length: 10', body: '01', how: 'RST' },
  { framing: 'Transfer-Encoding: chunked', body: '5\r\nabc', how: 'FIN' },
  { framing: 'Transfer-Encoding: chunked', body: '1\r\na\r\n0\r\n', how: 'FIN' },
  { framing: 'X: until close', body: 'abc', how: 'RST' },
])('a server that vanishes by $how in mid-answer ($framing) resets the client', async (row) => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  const head = `HTTP/1.1 200 OK\r\n${row.framing}\r\n\r\n`
  harness.servers[0]?.send(head + row.body)
  await settle()
  if (row.how === 'FIN') harness.servers[0]?.stream.end()
  else harness.servers[0]?.stream.reset()
  await settle()
  expect(harness.client.received).toBe(head + row.body)
  expect(harness.client).toMatchObject({ error: 'ECONNRESET', ended: false })
  expect(codes(harness)).toEqual(['upstream-reset'])
})

test('each target has its own connection, used again for the next request to it', async () => {
  const harness = startRelay({
    target: (head) => ({ ip: '10.0.0.9', port: Number(head.target.slice(1)) }),
    onServer: (server) => {
      server.onText = () => server.send(OK)
    },
  })
  for (const port of ['1', '2', '1', '2', '1']) {
    harness.client.send(GET.replace('/', `/${port}`))
    await settle()
  }
  expect(harness.dialled.map((target) => target.port)).toEqual([1, 2])
  expect(harness.client.received).toBe(OK.repeat(5))
})

test('a client sees its server close the idle connection', async () => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  expect(harness.client.ended).toBe(false)
  harness.servers[0]?.stream.end()
  await settle()
  expect(harness.client.ended).toBe(true)
})

test('what an idle server says belongs to no request and closes both connections', async () => {
  const harness = startRelay()
  harness.client.send(GET)
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  harness.servers[0]?.send('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n')
  await settle()
  expect(harness.client.received).toBe(OK)
  expect(harness.client.ended).toBe(true)
})

test('bytes beyond an answer are kept from the client and end both connections', async () => {
  const harness = startRelay()
  harness.client.send(GET + GET)
  await settle()
  harness.servers[0]?.send(OK + OK)
  await settle()
  expect(harness.client.received).toBe(OK)
  expect(harness.client.ended).toBe(true)
  expect(harness.servers[0]?.received).toBe(GET)
})

/** Runs one exchange on a client that then leaves, so that its upstream comes into the pool. */
async function fillPool(pool: UpstreamPool, request = GET): Promise<Harness> {
  const harness = startRelay({ pool })
  harness.client.send(request)
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  harness.client.stream.end()
  await settle()
  return harness
}

test('a connection whose client has left serves the next client', async () => {
  const pool = newPool()
  const { servers } = await fillPool(pool)
  expect(pool.count).toBe(1)
  const next = startRelay({ pool })
  next.client.send(GET)
  await settle()
  expect(next.dialled).toEqual([])
  servers[0]?.send(OK)
  await settle()
  expect(next.client.received).toBe(OK)
})

test('a connection on which someone has logged in by NTLM serves nobody else', async () => {
  const pool = newPool()
  const { servers } = await fillPool(
    pool,
    GET.replace('\r\n\r\n', '\r\nAuthorization: NTLM x\r\n\r\n'),
  )
  expect(pool.count).toBe(0)
  expect(servers[0]?.ended).toBe(true)
})

test('the pool holds no more than its size and nothing for longer than its time', async () => {
  const pool = newPool({ size: 2, idleMs: 100 })
  const harnesses = [startRelay({ pool }), startRelay({ pool }), startRelay({ pool })]
  for (const { client } of harnesses) client.send(GET)
  await settle()
  for (const { servers } of harnesses) servers[0]?.send(OK)
  await settle()
  for (const { client } of harnesses) {
    client.stream.end()
    await settle()
  }
  expect(pool.count).toBe(2)
  expect(harnesses.map(({ servers }) => servers[0]?.ended)).toEqual([true, false, false])
  await new Promise((resolve) => setTimeout(resolve, 150))
  await settle()
  expect(pool.count).toBe(0)
  expect(harnesses[2]?.servers[0]?.ended).toBe(true)
})

test('a pooled connection that its server closes leaves the pool', async () => {
  const pool = newPool()
  const { servers } = await fillPool(pool)
  servers[0]?.stream.end()
  await settle()
  expect(pool.count).toBe(0)
})

test.each([
  { request: GET, retried: true },
  { request: 'DELETE /1 HTTP/1.1\r\nHost: a\r\n\r\n', retried: true },
  { request: 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', retried: false },
  { request: 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx', retried: false },
])('a reused connection that closes without a byte: $request again = $retried', async (row) => {
  const pool = newPool()
  const { servers } = await fillPool(pool)
  const next = startRelay({ pool, setHeaders: [['X', 'y']] })
  next.client.send(row.request)
  await settle()
  const sent = servers[0]?.received.slice(GET.length)
  servers[0]?.stream.reset()
  await settle()
  expect(next.servers).toHaveLength(row.retried ? 1 : 0)
  if (row.retried) {
    expect(next.servers[0]?.received).toBe(sent)
    next.servers[0]?.send(OK)
    await settle()
  }
  const expected = row.retried ? /^HTTP\/1\.1 200/ : /^HTTP\/1\.1 502 .*upstream-closed/s
  expect(next.client.received).toMatch(expected)
  expect(codes(next)).toEqual([row.retried ? null : 'upstream-closed'])
})

test('the second attempt is the last one', async () => {
  const pool = newPool()
  const { servers } = await fillPool(pool)
  const next = startRelay({ pool })
  next.client.send(GET)
  await settle()
  servers[0]?.stream.reset()
  await settle()
  next.servers[0]?.stream.reset()
  await settle()
  expect(next.dialled).toHaveLength(1)
  expect(codes(next)).toEqual(['upstream-closed'])
})

test('the connection that detection has dialled is used if the plan leads there', async () => {
  const [ours, theirs] = memoryPair(TARGET)
  const harness = startRelay({ first: GET, firstUpstream: { target: TARGET, stream: ours } })
  await settle()
  expect(harness.dialled).toEqual([])
  expect(theirs.bytesRead + theirs.mostQueued).toBe(GET.length)
})

test('the connection that detection has dialled goes if the plan leads elsewhere', async () => {
  const [ours, theirs] = memoryPair(TARGET)
  let ended = false
  theirs.listen({ onData() {}, onEnd: () => (ended = true), onDrain() {}, onClose() {} })
  const harness = startRelay({
    first: GET.replace('GET', 'POST'),
    firstUpstream: { target: TARGET, stream: ours },
    target: () => ({ ip: '10.0.0.7', port: 7 }),
  })
  await settle()
  expect(harness.dialled).toEqual([{ ip: '10.0.0.7', port: 7 }])
  expect(ended).toBe(true)
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
  const harness = startRelay()
  harness.client.send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  await settle()
  harness.servers[0]?.send(OK)
  await settle()
  expect(harness.client.received).toBe(OK)
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
