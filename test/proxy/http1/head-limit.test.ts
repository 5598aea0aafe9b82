import { expect, test } from '@jest/globals'
import { MAX_HEAD_BYTES } from '../../../proxy/http1/head-limit.ts'
import { settle } from '../memory-stream.ts'
import { startRelay } from './relay-harness.ts'

/** A head of exactly so many bytes. */
function headOf(length: number, start: string, fields = ''): string {
  const frame = `${start}\r\n${fields}X: \r\n\r\n`
  return frame.replace('X: ', `X: ${'x'.repeat(length - frame.length)}`)
}

const REQUEST = ['GET / HTTP/1.1', 'Host: a\r\n'] as const
const RESPONSE = ['HTTP/1.1 200 OK', 'Content-Length: 0\r\n'] as const

test('a request head of 65,536 bytes passes, however it comes, and one byte more gets 431', async () => {
  for (const piece of [65_537, 30_000, 65_535]) {
    for (const length of [MAX_HEAD_BYTES, MAX_HEAD_BYTES + 1]) {
      const head = headOf(length, ...REQUEST)
      expect(head.length).toBe(length)
      const { client, servers, refused } = startRelay()
      client.send(head.slice(0, piece))
      await settle()
      client.send(head.slice(piece))
      await settle()
      if (length === MAX_HEAD_BYTES) expect(servers[0]?.received).toBe(head)
      else {
        expect(client.received).toMatch(/^HTTP\/1\.1 431 .*head-too-large.*65536 bytes/s)
        expect(client.ended).toBe(true)
        expect(servers).toEqual([])
        expect(refused).toMatchObject([{ code: 'head-too-large', start: 'GET / HTTP/1.1' }])
      }
    }
  }
})

test('what a sidecar has added does not count for the next one', async () => {
  const own =
    'TraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nazds-hop: 1\r\nazds-route-as: alice\r\n'
  const head = headOf(MAX_HEAD_BYTES + own.length, REQUEST[0], REQUEST[1] + own)
  const { client, servers } = startRelay()
  client.send(head)
  await settle()
  expect(servers[0]?.received).toBe(head)
  const longer = startRelay()
  longer.client.send(head.replace('X: x', 'X: xx'))
  await settle()
  expect(longer.client.received).toMatch(/^HTTP\/1\.1 431 /)
})

test('an answer’s head of 65,536 bytes passes, and one byte more gives 502', async () => {
  for (const length of [MAX_HEAD_BYTES, MAX_HEAD_BYTES + 1]) {
    const head = headOf(length, ...RESPONSE)
    const { client, servers } = startRelay()
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await settle()
    servers[0]?.send(head)
    await settle()
    if (length === MAX_HEAD_BYTES) expect(client.received).toBe(head)
    else expect(client.received).toMatch(/^HTTP\/1\.1 502 .*bad-response.*65536 bytes/s)
  }
})

test('a head without an end is refused when it cannot become short enough any more', async () => {
  const { client } = startRelay()
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(MAX_HEAD_BYTES + 300)}`)
  await settle()
  expect(client.received).toMatch(/^HTTP\/1\.1 431 /)
})
