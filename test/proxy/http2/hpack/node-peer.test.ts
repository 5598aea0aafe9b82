/** Our HPACK and that of node:http2 (nghttp2) understand each other, both ways, over real sockets. */
import http2 from 'node:http2'
import net from 'node:net'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Address } from '../../../../core/routing-table.ts'
import { FLAG, SETTING } from '../../../../proxy/http2/frame.ts'
import { FrameReader } from '../../../../proxy/http2/frame-reader.ts'
import { HpackDecoder } from '../../../../proxy/http2/hpack/decoder.ts'
import { headers, settingsAck, settings as settingsFrame } from '../frames.ts'
import { type Pair, RawClient } from '../raw-client.ts'

/** Answers with the fields as it has read them, in fields of an own name each. */
function mirror(settings: http2.Settings): http2.Http2Server {
  const server = http2.createServer({ settings })
  server.on('stream', (stream, _headers, _flags, raw) => {
    const fields = raw as unknown as string[]
    const answer: Record<string, string> = {}
    for (let i = 0; i < fields.length; i += 2) {
      const name = (fields[i] as string).replace(':', 'pseudo-')
      answer[`${String(i).padStart(4, '0')}-${name}`] = fields[i + 1] as string
    }
    stream.respond({ ':status': 200, ...answer }, { endStream: true })
  })
  return server
}

async function listening(server: net.Server): Promise<Address> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { ip: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
}

const REQUEST: Pair[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'peer'],
]

const TOKENS = 'abcdefghijklmnopqrstuvwxyz0123456789-_'
const text = (characters: string, maxLength: number) =>
  fc
    .array(fc.constantFrom(...characters), { minLength: 1, maxLength })
    .map((letters) => letters.join(''))
/** Names that Node lets come twice; nghttp2 wants values without blanks around them. */
const name = fc.oneof(
  fc.constantFrom('x-a', 'x-b', 'x-c', 'accept', 'via', 'warning'),
  text(TOKENS, 30).map((rest) => `x-${rest}`),
)
const VISIBLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join('')
const value = fc.oneof(
  fc.constantFrom('', '*/*', 'one', 'y'.repeat(700)),
  text(VISIBLE, 300),
  text('0123456789abcdef', 40),
)
const request = fc.record({
  path: fc.constantFrom('/', '/a', '/b?c=d', '/index.html'),
  fields: fc.array(fc.tuple(name, value), { maxLength: 15 }),
})

test.each([0, 100, 4096, 65_536])(
  'Node reads what we write and writes what we read, with a table of %d bytes',
  async (headerTableSize) => {
    const server = mirror({ headerTableSize })
    const client = await RawClient.connect(await listening(server))
    await client.handshake()
    const [settings] = client.heard
    if (settings?.kind !== 'settings') throw new Error('no SETTINGS')
    for (const [id, bytes] of settings.settings) {
      if (id === SETTING.headerTableSize) client.encoder.setMaxTableBytes(bytes)
    }
    let streamId = 1
    try {
      await fc.assert(
        fc.asyncProperty(request, async ({ path, fields }) => {
          const id = streamId
          streamId += 2
          const sent: Pair[] = [...REQUEST, [':path', path], ...fields]
          client.send(headers(id, client.block(sent), FLAG.endHeaders | FLAG.endStream))
          const answer = await client.until((e) => e.kind === 'headers' && e.streamId === id)
          if (answer?.kind !== 'headers') throw new Error(JSON.stringify(client.heard.at(-1)))
          const read = answer.fields
            .filter(([key]) => /^\d{4}-/.test(key))
            .map(([key, said]) => [key.slice(5).replace('pseudo-', ':'), said])
          expect(read).toEqual(sent.map((pair) => [...pair]))
        }),
        { numRuns: 100 },
      )
    } finally {
      client.close()
      server.close()
    }
  },
)

test('we read a thousand requests of Node’s client', async () => {
  const { decoded, server } = recorder()
  const { port } = await listening(server)
  const session = http2.connect(`http://127.0.0.1:${port}`)
  const sent: string[] = []
  for (let i = 0; i < 1_000; i++) {
    const own = { ':path': `/${i % 7}`, 'x-turn': `${i % 40}`, 'x-same': 'z'.repeat(i % 100) }
    sent.push(JSON.stringify(own))
    const stream = session.request(own)
    stream.on('error', () => {})
    // As many at a time as the recorder's SETTINGS leave; it answers each at once.
    if (i % 50 === 49) await new Promise((resolve) => stream.on('response', resolve))
  }
  session.destroy()
  server.close()
  expect(decoded).toEqual(sent)
})

/** A server of our own parts: answers each request with nothing but a status. */
function recorder(): { server: net.Server; decoded: string[] } {
  const decoded: string[] = []
  const server = net.createServer((socket) => serve(socket, decoded))
  return { server, decoded }
}

function serve(socket: net.Socket, decoded: string[]): void {
  const session = new RecordingSession(socket, decoded)
  socket.on('data', (chunk) => session.take(chunk))
  socket.on('error', () => {})
}

/** More than the default, which Node may answer with a table size update. */
const TABLE_BYTES = 16_384

class RecordingSession {
  readonly #socket: net.Socket
  readonly #decoded: string[]
  readonly #reader = new FrameReader({ role: 'server' })
  readonly #decoder = new HpackDecoder(TABLE_BYTES)

  constructor(socket: net.Socket, decoded: string[]) {
    this.#socket = socket
    this.#decoded = decoded
    socket.write(settingsFrame([SETTING.headerTableSize, TABLE_BYTES]))
  }

  take(chunk: Buffer): void {
    this.#reader.push(chunk)
    for (let event = this.#reader.next(); event !== null; event = this.#reader.next()) {
      if (event.kind === 'problem') throw new Error(event.message)
      if (event.kind === 'settings') this.#socket.write(settingsAck())
      if (event.kind !== 'headers') continue
      const result = this.#decoder.decode(event.block)
      if (result.kind !== 'fields') throw new Error(JSON.stringify(result))
      const own = result.fields.filter(({ name: key }) => key === ':path' || key.startsWith('x-'))
      this.#decoded.push(JSON.stringify(Object.fromEntries(own.map((f) => [f.name, f.value]))))
      this.#socket.write(headers(event.streamId, Buffer.of(0x88)))
    }
  }
}
