/** Listeners that are done with bytes when they return: what they write arrives as it was, whoever is read next. */
import { createHash, randomBytes } from 'node:crypto'
import net from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { ByteStream, StreamListener } from '../../proxy/stream.ts'
import { listenLocal, TRANSPORTS } from './transports.ts'

/** Each connection's own part of it is more than the kernel takes for a reader who has stopped. */
const SOURCE = randomBytes(16_000_000)
const EACH = 9_000_000
const CONNECTIONS = 7

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

const partOf = (which: number) => SOURCE.subarray(which * 1_000_003, which * 1_000_003 + EACH)
const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Sends each connection that comes its part, all of it whether it is taken or not, and FIN. */
async function startSource(): Promise<number> {
  let count = 0
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.end(partOf(count++))
  })
  cleanups.push(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as net.AddressInfo).port
}

/** Writes what comes to another stream, and stops reading as long as that is full. */
class Passer implements StreamListener {
  readonly passes = true
  readonly #from: ByteStream
  readonly #to: ByteStream
  readonly #write: 'write' | 'writeSoon'

  constructor(from: ByteStream, to: ByteStream, write: 'write' | 'writeSoon') {
    this.#from = from
    this.#to = to
    this.#write = write
    to.listen({
      onData: () => {},
      onEnd: () => {},
      onDrain: () => from.resume(),
      onClose: () => {},
    })
  }

  onData(chunk: Buffer): void {
    // In two pieces, as a head and what follows it.
    const half = chunk.length >> 1
    const first = this.#to[this.#write](chunk.subarray(0, half))
    if (!this.#to.write(chunk.subarray(half)) || !first) this.#from.pause()
  }

  onEnd(): void {
    this.#to.end()
  }

  onDrain(): void {}
  onClose(): void {}
}

/** What a client reads, which stops twice for a while, at the beginning and in the midst. */
function readSlowly(port: number): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  cleanups.push(() => socket.destroy())
  const hash = createHash('sha256')
  const stops = [1, EACH / 2]
  let length = 0
  socket.on('data', (chunk) => {
    hash.update(chunk)
    length += chunk.length
    if (length < (stops[0] ?? Number.POSITIVE_INFINITY)) return
    stops.shift()
    socket.pause()
    setTimeout(() => socket.resume(), 100)
  })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('end', () => resolve(hash.digest('hex')))
  })
}

describe.each(TRANSPORTS)('with the transport $name', (transport) => {
  test.each(['write', 'writeSoon'] as const)(
    'bytes that were shown and given to %s are the same for slow readers, many at once',
    async (write) => {
      const source = await startSource()
      const relay = await listenLocal(transport, ({ stream }) => {
        cleanups.push(() => stream.reset())
        const from = transport.dial({ ip: '127.0.0.1', port: source })
        cleanups.push(() => from.reset())
        from.listen(new Passer(from, stream, write))
      })
      cleanups.push(() => relay.close())
      const reads = Array.from({ length: CONNECTIONS }, () => readSlowly(relay.address.port))
      const expected = reads.map((_, which) => digestOf(partOf(which)))
      // Which connection gets which part is the kernel's to say.
      expect((await Promise.all(reads)).sort()).toEqual(expected.sort())
    },
    60_000,
  )

  test('what is shown can be written to a connection that is still to be made', async () => {
    const received: Buffer[] = []
    const ended = Promise.withResolvers<void>()
    const sink = net.createServer((socket) => {
      socket.on('data', (chunk) => received.push(chunk))
      socket.on('end', ended.resolve)
    })
    cleanups.push(() => sink.close())
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
    const { port } = sink.address() as net.AddressInfo
    const source = await startSource()
    const from = transport.dial({ ip: '127.0.0.1', port: source })
    cleanups.push(() => from.reset())
    let to: ByteStream | null = null
    const dialled = () => {
      const stream = transport.dial({ ip: '127.0.0.1', port })
      cleanups.push(() => stream.reset())
      stream.listen({
        onData: () => {},
        onEnd: () => {},
        onDrain: () => from.resume(),
        onClose: () => {},
      })
      return stream
    }
    from.listen({
      passes: true,
      onData: (chunk) => {
        to ??= dialled()
        // Goes on reading: more than a copy is kept of before the connection is there.
        to.write(chunk)
      },
      onEnd: () => to?.end(),
      onDrain: () => {},
      onClose: () => {},
    })
    await ended.promise
    expect(digestOf(Buffer.concat(received))).toBe(digestOf(partOf(0)))
  }, 60_000)
})
