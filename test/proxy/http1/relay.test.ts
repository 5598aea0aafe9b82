import { expect, test } from '@jest/globals'
import { ChunkedScanner } from '../../../proxy/http1/chunked.ts'
import { settle } from '../memory-stream.ts'
import { CHUNK_GARBAGE, EXCHANGES, type ExchangeVector } from './exchanges.ts'
import { REFUSED_REQUESTS } from './refused-requests.ts'
import { type Peer, startRelay } from './relay-harness.ts'
import { REFUSED_RESPONSES } from './response-vectors.ts'

/** Lets a server answer once it has the whole request, in two parts. */
function answering(vector: ExchangeVector, split: number) {
  return (server: Peer) => {
    server.onText = () => {
      if (server.received !== vector.request) return
      server.send(vector.response.slice(0, split))
      setImmediate(() => {
        server.send(vector.response.slice(split))
        if (vector.serverCloses) server.stream.end()
      })
    }
  }
}

async function exchange(vector: ExchangeVector, requestSplit: number, responseSplit: number) {
  const harness = startRelay({ onServer: answering(vector, responseSplit) })
  harness.client.send(vector.request.slice(0, requestSplit))
  await settle(2)
  harness.client.send(vector.request.slice(requestSplit))
  await settle(12)
  return harness
}

function expectRelayed(vector: ExchangeVector, harness: Awaited<ReturnType<typeof exchange>>) {
  const { client, servers, recorded, refused } = harness
  expect(servers.map((server) => server.received)).toEqual([vector.request])
  expect(client.received).toBe(vector.response)
  expect(client.ended).toBe(!vector.kept)
  expect(servers[0]?.ended).toBe(!vector.kept)
  expect(refused).toEqual([])
  expect(recorded).toMatchObject([
    {
      status: vector.status,
      requestBody: vector.requestBody,
      responseBody: vector.responseBody,
      ends: [
        {
          requestBytes: vector.request.length,
          responseBytes: vector.response.length,
          error: null,
        },
      ],
    },
  ])
}

test.each(EXCHANGES)('relays byte for byte: $name', async (vector) => {
  const harness = await exchange(vector, 0, 0)
  expectRelayed(vector, harness)
  harness.client.stream.end()
  await settle()
  await harness.relay.closed
  expect(harness.servers[0]?.closed || harness.servers[0]?.ended).toBe(true)
})

test.each(EXCHANGES)('relays $name wherever the request is split', async (vector) => {
  for (let split = 1; split < vector.request.length; split++) {
    expectRelayed(vector, await exchange(vector, split, 0))
  }
})

test.each(EXCHANGES)('relays $name wherever the answer is split', async (vector) => {
  for (let split = 1; split < vector.response.length; split++) {
    expectRelayed(vector, await exchange(vector, 0, split))
  }
})

test.each(REFUSED_REQUESTS)('answers $name with 400 and forwards nothing', async (vector) => {
  const splits = Array.from({ length: vector.text.length }, (_, split) => split)
  for (const split of splits) {
    const { client, servers, refused, recorded } = startRelay()
    client.send(vector.text.slice(0, split))
    await settle(2)
    client.send(vector.text.slice(split))
    await settle(4)
    expect(client.received).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\nazds-proxy-error: bad-request\r\n/,
    )
    expect(client.received).toContain('Connection: close\r\n')
    expect(client.ended).toBe(true)
    expect([servers.length, recorded.length]).toEqual([0, 0])
    expect(refused).toMatchObject([
      { code: 'bad-request', message: expect.stringContaining(vector.problem) },
    ])
    expect(refused[0]?.responseBytes).toBe(client.received.length)
  }
})

test('our answer’s Content-Length is the length of its body', async () => {
  const { client } = startRelay()
  client.send('GET / HTTP/1.1\r\n\r\n')
  await settle()
  const [head = '', body = ''] = client.received.split('\r\n\r\n')
  expect(/Content-Length: (\d+)/.exec(head)?.[1]).toBe(String(body.length))
  expect(body).toContain('no Host field in HTTP/1.1 (RFC 9112 3.2)')
})

test('a head beyond 64 KiB gets 431 that says the limit', async () => {
  const { client, servers, refused } = startRelay()
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}`)
  await settle()
  expect(client.received).toMatch(/^HTTP\/1\.1 431 .*azds-proxy-error: head-too-large/s)
  expect(client.received).toContain('65536 bytes')
  expect(servers).toEqual([])
  expect(refused).toMatchObject([{ code: 'head-too-large', start: 'GET / HTTP/1.1' }])
})

test.each(CHUNK_GARBAGE)('a request body with $name is not let through', async ({ body }) => {
  const { client, servers, recorded } = startRelay()
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
  await settle()
  expect(client.received).toMatch(/^HTTP\/1\.1 400 /)
  expect(client.ended).toBe(true)
  expect(servers[0]?.received ?? '').toBe('')
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'bad-request' } }])
})

test.each(CHUNK_GARBAGE)(
  'a body that turns out to have $name ends both sides',
  async ({ body }) => {
    const { client, servers, recorded } = startRelay()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    await settle()
    client.send(body)
    await settle()
    expect(client.received).toMatch(/^HTTP\/1\.1 400 /)
    expect(servers[0]).toMatchObject({ closed: true, error: 'ECONNRESET' })
    expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'bad-request' } }])
  },
)

test.each(REFUSED_RESPONSES)('a response with $name gives 502', async ({ text, problem }) => {
  const { client, servers, recorded } = startRelay()
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await settle()
  servers[0]?.send(text)
  await settle()
  expect(client.received).toMatch(/^HTTP\/1\.1 502 .*azds-proxy-error: bad-response/s)
  expect(client.received).toContain(problem)
  expect(servers[0]?.error).toBe('ECONNRESET')
  expect(recorded).toMatchObject([{ status: 502, ends: [{ error: { code: 'bad-response' } }] }])
})

test.each(CHUNK_GARBAGE)('a response body with $name resets the client', async ({ body }) => {
  const { client, servers, recorded } = startRelay()
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await settle()
  servers[0]?.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
  await settle()
  servers[0]?.send(body)
  await settle()
  expect(client.error).toBe('ECONNRESET')
  expect(recorded[0]?.ends).toMatchObject([{ error: { code: 'bad-response' } }])
})

test('headers are replaced where they stand, added last, and everything else stays', async () => {
  const { client, servers } = startRelay({
    setHeaders: [
      ['traceparent', 'new'],
      ['azds-hop', '1'],
    ],
  })
  client.send('POST / HTTP/1.1\r\nTraceParent:  old \r\nHost: a\r\nX:1\r\ntraceparent: o2\r\n')
  client.send('Content-Length: 4\r\n\r\nbody')
  await settle()
  expect(servers[0]?.received).toBe(
    'POST / HTTP/1.1\r\nTraceParent:  new \r\nHost: a\r\nX:1\r\nContent-Length: 4\r\nazds-hop: 1\r\n\r\nbody',
  )
})

test('an empty value is replaced and an empty line before the request is not sent on', async () => {
  const { client, servers } = startRelay({ setHeaders: [['X', 'y']] })
  client.send('\r\nGET / HTTP/1.1\r\nX:\r\nHost: a\r\n\r\n')
  await settle()
  expect(servers[0]?.received).toBe('GET / HTTP/1.1\r\nX:y\r\nHost: a\r\n\r\n')
})

test('a refusing plan is answered with its status and closes the connection', async () => {
  const { client, servers, recorded } = startRelay({
    refuse: () => ({ code: 'too-many-hops', message: '9 hops' }),
  })
  client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  await settle()
  expect(client.received).toMatch(
    /^HTTP\/1\.1 508 Loop Detected\r\nazds-proxy-error: too-many-hops/,
  )
  expect(client.received.endsWith('\r\n\r\n')).toBe(true)
  expect(client.ended).toBe(true)
  expect(servers).toEqual([])
  const bytes = client.received.length
  expect(recorded).toMatchObject([
    { status: 508, ends: [{ responseBytes: bytes, error: { code: 'too-many-hops' } }] },
  ])
})

test.each([
  'HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 102 Processing\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 100 Continue\r\n\r\n',
])('an interim answer with a body, or of HTTP/1.0, gives 502: %j', async (interim) => {
  const { client, servers, recorded } = startRelay()
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await settle()
  servers[0]?.send(`${interim}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`)
  await settle()
  expect(client.received).toMatch(/^HTTP\/1\.1 502 .*azds-proxy-error: bad-response/s)
  expect(recorded).toMatchObject([{ ends: [{ error: { code: 'bad-response' } }] }])
})

test.each(CHUNK_GARBAGE)('a response that begins with $name gives 502', async ({ body }) => {
  const { client, servers, recorded } = startRelay()
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await settle()
  servers[0]?.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
  await settle()
  expect(client.received).toMatch(/^HTTP\/1\.1 502 .*azds-proxy-error: bad-response/s)
  expect(client.ended).toBe(true)
  expect(recorded).toMatchObject([{ status: 502, ends: [{ error: { code: 'bad-response' } }] }])
})

test.each(CHUNK_GARBAGE)('chunks with $name are refused wherever they are split', async (row) => {
  // The first byte is sound of itself; long lines are split at their ends and middle.
  const { length } = row.body
  const splits = Array.from({ length }, (_, at) => at).filter(
    (at) => length < 100 || at < 20 || at > length - 20 || at % 997 === 0,
  )
  for (const at of splits) {
    const scanner = new ChunkedScanner()
    let end = scanner.scan(Buffer.from(row.body.slice(0, at), 'latin1'), 0, () => {})
    if (scanner.problem === null) {
      end = at + scanner.scan(Buffer.from(row.body.slice(at), 'latin1'), 0, () => {})
    }
    const whole = new ChunkedScanner()
    expect(end).toBe(whole.scan(Buffer.from(row.body, 'latin1'), 0, () => {}))
    expect(scanner.problem).toBe(whole.problem)
    expect(scanner.problem).not.toBeNull()
  }
})

test('the request ends when the server says more than its answer: nobody waits for ever', async () => {
  const { client, servers, recorded } = startRelay()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n')
  await settle()
  const final = 'HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n'
  servers[0]?.send(final)
  await settle()
  expect(client).toMatchObject({ received: final, ended: false })
  // For the client, the request is over without its body; for us, this is the body's beginning.
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await settle()
  servers[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  await settle()
  expect(client).toMatchObject({ received: final, ended: true })
  expect(recorded).toMatchObject([{ status: 417, ends: [{ error: null }] }])
})

test('chunks of one byte, and extensions that their data pay for, go on as long as they like', () => {
  const scanner = new ChunkedScanner()
  const chunk = `1\r\na\r\n5a;signature=${'f'.repeat(64)}\r\n${'b'.repeat(0x5a)}\r\n`
  scanner.scan(Buffer.from(chunk.repeat(2_000)), 0, () => {})
  scanner.scan(Buffer.from('0\r\n\r\n'), 0, () => {})
  expect(scanner).toMatchObject({ done: true, problem: null })
})

test('connection options that name our headers take nothing away, for ours and theirs alike', async () => {
  const head =
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: azds-hop, traceparent, X-Mine\r\nX-Mine: 1\r\nMax-Forwards: 0\r\n'
  const { client, servers } = startRelay({ setHeaders: [['azds-hop', '1']] })
  client.send(`${head}\r\n`)
  await settle()
  expect(servers[0]?.received).toBe(`${head}azds-hop: 1\r\n\r\n`)
})
