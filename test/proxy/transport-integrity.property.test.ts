/**
 * Random data through two connections that are joined as an opaque one is, in random pieces, with pauses
 * and half-closes either way: what arrives is what was sent. And RST stays RST, wherever it comes.
 */
import { createHash, randomBytes } from 'node:crypto'
import net from 'node:net'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { splice } from '../../proxy/splice.ts'
import type { Transport } from '../../proxy/transport.ts'
import { listenLocal, TRANSPORTS } from './transports.ts'

/** More than the kernel takes for a reader who has stopped (4 MB), so that writes are left to libuv. */
const SOURCE = randomBytes(16_000_000)

interface Flow {
  /** Sizes of the writes; together what is sent before FIN. */
  writes: number[]
  /** After so many bytes read, the reader stops for some ms. */
  stopAfter: number[]
  stopMs: number
}

const flow = fc.record<Flow>({
  writes: fc.array(
    fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 20_000 }), fc.nat({ max: 900_000 })),
    {
      maxLength: 6,
    },
  ),
  stopAfter: fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 2 }),
  stopMs: fc.nat({ max: 6 }),
})

/** Much data to a reader who stops again and again, the first time at once. */
const slowFlow = fc.record<Flow>({
  writes: fc.array(fc.integer({ min: 400_000, max: 1_000_000 }), { minLength: 14, maxLength: 16 }),
  stopAfter: fc
    .array(fc.nat({ max: 12_000_000 }), { minLength: 3, maxLength: 6 })
    .map((stops) => [1, ...stops]),
  stopMs: fc.integer({ min: 10, max: 25 }),
})

interface End {
  digest: string
  length: number
  /** `FIN`, or the errno. */
  end: string
}

/** Sends the flow's bytes, and FIN; resolves when the other side has ended too. */
async function play(socket: net.Socket, sends: Flow, reads: Flow): Promise<End> {
  const hash = createHash('sha256')
  let length = 0
  let end = 'none'
  const stops = [...reads.stopAfter].sort((a, b) => a - b)
  socket.on('data', (chunk) => {
    hash.update(chunk)
    length += chunk.length
    const [stop] = stops
    if (stop === undefined || length < stop) return
    stops.shift()
    socket.pause()
    setTimeout(() => socket.resume(), reads.stopMs)
  })
  socket.on('end', () => {
    end = 'FIN'
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    end = error.code ?? 'unknown'
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  let at = 0
  for (const size of sends.writes) {
    const more = socket.write(SOURCE.subarray(at, at + size))
    at += size
    if (!more) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
    else await new Promise((resolve) => setImmediate(resolve))
    if (socket.destroyed) break
  }
  socket.end()
  await closed
  return { digest: hash.digest('hex'), length, end }
}

const sum = ({ writes }: Flow) => writes.reduce((a, b) => a + b, 0)

function digestOf(length: number): string {
  return createHash('sha256').update(SOURCE.subarray(0, length)).digest('hex')
}

/** One connection through a splice; both ends play until they are closed. */
async function through(transport: Transport, up: Flow, down: Flow) {
  const server = net.createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const spliced = Promise.withResolvers<{ fromA: number; fromB: number }>()
  const listening = await listenLocal(transport, ({ stream }) => {
    splice(stream, transport.dial({ ip: '127.0.0.1', port }), undefined, spliced.resolve)
  })
  try {
    const served = new Promise<End>((resolve) => {
      server.once('connection', (socket) => resolve(play(socket, down, up)))
    })
    const { port: proxyPort } = listening.address
    const socket = net.connect({ port: proxyPort, host: '127.0.0.1', allowHalfOpen: true })
    const [atClient, atServer] = await Promise.all([play(socket, up, down), served])
    return { atClient, atServer, counted: await spliced.promise }
  } finally {
    listening.close()
    server.close()
  }
}

test.each(TRANSPORTS)(
  'whatever is sent either way through $name arrives as it was, and ends in FIN',
  async (transport) => {
    await fc.assert(
      fc.asyncProperty(flow, flow, async (up, down) => {
        const seen = await through(transport, up, down)
        expect(seen).toEqual({
          atClient: { digest: digestOf(sum(down)), length: sum(down), end: 'FIN' },
          atServer: { digest: digestOf(sum(up)), length: sum(up), end: 'FIN' },
          counted: { error: null, side: null, fromA: sum(up), fromB: sum(down) },
        })
      }),
      { numRuns: 60 },
    )
  },
  60_000,
)

test.each(TRANSPORTS)(
  'readers who stop and go on get from $name what was sent, also what waited for them',
  async (transport) => {
    await fc.assert(
      fc.asyncProperty(slowFlow, slowFlow, async (up, down) => {
        const seen = await through(transport, up, down)
        expect(seen).toEqual({
          atClient: { digest: digestOf(sum(down)), length: sum(down), end: 'FIN' },
          atServer: { digest: digestOf(sum(up)), length: sum(up), end: 'FIN' },
          counted: { error: null, side: null, fromA: sum(up), fromB: sum(down) },
        })
      }),
      { numRuns: 8, endOnFailure: true },
    )
  },
  60_000,
)

/** Sends without end until the connection is gone; gives the errno. */
function flood(socket: net.Socket): Promise<string> {
  const pump = () => {
    while (socket.writable && socket.write(SOURCE.subarray(0, 300_000)));
  }
  socket.on('drain', pump)
  pump()
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    socket.once('close', () => resolve('closed'))
  })
}

test.each(TRANSPORTS)(
  'a client of $name that resets in the midst of much data resets the server’s side',
  async (transport) => {
    const server = net.createServer({ allowHalfOpen: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    const listening = await listenLocal(transport, ({ stream }) => {
      splice(stream, transport.dial({ ip: '127.0.0.1', port }), undefined, () => {})
    })
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 4_000_000 }), async (resetAfter) => {
        const served = new Promise<string>((resolve) => {
          server.once('connection', (socket) => resolve(flood(socket)))
        })
        const socket = net.connect(listening.address.port, '127.0.0.1')
        let length = 0
        socket.on('data', (chunk) => {
          length += chunk.length
          if (length > resetAfter) socket.resetAndDestroy()
        })
        expect(['ECONNRESET', 'EPIPE']).toContain(await served)
      }),
      { numRuns: 15 },
    )
    listening.close()
    server.close()
  },
  60_000,
)
