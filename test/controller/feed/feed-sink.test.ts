/** The way from the hub to one reader: what the route makes of a connection. */
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import fastify, { type FastifyInstance } from 'fastify'
import type { FeedHub, FeedSink } from '../../../controller/feed/hub.ts'
import { feedRoutes } from '../../../controller/routes/feed.ts'

/** More than the buffers of a connection through loopback take. */
const MUCH = 32 * 1024 * 1024

let app: FastifyInstance
let socket: Socket
let sink: FeedSink
let drained = 0
let closed = 0

beforeEach(async () => {
  drained = 0
  closed = 0
  const came = Promise.withResolvers<FeedSink>()
  const hub = {
    subscribe: (_of: unknown, one: FeedSink) => {
      came.resolve(one)
      return { drained: () => drained++, closed: () => closed++ }
    },
  }
  app = fastify()
  feedRoutes(app, hub as unknown as FeedHub)
  await app.listen({ host: '127.0.0.1', port: 0 })
  socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /v1/feed?scope=all HTTP/1.1\r\nhost: feed\r\n\r\n')
  sink = await came.promise
})
afterEach(async () => {
  socket.destroy()
  await app.close()
})

test('the next piece waits until the last has gone', async () => {
  socket.resume()
  for (let piece = 1; piece <= 3; piece++) {
    expect(sink.write(Buffer.from('{}\n'))).toBe(false)
    expect(drained).toBe(piece - 1)
    await until(() => drained === piece)
  }
})

test('a reader that takes nothing is not written to again, and is cut off all the same', async () => {
  sink.write(Buffer.alloc(MUCH))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(drained).toBe(0)
  sink.cut()
  await until(() => closed === 1)
  socket.resume()
  await once(socket, 'close')
})

test('the end comes after what was written', async () => {
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes
  })
  sink.write(Buffer.from('last line\n'))
  sink.end()
  await until(() => text.includes('last line\n') && text.endsWith('0\r\n\r\n'))
})

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 1))
}
