/** A connection that was let go ends, also where its peer takes nothing more. */
import net from 'node:net'
import { expect, test } from '@jest/globals'
import { DEAF } from '../../proxy/stream.ts'
import type { Transport } from '../../proxy/transport.ts'
import { mostUnderWay } from './kernel-buffers.ts'
import { impatientTransports, listenLocal, rawTransport } from './transports.ts'

/** More than the kernel takes without a reader; and whole MiB, of which those of `PAUSE_MS` are many. */
const MUCH = Math.max(32, Math.ceil(mostUnderWay(1) / 1_048_576) + 4) * 1_048_576
/** A busy machine may stand still for a second: that must not look like a peer that takes nothing. */
const PATIENCE_MS = 2500
/** After each MiB: in all more than the patience. */
const PAUSE_MS = 90

/** A client of a server that sends much and lets go; `closed` when the server’s side is gone. */
async function receive(transport: Transport) {
  const over = Promise.withResolvers<void>()
  const listening = await listenLocal(transport, ({ stream }) => {
    stream.listen({ ...DEAF, onClose: () => over.resolve() })
    stream.write(Buffer.alloc(MUCH))
    stream.close()
  })
  const client = net.connect({ port: listening.address.port, host: '127.0.0.1' })
  let error = ''
  client.on('error', (reason: NodeJS.ErrnoException) => {
    error = reason.code ?? ''
  })
  const ended = new Promise((resolve) => client.once('close', resolve))
  return { client, closed: over.promise, ended, error: () => error, end: () => listening.close() }
}

test.each(impatientTransports(100))(
  '$name gives up a peer that takes nothing any more, with RST',
  async (transport) => {
    const { client, closed, ended, error, end } = await receive(transport)
    await closed
    client.resume()
    await ended
    end()
    expect([error(), client.bytesRead < MUCH]).toEqual(['ECONNRESET', true])
  },
  20_000,
)

test.each(impatientTransports(PATIENCE_MS))(
  'a peer that reads slowly gets everything from $name, however long it takes',
  async (transport) => {
    const { client, closed, ended, error, end } = await receive(transport)
    const started = performance.now()
    let read = 0
    client.on('data', (chunk) => {
      read += chunk.length
      if (read % 1_048_576 >= chunk.length) return
      client.pause()
      setTimeout(() => client.resume(), PAUSE_MS)
    })
    client.on('end', () => client.end())
    await Promise.all([closed, ended])
    end()
    expect([read, error()]).toEqual([MUCH, ''])
    // Longer than a peer that takes nothing is waited for.
    expect(performance.now() - started).toBeGreaterThan(PATIENCE_MS)
  },
  30_000,
)

test.each(impatientTransports(100))(
  '$name gives up a peer that sends on, but takes nothing',
  async (transport) => {
    const { client, closed, ended, error, end } = await receive(transport)
    const sending = setInterval(() => client.write('more'), 20)
    await closed
    clearInterval(sending)
    client.resume()
    await ended
    end()
    expect(error()).toMatch(/^(ECONNRESET|EPIPE)$/)
  },
  20_000,
)

test('raw closes at once what has nothing left to send, and the peer reads all of it and FIN', async () => {
  const descriptors: number[] = []
  const listening = await listenLocal(rawTransport, (accepted) => {
    const { stream } = accepted
    stream.listen(DEAF)
    stream.write(Buffer.from('all of it'))
    descriptors.push(accepted.fd)
    stream.close()
    descriptors.push(accepted.fd)
  })
  const client = net.connect({ port: listening.address.port, host: '127.0.0.1' })
  let received = ''
  client.on('data', (chunk) => {
    received += chunk.toString()
  })
  await new Promise((resolve) => client.once('end', resolve))
  client.destroy()
  listening.close()
  expect([received, descriptors[0], descriptors[1]]).toEqual(['all of it', expect.any(Number), -1])
  expect(descriptors[0]).toBeGreaterThan(2)
})
