import { afterEach, expect, test } from '@jest/globals'
import type { HeaderList } from '../../../core/trace-record.ts'
import { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { memoryPair, settle } from '../memory-stream.ts'
import { TARGET } from '../recorded-exchange.ts'
import { undisturbed } from '../undisturbed.ts'
import { type Harness, startRelay } from './relay-harness.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

const pools: UpstreamPool[] = []
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close()
})

function newPool(options?: { size?: number; idleMs?: number; ageMs?: number }): UpstreamPool {
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

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n\r\n'
const PUT = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx'

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

test.each([
  'Authorization: NTLM x',
  'Authorization: Negotiate x\r\nAuthorization: Basic x',
  'Proxy-Authorization: NTLM x',
])('a connection on which someone has logged in by %j serves nobody else', async (field) => {
  const pool = newPool()
  const { servers } = await fillPool(pool, GET.replace('\r\n\r\n', `\r\n${field}\r\n\r\n`))
  expect(pool.count).toBe(0)
  expect(servers[0]?.ended).toBe(true)
})

test('the pool holds no more than its size and nothing for longer than its time', async () => {
  await undisturbed(50, async () => {
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
  { request: POST, retried: false },
  { request: PUT, retried: false },
])('a reused connection that closes without a byte: $request again = $retried', async (row) => {
  const harness = startRelay({ setHeaders: [['X', 'y']] })
  const { client, servers } = harness
  client.send(GET)
  await settle()
  servers[0]?.send(OK)
  await settle()
  const before = servers[0]?.received.length
  client.send(row.request)
  await settle()
  const sent = servers[0]?.received.slice(before)
  servers[0]?.stream.reset()
  await settle()
  expect(servers).toHaveLength(row.retried ? 2 : 1)
  if (row.retried) {
    expect(servers[1]?.received).toBe(sent)
    servers[1]?.send(OK)
    await settle()
  }
  expect(client.received.slice(OK.length)).toBe(row.retried ? OK : '')
  expect(client.error).toBe(row.retried ? null : 'ECONNRESET')
  expect(codes(harness)).toEqual([null, row.retried ? null : 'upstream-left'])
})

test.each([POST, PUT])(
  'what cannot be sent twice is not risked on a connection of another client’s: %j',
  async (request) => {
    const pool = newPool()
    const { servers } = await fillPool(pool)
    const next = startRelay({ pool })
    next.client.send(request)
    await settle()
    servers[0]?.stream.reset()
    await settle()
    next.servers[0]?.send(OK)
    await settle()
    expect(next.client.received).toBe(OK)
  },
)

test('a reused connection that its server ends by FIN, without a byte, is tried again too', async () => {
  const pool = newPool()
  const { servers } = await fillPool(pool)
  const next = startRelay({ pool })
  next.client.send(GET)
  await settle()
  servers[0]?.stream.end()
  await settle()
  next.servers[0]?.send(OK)
  await settle()
  expect(next.client.received).toMatch(/^HTTP\/1\.1 200/)
  expect(codes(next)).toEqual([null])
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

const CLOSE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: */*\r\n\r\n'
const KEPT =
  'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok'
const TRACED: HeaderList = [['X', 'y']]

test('the server of a client that closes keeps its connection, for the next client', async () => {
  const pool = newPool()
  const one = startRelay({ pool, setHeaders: TRACED })
  one.client.send(CLOSE)
  await settle()
  const [server] = one.servers
  expect(server?.received).toBe(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nAccept: */*\r\nX: y\r\n\r\n',
  )
  server?.send(KEPT)
  await settle()
  // As the server itself would have answered the client.
  expect(one.client.received).toBe(
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  )
  expect([one.client.ended, server?.ended]).toEqual([true, false])
  const next = startRelay({ pool, setHeaders: TRACED })
  next.client.send(CLOSE.replace('close', 'CLOSE'))
  await settle()
  server?.send(OK)
  await settle()
  expect(next.dialled).toEqual([])
  expect(next.client.received).toBe(
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
  )
  expect(next.client.ended).toBe(true)
})

test('where the server closes all the same, so does the connection', async () => {
  const pool = newPool()
  const { client, servers } = startRelay({ pool, setHeaders: TRACED })
  client.send(CLOSE)
  await settle()
  servers[0]?.send('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil ')
  await settle()
  servers[0]?.send('the end')
  servers[0]?.stream.end()
  await settle()
  expect(client.received).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end')
  expect([client.ended, pool.count]).toEqual([true, 0])
})

test.each<[string, string, HeaderList]>([
  ['whose head is not to be changed', CLOSE, []],
  ['that may not be sent twice', CLOSE.replace('GET', 'POST'), TRACED],
  ['with a body', CLOSE.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nhi'), TRACED],
  ['with another option', CLOSE.replace('close', 'close, x-a'), TRACED],
  ['that says so twice', CLOSE.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), TRACED],
  ['of HTTP/1.0', CLOSE.replace('HTTP/1.1', 'HTTP/1.0'), TRACED],
  ['that logs in its connection', CLOSE.replace('Accept: *', 'Authorization: NTLM x*'), TRACED],
])('a request %s says to the server what the client said', async (_, request, setHeaders) => {
  const pool = newPool()
  const { client, servers } = startRelay({ pool, setHeaders })
  client.send(request)
  await settle()
  expect(servers[0]?.received).toMatch(/\r\nConnection: close/i)
  expect(servers[0]?.received).not.toMatch(/keep-alive/)
  servers[0]?.send(OK)
  await settle()
  expect(client.received).toBe(OK)
  expect([client.ended, pool.count]).toEqual([true, 0])
})

test('a pooled connection serves 100 clients, so that others reach other pods', async () => {
  const pool = newPool()
  let dialled = 0
  const serve = async () => {
    const harness = startRelay({
      pool,
      setHeaders: TRACED,
      onServer: (server) => {
        server.onText = () => server.send(OK)
      },
    })
    harness.client.send(CLOSE)
    await settle()
    expect(harness.client.received).toContain('ok')
    dialled += harness.dialled.length
  }
  for (let i = 0; i < 201; i++) await serve()
  expect(dialled).toBe(3)
})

test('a pooled connection is not used for longer than its age, so that a pod which is not ready is left', async () => {
  await undisturbed(20, async () => {
    const pool = newPool({ ageMs: 50 })
    const first = await fillPool(pool)
    await new Promise((resolve) => setTimeout(resolve, 80))
    const next = startRelay({ pool })
    next.client.send(GET)
    await settle()
    first.servers[0]?.send(OK)
    await settle()
    next.client.stream.end()
    await settle()
    expect([next.dialled.length, pool.count, first.servers[0]?.ended]).toEqual([0, 0, true])
  })
})
