/**
 * Random exchanges between Node's client and server, directly and through the sidecar: both ends must
 * see the same, but for the two headers that the sidecar adds to a request.
 */
import { createHash } from 'node:crypto'
import http2 from 'node:http2'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Address } from '../../../core/routing-table.ts'
import { createWorld, type World } from '../proxy-world.ts'

type Fields = [name: string, value: string][]

interface Message {
  fields: Fields
  /** Sizes of the writes that the body is made of; null for no body at all. */
  writes: number[] | null
  trailers: Fields | null
}

interface Exchange {
  method: string
  path: string
  request: Message
  response: Message & { status: number; hints: boolean }
  /** Whether the server answers before the request has ended. */
  early: boolean
}

/** What one end has seen of the other's message. */
interface Seen {
  fields: Fields
  body: string
  trailers: Fields
  interim: number[]
}

const ADDED = new Set(['traceparent', 'azds-hop'])

let world: World
let server: http2.Http2Server
let direct: http2.ClientHttp2Session
let proxied: http2.ClientHttp2Session
let plan: Exchange
let serverSaw: (seen: Seen) => void

beforeAll(async () => {
  world = await createWorld()
  server = http2.createServer({ maxSessionMemory: 100 })
  server.on('stream', (stream, _fields, _flags, raw) => serve(stream, raw as unknown as string[]))
  const address = await world.serve(server, '127.0.0.1')
  world.destination = { kind: 'redirected', destination: address }
  direct = connect(address)
  proxied = connect(world.app.addresses.outbound as Address)
})

afterAll(async () => {
  direct?.destroy()
  proxied?.destroy()
  await world?.close()
})

function connect({ ip, port }: Address): http2.ClientHttp2Session {
  return http2.connect(`http://${ip}:${port}`, { maxSessionMemory: 100 })
}

function bytesOf(size: number, seed: number): Buffer {
  return Buffer.alloc(size, `${seed}-`)
}

/** Names are unique within a message, since Node joins or drops what comes twice. */
function toObject(fields: Fields): http2.OutgoingHttpHeaders {
  return Object.fromEntries(fields)
}

function pairsOf(raw: readonly string[]): Fields {
  const pairs: Fields = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    if (!ADDED.has(name) && name !== 'date') pairs.push([name, raw[i + 1] as string])
  }
  return pairs
}

async function write(stream: http2.Http2Stream, { writes, trailers }: Message): Promise<void> {
  if (trailers !== null) {
    stream.on('wantTrailers', () => stream.sendTrailers(toObject(trailers)))
  }
  for (const [seed, size] of (writes ?? []).entries()) {
    if (stream.destroyed) return
    if (!stream.write(bytesOf(size, seed))) {
      await new Promise<void>((resolve) => {
        stream.once('drain', resolve)
        stream.once('close', resolve)
      })
    }
  }
  stream.end()
}

/** Resolves when the other end's message is over. */
function hear(stream: http2.Http2Stream, seen: Seen): Promise<Seen> {
  const hash = createHash('sha1')
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    bytes += chunk.length
  })
  stream.on('trailers', (_fields, _flags, raw) => {
    seen.trailers = pairsOf(raw as unknown as string[])
  })
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('end', () => {
      seen.body = `${bytes} ${hash.digest('hex')}`
      resolve(seen)
    })
  })
}

async function serve(stream: http2.ServerHttp2Stream, raw: string[]): Promise<void> {
  const { response, early } = plan
  const answer = () => {
    if (response.hints) stream.additionalHeaders({ ':status': 103, link: '</a>' })
    const bodiless = response.writes === null && response.trailers === null
    stream.respond(
      { ':status': response.status, ...toObject(response.fields) },
      { endStream: bodiless, waitForTrailers: response.trailers !== null },
    )
    if (!bodiless) void write(stream, response)
  }
  const heard = hear(stream, { fields: pairsOf(raw), body: '', trailers: [], interim: [] })
  if (early) answer()
  serverSaw(await heard)
  if (!early) answer()
}

async function exchange(
  session: http2.ClientHttp2Session,
): Promise<{ client: Seen; server: Seen }> {
  const { method, path, request } = plan
  const atServer = new Promise<Seen>((resolve) => {
    serverSaw = resolve
  })
  const bodiless = request.writes === null && request.trailers === null
  const stream = session.request(
    {
      ':method': method,
      ':path': path,
      ':authority': 'app.test',
      ...toObject(request.fields),
    },
    { endStream: bodiless, waitForTrailers: request.trailers !== null },
  )
  const seen: Seen = { fields: [], body: '', trailers: [], interim: [] }
  stream.on('headers', (fields) => seen.interim.push(Number(fields[':status'])))
  stream.on('response', (_fields, _flags, raw) => {
    seen.fields = pairsOf(raw as unknown as string[])
  })
  const heard = hear(stream, seen)
  if (!bodiless) void write(stream, request)
  return { client: await heard, server: await atServer }
}

const TOKEN = 'abcdefghijklmnopqrstuvwxyz0123456789-_'
const text = (characters: string, maxLength: number) =>
  fc
    .array(fc.constantFrom(...characters), { minLength: 1, maxLength })
    .map((letters) => letters.join(''))
const VISIBLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join('')
const field = fc.tuple(
  text(TOKEN, 12).map((name) => `x-${name}`),
  fc.oneof(text(`${VISIBLE}`, 60), fc.constantFrom('', 'a b', 'v'.repeat(3_000))),
)
const fields = fc
  .uniqueArray(field, { maxLength: 8, selector: ([name]) => name })
  .map((list): Fields => list)
const sizes = fc.oneof(
  fc.constantFrom(0, 1, 16_384, 16_385, 65_535, 65_536, 300_000),
  fc.nat(2_000),
)
const message = fc.record({
  fields,
  writes: fc.option(fc.array(sizes, { maxLength: 5 }), { freq: 3 }),
  trailers: fc.option(
    fields.filter((list) => list.length > 0),
    { freq: 2 },
  ),
})
const anyExchange: fc.Arbitrary<Exchange> = fc.record({
  method: fc.constantFrom('POST', 'PUT', 'PATCH', 'QUERY', 'X-OWN'),
  path: text(VISIBLE.replace('#', ''), 40).map((path) => `/${path}`),
  request: message,
  response: fc
    .record({
      message,
      status: fc.constantFrom(200, 201, 299, 400, 404, 500, 503),
      hints: fc.boolean(),
    })
    .map(({ message: rest, status, hints }) => ({ ...rest, status, hints })),
  early: fc.boolean(),
})

test('both ends see through the sidecar what they see without', async () => {
  await fc.assert(
    fc.asyncProperty(anyExchange, async (next) => {
      plan = next
      const without = await exchange(direct)
      const through = await exchange(proxied)
      expect(through).toEqual(without)
    }),
    { numRuns: 150 },
  )
  // It was the relay that the second of each went through, and no passage of bytes.
  const { protocol, method } = await world.recordWhere((record) => record.error === null)
  expect([protocol, method]).toEqual(['h2', expect.any(String)])
}, 30_000)
