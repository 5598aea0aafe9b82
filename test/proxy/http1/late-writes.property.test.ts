/**
 * Requests and answers of many connections at once through relays whose connections take what is written at once, later,
 * or in parts, at random, in memory that is spoilt when it is said to be free: each arrives as it was sent.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { relayHttp1 } from '../../../proxy/http1/relay.ts'
import { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { createRawTransport } from '../../../proxy/raw-transport.ts'
import { loadSendLast } from '../../../proxy/send-last.ts'
import type { ByteStream } from '../../../proxy/stream.ts'
import { type Takes, writeLate } from '../late-writes.ts'
import { plannerInto, type Recorded } from '../recorded-exchange.ts'
import { rawBindings, spoil } from '../transports.ts'

const SOURCE = randomBytes(200_000)

interface Sent {
  method: 'GET' | 'POST'
  /** Where in the source the body begins, and its length. */
  from: number
  size: number
  chunked: boolean
  /** In every head: what tells it from others. */
  tag: string
}

const sent: fc.Arbitrary<Sent> = fc
  .record({
    method: fc.constantFrom('GET' as const, 'POST' as const, 'POST' as const),
    from: fc.nat(100_000),
    size: fc.oneof(fc.nat(300), fc.nat(4_000), fc.nat(30_000), fc.nat(90_000)),
    chunked: fc.boolean(),
    tag: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 600 }),
  })
  .map((each) => (each.method === 'GET' ? { ...each, size: 0 } : each))

/** What each client sends, one after the other or without waiting, and in pieces of this size. */
const client = fc.record({
  exchanges: fc.array(sent, { minLength: 1, maxLength: 5 }),
  pipelined: fc.boolean(),
  piece: fc.constantFrom(700, 5_000, 1_000_000),
})

/** The probability in percent that a write is taken whole, and else how much of it is. */
const slowness = fc.record({ whole: fc.constantFrom(0, 50, 90, 100), part: fc.constantFrom(0, 30) })

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

const portOf = (server: net.Server) => (server.address() as net.AddressInfo).port

/** Answers with the body and the tag that it got. */
async function startEcho(): Promise<number> {
  const server = http.createServer((incoming, answer) => {
    const parts: Buffer[] = []
    incoming.on('data', (part: Buffer) => parts.push(part))
    incoming.on('error', () => {})
    incoming.on('end', () => {
      const body = Buffer.concat(parts)
      answer.writeHead(200, {
        'X-Saw': `${incoming.method} ${incoming.headers['x-tag']} ${incoming.headers['azds-hop']}`,
        'Content-Length': body.length,
      })
      // Mostly head and body come together, and sometimes not.
      if (body.length % 3 === 0) answer.flushHeaders()
      answer.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return portOf(server)
}

function bytesOf({ method, from, size, chunked, tag }: Sent): Buffer {
  const body = SOURCE.subarray(from, from + size)
  const head = (framing: string) =>
    Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\nX-Tag: ${tag}\r\n${framing}\r\n`)
  if (method === 'GET') return head('')
  if (!chunked || size === 0) return Buffer.concat([head(`Content-Length: ${size}\r\n`), body])
  const chunk = Buffer.from(`${size.toString(16)}\r\n`)
  return Buffer.concat([
    head('Transfer-Encoding: chunked\r\n'),
    chunk,
    body,
    Buffer.from('\r\n0\r\n\r\n'),
  ])
}

/** Reads answers from what came, and says whether each is the one that was expected. */
class Answers {
  #came = Buffer.alloc(0)
  count = 0
  wrong: string | null = null
  readonly #expected: Sent[]

  constructor(expected: Sent[]) {
    this.#expected = expected
  }

  add(part: Buffer): void {
    this.#came = Buffer.concat([this.#came, part])
    for (;;) {
      const end = this.#came.indexOf('\r\n\r\n')
      const due = this.#expected[this.count]
      if (end < 0 || due === undefined || this.#came.length < end + 4 + due.size) return
      const head = this.#came.toString('latin1', 0, end)
      const body = this.#came.subarray(end + 4, end + 4 + due.size)
      const saw = `X-Saw: ${due.method} ${due.tag} 7\r\n`
      const right = SOURCE.subarray(due.from, due.from + due.size)
      if (!head.startsWith('HTTP/1.1 200 OK\r\n') || !head.includes(saw)) this.wrong ??= head
      if (!body.equals(right)) this.wrong ??= `the body of ${due.tag}`
      this.#came = this.#came.subarray(end + 4 + due.size)
      this.count++
    }
  }
}

type Client = { exchanges: Sent[]; pipelined: boolean; piece: number }

/** Plays a client; resolves to what was wrong with the answers. */
async function play(port: number, { exchanges, pipelined, piece }: Client): Promise<string | null> {
  const socket = net.connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  const answers = new Answers(exchanges)
  let more = Promise.withResolvers<void>()
  socket.on('data', (part) => {
    answers.add(part)
    more.resolve()
  })
  socket.on('error', (error) => {
    answers.wrong ??= error.message
  })
  socket.on('close', () => {
    if (answers.count < exchanges.length) answers.wrong ??= 'closed too early'
    more.resolve()
  })
  const heard = async (count: number) => {
    while (answers.count < count && answers.wrong === null) {
      await more.promise
      more = Promise.withResolvers()
    }
  }
  for (const [index, each] of exchanges.entries()) {
    const bytes = bytesOf(each)
    for (let at = 0; at < bytes.length; at += piece) {
      socket.write(bytes.subarray(at, at + piece))
      if (piece < bytes.length) await new Promise((resolve) => setImmediate(resolve))
    }
    if (!pipelined) await heard(index + 1)
  }
  await heard(exchanges.length)
  socket.destroy()
  return answers.wrong
}

test('whatever is written late, every request and every answer arrives as it was', async () => {
  const echo = await startEcho()
  const transport = createRawTransport(rawBindings, { onFree: spoil, loadSendLast })
  const pool = new UpstreamPool()
  cleanups.push(() => pool.close())
  const recorded: Recorded[] = []
  let takes: Takes = (bytes) => bytes
  const late = (stream: ByteStream) => {
    writeLate(stream, (bytes) => takes(bytes))
    cleanups.push(() => stream.reset())
    return stream
  }
  const listening = await transport.listen({
    port: 0,
    host: '127.0.0.1',
    onAcceptError: (error) => {
      throw error
    },
    onAccept: ({ stream }) => {
      late(stream)
      relayHttp1(stream, Buffer.alloc(0), {
        plan: plannerInto(recorded, {
          setHeaders: [['azds-hop', '7']],
          target: () => ({ ip: '127.0.0.1', port: echo }),
        }),
        dial: (target) => late(transport.dial(target)),
        pool,
        onRefused: () => {},
      })
    },
  })
  cleanups.push(() => listening.close())
  await fc.assert(
    fc.asyncProperty(
      fc.array(client, { minLength: 1, maxLength: 8 }),
      slowness,
      fc.integer(),
      async (clients, { whole, part }, seed) => {
        let state = seed
        const next = () => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
          return (state >>> 8) % 100
        }
        takes = (bytes) => (next() < whole ? bytes : Math.ceil((bytes * part * next()) / 10_000))
        // One that takes nothing would never end.
        if (whole === 0 && part === 0) takes = (bytes) => (next() < 50 ? Math.min(bytes, 999) : 0)
        recorded.length = 0
        const plays = clients.map((each) => play(listening.address.port, each))
        expect(await Promise.all(plays)).toEqual(clients.map(() => null))
        const all = clients.flatMap(({ exchanges }) => exchanges)
        // What the records say is a copy of what was read.
        const bodies = recorded.map(({ request, requestBody }) => [
          request.headers.find(([name]) => name === 'X-Tag')?.[1],
          requestBody.length,
        ])
        const expected = all.map(({ tag, size }) => [tag, size])
        expect(bodies.sort()).toEqual(expected.sort())
      },
    ),
    { numRuns: 40, endOnFailure: true },
  )
}, 60_000)
