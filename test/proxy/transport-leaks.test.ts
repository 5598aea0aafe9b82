/** Connections leave nothing behind, and a process without free descriptors sheds load and recovers. */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { loadGetSockOpt } from '../../proxy/getsockopt.ts'
import { splice } from '../../proxy/splice.ts'
import { type ByteStream, DEAF } from '../../proxy/stream.ts'
import { listenLocal, TRANSPORTS } from './transports.ts'

const CONNECTIONS = 2_000
const AT_ONCE = 100

const descriptors = () => readdirSync('/proc/self/fd').length
const handles = () =>
  process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length

async function eventually(what: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Ways in which a client ends its connection. */
const ENDS: ((socket: net.Socket) => void)[] = [
  (socket) => socket.end(),
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end('last words'),
]

test.each(TRANSPORTS)(
  '2,000 connections through $name leave no handle and no descriptor',
  async (transport) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    let over = 0
    const listening = await listenLocal(transport, ({ stream }) => {
      splice(stream, transport.dial({ ip: '127.0.0.1', port }), undefined, () => {
        over++
      })
    })
    const before = { descriptors: descriptors(), handles: handles() }
    for (let made = 0; made < CONNECTIONS; made += AT_ONCE) {
      const round = Array.from({ length: AT_ONCE }, async (_, i) => {
        const socket = net.connect(listening.address.port, '127.0.0.1')
        socket.on('error', () => {})
        const closed = new Promise((resolve) => socket.once('close', resolve))
        socket.once('connect', () => socket.write('hello'))
        // Some go before anything came back, and some before they are connected.
        if (i % 3 === 0) socket.once('data', () => ENDS[i % ENDS.length]?.(socket))
        else if (i % 3 === 1) socket.once('connect', () => ENDS[i % ENDS.length]?.(socket))
        else setImmediate(() => socket.destroy())
        socket.resume()
        await closed
      })
      await Promise.all(round)
    }
    await eventually(() => descriptors() <= before.descriptors && handles() <= before.handles)
    expect(descriptors()).toBeLessThanOrEqual(before.descriptors)
    expect(handles()).toBeLessThanOrEqual(before.handles)
    expect(over).toBeGreaterThan(CONNECTIONS / 2)
    listening.close()
    server.close()
  },
  60_000,
)

test.each(TRANSPORTS)(
  'dials of $name that are given up before they succeed leave no descriptor',
  async (transport) => {
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    const before = descriptors()
    const ways: ((stream: ByteStream) => void)[] = [
      (stream) => stream.reset(),
      (stream) => stream.close(),
      (stream) => {
        stream.write(Buffer.from('x'))
        stream.reset()
      },
    ]
    for (let i = 0; i < 300; i++) {
      const stream = transport.dial({ ip: '127.0.0.1', port })
      stream.listen(DEAF)
      ways[i % ways.length]?.(stream)
    }
    server.on('connection', (socket) => socket.on('error', () => {}).resume())
    await eventually(() => descriptors() <= before)
    expect(descriptors()).toBeLessThanOrEqual(before)
    server.close()
  },
)

const SOL_SOCKET = 1
const SO_KEEPALIVE = 9
const IPPROTO_TCP = 6
const TCP_NODELAY = 1

test.each(TRANSPORTS)(
  'an accepted connection of $name has no delay and keep-alive',
  async (transport) => {
    const getSockOpt = loadGetSockOpt()
    const option = (fd: number, level: number, name: number) => {
      const value = Buffer.alloc(4)
      expect(getSockOpt(fd, level, name, value)).toBe(0)
      return value.readInt32LE()
    }
    const arrival = Promise.withResolvers<{ fd: number; stream: ByteStream }>()
    const listening = await listenLocal(transport, arrival.resolve)
    const client = net.connect(listening.address.port, '127.0.0.1')
    client.on('error', () => {})
    const { fd, stream } = await arrival.promise
    expect(option(fd, SOL_SOCKET, SO_KEEPALIVE)).not.toBe(0)
    expect(option(fd, IPPROTO_TCP, TCP_NODELAY)).not.toBe(0)
    stream.reset()
    client.destroy()
    listening.close()
  },
)

test.each(TRANSPORTS)(
  'a proxy of $name without free descriptors does not spin, and serves again afterwards',
  async ({ name }) => {
    const program = join(import.meta.dirname, 'few-descriptors.ts')
    const child = spawn(
      '/bin/sh',
      ['-c', `ulimit -n 64; exec ${process.execPath} --no-warnings ${program} ${name}`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += String(chunk)
    })
    try {
      await eventually(() => said.includes('\n'))
      const port = Number(said.split('\n')[0])
      const many = Array.from({ length: 120 }, () => net.connect(port, '127.0.0.1'))
      for (const socket of many) socket.on('error', () => {})
      await new Promise((resolve) => setTimeout(resolve, 500))
      for (const socket of many) socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, 200))
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = net.connect(port, '127.0.0.1', () => socket.write('cpu?'))
        socket.on('data', (chunk) => resolve(String(chunk)))
        socket.on('error', reject)
        socket.setTimeout(15_000, () => reject(new Error('no answer')))
      })
      // Milliseconds of processor time since it listened, of which spinning would have taken 500.
      expect(Number(answer)).toBeLessThan(400)
    } finally {
      child.kill()
    }
  },
  60_000,
)
