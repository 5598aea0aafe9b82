/** TLS over a byte stream, against Node's own server of it. */
import { readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, expect, test } from '@jest/globals'
import type { KeyPair } from '../../core/authority/certificate.ts'
import { loadKoffi } from '../../proxy/koffi.ts'
import { loadOpenSsl, type OpenSsl } from '../../proxy/openssl.ts'
import type { ByteStream, StreamListener } from '../../proxy/stream.ts'
import { freeTrust, TlsSession, type Trust, trustIn } from '../../proxy/tls-session.ts'
import { TlsStream } from '../../proxy/tls-stream.ts'
import { authority, leaf } from './tls-fixture.ts'
import { rawTransport } from './transports.ts'

const NAME = 'controller.test'
const WAIT_MS = 10_000
/** More than sockets hold on their way, so that both sides have to wait for each other. */
const LONG = Buffer.alloc(6_000_000, readFileSync(import.meta.filename))

const openSsl = loadOpenSsl(loadKoffi())
let ours: KeyPair
let shown: KeyPair
let trust: Trust

beforeAll(async () => {
  ours = await authority()
  shown = await leaf(ours, [NAME])
  trust = trustIn(openSsl, ours.cert)
})

const open: { close(): void }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

/** A server of TLS; resolves with its port. */
async function serve(onSocket: (socket: TLSSocket) => void, options = {}): Promise<number> {
  const sockets: net.Socket[] = []
  const pair = { cert: shown.cert, key: shown.key, allowHalfOpen: true }
  const server = tls.createServer({ ...pair, ...options }, (socket) => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.on('tlsClientError', () => {})
  server.on('connection', (socket: net.Socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  return (server.address() as AddressInfo).port
}

const below = (port: number) => rawTransport.dial({ ip: '127.0.0.1', port })

interface Over {
  below?: (stream: ByteStream) => ByteStream
  trust?: Trust
  timeoutMs?: number
}

function dial(port: number, over: Over = {}): TlsStream {
  const under = over.below?.(below(port)) ?? below(port)
  const session = new TlsSession(over.trust ?? trust, NAME)
  const stream = new TlsStream(under, session, over.timeoutMs ?? WAIT_MS)
  open.push({ close: () => stream.reset() })
  return stream
}

/** What comes of a stream, and how it ends. */
class Ear implements StreamListener {
  readonly chunks: Buffer[] = []
  readonly said: string[] = []
  readonly ended = Promise.withResolvers<void>()
  readonly closed = Promise.withResolvers<Error | null>()

  onConnect() {
    this.said.push('connect')
  }
  onData(chunk: Buffer) {
    this.chunks.push(chunk)
  }
  onEnd() {
    this.said.push('end')
    this.ended.resolve()
  }
  onDrain() {
    this.said.push('drain')
  }
  onClose(error: Error | null) {
    this.said.push('close')
    this.closed.resolve(error)
  }
  get text() {
    return Buffer.concat(this.chunks)
  }
}

function hear(stream: ByteStream): Ear {
  const ear = new Ear()
  stream.listen(ear)
  return ear
}

const echo = (socket: TLSSocket) => void socket.pipe(socket)

/** The stream as one that brings other chunks than came. */
function changing(stream: ByteStream, change: (chunk: Buffer) => Buffer[]): ByteStream {
  const listen = stream.listen.bind(stream)
  stream.listen = (listener) =>
    listen({
      onData: (chunk) => {
        for (const piece of change(chunk)) listener.onData(piece)
      },
      onEnd: () => listener.onEnd(),
      onDrain: () => listener.onDrain(),
      onClose: (error) => listener.onClose(error),
    })
  return stream
}

test.each([
  ['in one piece', (chunk: Buffer) => [chunk]],
  ['byte by byte', (chunk: Buffer) => Array.from(chunk, (_, at) => chunk.subarray(at, at + 1))],
  [
    'in memory that is used again',
    (chunk: Buffer) => [Buffer.from(chunk), chunk.fill(0).subarray(0, 0)],
  ],
])('what is said on both sides arrives, coming %s', async (_, change) => {
  const text = LONG.subarray(0, 100_000)
  const stream = dial(await serve(echo), { below: (under) => changing(under, change) })
  const ear = hear(stream)
  expect(stream.write(text)).toBe(false)
  stream.end()
  expect(await ear.closed.promise).toBeNull()
  expect(ear.text.equals(text)).toBe(true)
  expect(ear.said).toEqual(['connect', 'drain', 'end', 'close'])
  expect(stream.bytesRead).toBeGreaterThan(text.length)
  expect(stream.bytesWritten).toBeGreaterThan(text.length)
})

test('a long text is held up by who does not read it, and by its own listener, and comes whole', async () => {
  const heard: Buffer[] = []
  const port = await serve((socket) => {
    socket.on('data', (chunk) => heard.push(chunk))
    socket.on('end', () => socket.end(LONG))
    socket.pause()
    setTimeout(() => socket.resume(), 50)
  })
  const stream = dial(port)
  const ear = hear(stream)
  stream.write(LONG)
  stream.end()
  // Every piece is an occasion to stop for a turn.
  ear.onData = (chunk) => {
    ear.chunks.push(chunk)
    stream.pause()
    setImmediate(() => stream.resume())
  }
  await ear.ended.promise
  expect(Buffer.concat(heard).equals(LONG)).toBe(true)
  expect(ear.text.equals(LONG)).toBe(true)
}, 30_000)

test('who listens later hears what came meanwhile, and the end', async () => {
  // Within the handshake's turn Node's server would end without saying so.
  const greet = (socket: TLSSocket) => void setImmediate(() => socket.end('hello'))
  const stream = dial(await serve(greet))
  const first = hear(stream)
  stream.pause()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(first.chunks).toEqual([])
  const second = hear(stream)
  stream.resume()
  await second.ended.promise
  expect(second.text.toString()).toBe('hello')
  expect(first.said).not.toContain('end')
})

test('a connection that is cut off, be it between two records, is no end', async () => {
  const stream = dial(await serve((socket) => void socket.write('half', () => socket.destroy())))
  const ear = hear(stream)
  expect((await ear.closed.promise)?.message).toContain('cut off')
  expect(ear.said).not.toContain('end')
})

test('bytes that were changed on their way are not told', async () => {
  let count = 0
  const stream = dial(
    await serve((socket) => void socket.write('one', () => socket.write('two'))),
    {
      below: (under) =>
        changing(under, (chunk) => {
          if (count++ > 0) chunk[chunk.length - 1] = (chunk.at(-1) ?? 0) ^ 1
          return [chunk]
        }),
    },
  )
  const ear = hear(stream)
  expect((await ear.closed.promise)?.message).toBe(
    `TLS with ${NAME} failed: decryption failed or bad record mac`,
  )
  expect(ear.text.toString()).not.toContain('two')
})

test('who answers with something else than TLS, or not at all, is given up', async () => {
  const other = net.createServer(
    (socket) =>
      void socket
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400\r\n'),
  )
  const silent = net.createServer((socket) => void socket.on('error', () => {}).resume())
  for (const server of [other, silent]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push(server)
  }
  const portOf = (server: net.Server) => (server.address() as AddressInfo).port
  const refused = await hear(dial(portOf(other))).closed.promise
  expect(refused?.message).toBe(`TLS with ${NAME} failed: wrong version number`)
  const late = await hear(dial(portOf(silent), { timeoutMs: 50 })).closed.promise
  expect(late?.message).toContain('ETIMEDOUT')
})

test('however a connection ends, nothing of it stays in OpenSSL', async () => {
  const counts = new Map<string, number>()
  const counted = Object.fromEntries(
    Object.entries(openSsl).map(([name, call]) => [
      name,
      (...args: never[]) => {
        counts.set(name, (counts.get(name) ?? 0) + 1)
        return (call as (...all: never[]) => unknown)(...args)
      },
    ]),
  ) as unknown as OpenSsl
  const own = trustIn(counted, ours.cert)
  const strange = trustIn(counted, (await authority('another')).cert)
  const port = await serve(echo)
  const ends: ((stream: TlsStream) => void)[] = [
    (stream) => stream.end(),
    (stream) => stream.close(),
    (stream) => stream.reset(),
  ]
  for (const end of ends) {
    for (const early of [true, false]) {
      const stream = dial(port, { trust: own })
      const ear = hear(stream)
      stream.write(Buffer.from('x'))
      if (early) end(stream)
      ear.onData = () => end(stream)
      await ear.closed.promise
      // Nothing of these reaches OpenSSL any more.
      stream.write(Buffer.from('y'))
      stream.resume()
      stream.end()
      stream.close()
    }
  }
  const stranger = hear(dial(port, { trust: strange }))
  expect((await stranger.closed.promise)?.message).toContain('is refused')
  freeTrust(own)
  freeTrust(strange)
  expect(() => trustIn(counted, 'nothing')).toThrow('ca.crt holds no certificates')
  expect(counts.get('SSL_new')).toBe(7)
  expect(counts.get('SSL_free')).toBe(7)
  expect(counts.get('SSL_CTX_new')).toBe(3)
  expect(counts.get('SSL_CTX_free')).toBe(3)
})

test('where OpenSSL is not to be called, the error says what is missing', () => {
  const koffi = {
    errno: () => 0,
    load: () => ({
      func: (prototype: string) => {
        if (prototype.includes('SSL_read')) throw new Error('no such symbol')
      },
    }),
  }
  expect(() => loadOpenSsl(koffi as never)).toThrow(
    'lets nobody call SSL_read: use the Node of the image',
  )
})
