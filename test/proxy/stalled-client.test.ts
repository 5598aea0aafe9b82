import net from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { STALLED_CLIENT_MS } from '../../proxy/detection.ts'
import { createWorld, echoServer, type World } from './proxy-world.ts'

let world: World

beforeEach(async () => {
  world = await createWorld()
})

afterEach(() => world.close())

/** What comes until `end` is in it. */
function readUntil(socket: net.Socket, end: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
      if (text.includes(end)) resolve(text)
    })
  })
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test.each([
  ['a word that could be a method', Buffer.from('ruok')],
  ['a word and a blank', Buffer.from('stat ')],
  ['a beginning of HTTP/2', Buffer.from('PRI * HT')],
  ['a beginning of a ClientHello', Buffer.from([22, 3, 1])],
])('the server hears a client that sends %s and waits', async (_what, sent) => {
  const zookeeper = net.createServer((socket) => {
    socket.once('data', (data) => socket.end(`got ${data.toString('hex')}.`))
  })
  const socket = world.connect('outbound', await world.serve(zookeeper, '127.0.10.40'))
  const start = performance.now()
  socket.write(sent)
  expect(await readUntil(socket, '.')).toBe(`got ${sent.toString('hex')}.`)
  expect(performance.now() - start).toBeGreaterThan(STALLED_CLIENT_MS - 10)
  socket.end()
  const record = await world.recordWhere((one) => one.protocol === 'tcp')
  expect(record.requestBytes).toBe(sent.length)
})

test('a request line that comes slowly, but goes on coming, is still HTTP', async () => {
  const address = await world.serve(echoServer('slow'), '127.0.10.41')
  const socket = world.connect('outbound', address)
  // Each wait is far shorter than the limit, all together are longer: also where the machine stands still.
  for (const piece of ['G', 'E', 'T ', '/s', 'low', ' HTT', 'P/1.', '1\r\n']) {
    socket.write(piece)
    await pause(STALLED_CLIENT_MS * 0.15)
  }
  socket.write('Host: slow\r\nConnection: close\r\n\r\n')
  const record = await world.recordWhere((one) => one.path === '/slow')
  expect(record).toMatchObject({ protocol: 'http/1.1', status: 200 })
})
