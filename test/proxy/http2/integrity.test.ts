import { createHash, randomBytes } from 'node:crypto'
import http2 from 'node:http2'
import type net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { PlanStream } from '../../../proxy/exchange.ts'
import { relayHttp2 } from '../../../proxy/http2/relay.ts'
import { silentRecorder } from '../../../proxy/recorder.ts'
import type { Listening, Transport } from '../../../proxy/transport.ts'
import { TRANSPORTS } from '../transports.ts'

/** Larger than all windows and buffers on the way together. */
const BYTES = 6_000_000
const BLOCK = randomBytes(1_000_003)
const ends: (() => void)[] = []

afterEach(() => {
  for (const end of ends.splice(0)) end()
})

function body(seed: number): Buffer {
  const bytes = Buffer.alloc(BYTES)
  for (let at = 0; at < BYTES; at += BLOCK.length) BLOCK.copy(bytes, at)
  bytes.writeUInt32BE(seed, BYTES - 4)
  return bytes
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Reads all, with a pause after every so many bytes. */
async function slowly(stream: NodeJS.ReadableStream, pauseMs: number): Promise<string> {
  const hash = createHash('sha256')
  let unpaused = 0
  for await (const chunk of stream) {
    hash.update(chunk as Buffer)
    unpaused += chunk.length
    if (pauseMs === 0 || unpaused < 500_000) continue
    unpaused = 0
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return hash.digest('hex')
}

/** `/down/N` answers with body N; `/up` with the digest of what it got. */
async function startServer(): Promise<number> {
  const server = http2.createServer({ maxSessionMemory: 100 })
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {})
    const [, kind, seed] = (headers[':path'] ?? '').split('/')
    stream.respond({ ':status': 200 })
    if (kind === 'down') stream.end(body(Number(seed)))
    else stream.end(await slowly(stream, Number(seed) % 2 === 0 ? 5 : 0))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => server.close())
  return (server.address() as net.AddressInfo).port
}

async function startProxy(transport: Transport, port: number): Promise<Listening> {
  const target = { ip: '127.0.0.1', port }
  const plan: PlanStream = () => ({
    kind: 'forward',
    target,
    setHeaders: [],
    recorder: silentRecorder,
  })
  const listening = await transport.listen({
    port: 0,
    host: '127.0.0.1',
    onAccept: ({ stream }) =>
      void relayHttp2(stream, Buffer.alloc(0), {
        plan,
        dial: (to) => transport.dial(to),
        now: () => performance.now(),
        onRefused: () => {},
        onFault: () => {},
      }),
    onAcceptError: () => {},
  })
  ends.push(() => listening.close())
  return listening
}

test.each(TRANSPORTS)(
  'bodies of one connection arrive whole both ways, whoever is slow ($name)',
  async (transport) => {
    const { address } = await startProxy(transport, await startServer())
    const session = http2.connect(`http://127.0.0.1:${address.port}`, { maxSessionMemory: 100 })
    session.on('connect', () => session.setLocalWindowSize(4_000_000))
    session.on('error', () => {})
    ends.push(() => session.destroy())
    const down = async (seed: number) => {
      const stream = session.request({ ':path': `/down/${seed}` })
      return slowly(stream, seed % 2 === 0 ? 5 : 0)
    }
    const up = async (seed: number) => {
      const stream = session.request({ ':path': `/up/${seed}`, ':method': 'POST' })
      stream.end(body(seed))
      let text = ''
      for await (const chunk of stream) text += chunk
      return text
    }
    const seeds = [0, 1, 2]
    const got = await Promise.all(seeds.flatMap((seed) => [down(seed), up(seed)]))
    const expected = seeds.flatMap((seed) => [digest(body(seed)), digest(body(seed))])
    expect(got).toEqual(expected)
  },
)
