import { expect, test } from '@jest/globals'
import { settle } from '../memory-stream.ts'
import { startRelay } from './relay-harness.ts'

const ROWS = [
  {
    kind: 'websocket',
    request: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    answer: 'HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n',
  },
  {
    kind: 'upgrade',
    request: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    answer: 'HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n',
  },
  {
    kind: 'connect',
    request: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
    answer: 'HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n',
  },
]

test.each(ROWS)('$kind becomes a tunnel with half-close and counts', async (row) => {
  const harness = startRelay()
  const { client, servers } = harness
  // Bytes that come too early wait until it is known what they are.
  client.send(`${row.request}early`)
  await settle()
  expect(servers[0]?.received).toBe(row.request)
  servers[0]?.send(`${row.answer}first`)
  await settle()
  expect(client.received).toBe(`${row.answer}first`)
  expect(servers[0]?.received).toBe(`${row.request}early`)
  client.send('\x00\xff')
  client.stream.end()
  await settle()
  expect(servers[0]?.received).toBe(`${row.request}early\x00\xff`)
  expect(servers[0]?.ended).toBe(true)
  servers[0]?.send('last')
  await settle()
  expect(client.received).toBe(`${row.answer}firstlast`)
  expect(client.ended).toBe(false)
  servers[0]?.stream.end()
  await settle()
  await harness.relay.closed
  expect(harness.recorded).toMatchObject([
    {
      tunnel: row.kind,
      ends: [
        {
          requestBytes: row.request.length + 7,
          responseBytes: row.answer.length + 9,
          error: null,
        },
      ],
    },
  ])
})

test.each(ROWS)('$kind passes RST on and reports who broke it', async (row) => {
  const harness = startRelay()
  const { client, servers } = harness
  client.send(row.request)
  await settle()
  servers[0]?.send(row.answer)
  await settle()
  servers[0]?.stream.reset()
  await settle()
  expect(client.error).toBe('ECONNRESET')
  expect(harness.recorded[0]?.ends).toMatchObject([{ error: { code: 'upstream-reset' } }])
})

test('a FIN that came with the upgrade request reaches the tunnel', async () => {
  const { client, servers } = startRelay()
  client.send(ROWS[0]?.request ?? '')
  client.stream.end()
  await settle()
  servers[0]?.send(ROWS[0]?.answer ?? '')
  servers[0]?.stream.end()
  await settle()
  expect(servers[0]?.ended).toBe(true)
  expect(client.closed).toBe(true)
})

test('a switch of protocols that nobody asked for is a bad response', async () => {
  const harness = startRelay()
  harness.client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await settle()
  harness.servers[0]?.send(ROWS[0]?.answer ?? '')
  await settle()
  expect(harness.client.received).toContain('azds-proxy-error: bad-response')
  expect(harness.recorded[0]?.tunnel).toBeNull()
})

test('draining leaves a tunnel alone', async () => {
  const harness = startRelay()
  harness.client.send(ROWS[0]?.request ?? '')
  await settle()
  harness.servers[0]?.send(ROWS[0]?.answer ?? '')
  await settle()
  harness.relay.drain()
  harness.client.send('ping')
  await settle()
  expect(harness.servers[0]?.received.endsWith('ping')).toBe(true)
  expect(harness.client.ended).toBe(false)
})
