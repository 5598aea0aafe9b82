/** Connections whose peer reads nothing more do not stay for ever once the other side has gone. */
import net from 'node:net'
import { expect, test } from '@jest/globals'
import type { Address } from '../../../core/routing-table.ts'
import { relayHttp2 } from '../../../proxy/http2/relay.ts'
import { eventually } from '../fake-controller.ts'
import { memoryPair, settle } from '../memory-stream.ts'
import { plannerInto } from '../recorded-exchange.ts'
import { impatientTransports } from '../transports.ts'
import { data, settings, windowUpdate } from './frames.ts'
import { get, Http2Peer, post } from './peer.ts'
import { startRelay } from './relay-harness.ts'

const INITIAL_WINDOW = 0x4
const LAST_BYTES_MS = 100
const FRAME = Buffer.alloc(16_384, 'x')

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** An app that lets its clients send all they like, and reads nothing. */
async function startDeafApp() {
  const accepted = Promise.withResolvers<net.Socket>()
  const server = net.createServer((socket) => {
    socket.pause()
    socket.write(settings([INITIAL_WINDOW, 1_000_000_000]))
    socket.write(windowUpdate(0, 1_000_000_000))
    accepted.resolve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  return { server, target: { ip: '127.0.0.1', port }, accepted: accepted.promise }
}

/** A client that sends until nobody takes more; the bytes that it has sent. */
async function sendUntilStuck(client: Http2Peer, streams: number): Promise<number> {
  for (let i = 0; i < streams; i++) client.head(i * 2 + 1, post(), false)
  let left = 0
  for (let at = 0; ; at++) {
    const sent = at * FRAME.length
    const allowed = client
      .of('window 0 ')
      .reduce((sum, line) => sum + Number(line.split(' ')[2]), 65_535)
    if (allowed - sent < FRAME.length) {
      if (++left > 20) return sent
      await pause(10)
      at--
      continue
    }
    left = 0
    client.send(data((at % streams) * 2 + 1, FRAME))
    await settle(1)
  }
}

test.each(impatientTransports(LAST_BYTES_MS))(
  'an app that reads nothing is given up by $name after its client has gone',
  async (transport) => {
    const { server, target, accepted } = await startDeafApp()
    const [near, far] = memoryPair()
    const relay = relayHttp2(far, Buffer.alloc(0), {
      plan: plannerInto([], { target: () => target as Address }),
      dial: (address) => transport.dial(address),
      now: () => 0,
      onRefused: () => {},
      onFault: (error) => {
        throw error
      },
      lingerMs: 20,
    })
    const client = new Http2Peer(near, 'client').open()
    const sent = await sendUntilStuck(client, 60)
    client.stream.end()
    await relay.closed
    const app = await accepted
    // In steps: what is looked at twice is so however the machine stands still.
    for (let i = 0; i < 6; i++) await pause(LAST_BYTES_MS)
    let error = ''
    app.on('error', (reason: NodeJS.ErrnoException) => {
      error = reason.code ?? ''
    })
    const over = new Promise((resolve) => app.once('close', resolve))
    app.resume()
    await over
    server.close()
    expect([error, app.bytesRead < sent]).toEqual(['ECONNRESET', true])
  },
  20_000,
)

test('a client that reads nothing of its last answers is given up', async () => {
  const { client, servers, relay } = startRelay({ lastBytesMs: 300 })
  client.head(1, get())
  client.send(windowUpdate(0, 100_000), windowUpdate(1, 100_000))
  await settle()
  const [server] = servers as [Http2Peer]
  client.stream.pause()
  server.head(1, [[':status', '200']], false)
  // At once, so that all of it waits for the client's connection and nothing for its turn.
  server.send(...Array.from({ length: 5 }, () => data(1, FRAME)), data(1, FRAME, true))
  await settle()
  relay.drain()
  let isClosed = false
  void relay.closed.then(() => {
    isClosed = true
  })
  // The last GOAWAY waits 1 s for a client that does not answer, and then the client has 300 ms.
  await pause(1_150)
  expect([isClosed, client.closed]).toEqual([false, null])
  await eventually('the end', () => isClosed && client.closed)
  expect(client.closed).toBe('ECONNRESET')
}, 20_000)
