import { expect, test } from '@jest/globals'
import { settle } from '../memory-stream.ts'
import { startRelay } from './relay-harness.ts'

test('a client that has said its last request is not waited for, and gets the whole answer', async () => {
  const { client, servers, relay } = startRelay()
  let closed = false
  void relay.closed.then(() => {
    closed = true
  })
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await settle()
  const answer = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(50_000)}`
  servers[0]?.send(answer)
  await settle()
  expect(client.received).toBe(answer)
  // The client has not sent its FIN.
  expect([client.ended, closed]).toEqual([true, true])
})

test('a client that sends more behind its last request is waited for, so that it gets the answer', async () => {
  const { client, servers, relay } = startRelay()
  const over: string[] = []
  void relay.closed.then(() => over.push('closed'))
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /more HTTP/1.1\r\n')
  await settle()
  servers[0]?.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  await settle()
  expect([client.ended, over, servers.length]).toEqual([true, [], 1])
  client.stream.end()
  await settle()
  expect(over).toEqual(['closed'])
})
