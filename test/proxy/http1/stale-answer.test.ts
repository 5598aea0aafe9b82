/** What a server says on an idle connection just as its next request comes: it answers nothing. */
import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { relayHttp1 } from '../../../proxy/http1/relay.ts'
import { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { createRawTransport } from '../../../proxy/raw-transport.ts'
import { plannerInto } from '../recorded-exchange.ts'
import { rawBindings } from '../transports.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A server that answers each request with the number of its connection, and what came on each. */
async function startServer() {
  const sockets: net.Socket[] = []
  const requests: string[] = []
  const server = net.createServer((socket) => {
    const number = sockets.push(socket) - 1
    requests.push('')
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      requests[number] += chunk.toString('latin1')
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${number}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as net.AddressInfo
  return { sockets, requests, target: { ip: '127.0.0.1', port } }
}

class Client {
  received = ''
  readonly socket: net.Socket
  #wake = () => {}

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1')
    cleanups.push(() => this.socket.destroy())
    const note = (text: string) => {
      this.received += text
      this.#wake()
    }
    this.socket.on('data', (chunk) => note(chunk.toString('latin1')))
    this.socket.on('error', ({ message }) => note(message))
    this.socket.on('close', () => note('closed'))
  }

  async ask(method: string, path: string): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.socket.connecting) this.socket.once('connect', resolve)
      else resolve()
    })
    this.send(method, path)
    await this.answer()
  }

  /** In the kernel when this returns. */
  send(method: string, path: string): void {
    this.received = ''
    this.socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  }

  async answer(): Promise<string> {
    while (!/\r\n\r\n\d|closed/.test(this.received)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.received
  }
}

const STALE = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 1\r\n\r\n9'

test.each([
  { method: 'GET', whose: 'its own', pooled: false },
  { method: 'POST', whose: 'its own', pooled: false },
  { method: 'GET', whose: 'a shared', pooled: true },
])(
  'a $method that finds $whose connection with words on it goes out on another',
  async ({ method, pooled }) => {
    const { sockets, requests, target } = await startServer()
    const transport = createRawTransport(rawBindings)
    const pool = new UpstreamPool()
    const listening = await transport.listen({
      port: 0,
      host: '127.0.0.1',
      onAcceptError: () => {},
      onAccept: ({ stream }) =>
        relayHttp1(stream, Buffer.alloc(0), {
          plan: plannerInto([], { target: () => target }),
          dial: (to) => transport.dial(to),
          pool,
          onRefused: () => {},
        }),
    })
    cleanups.push(
      () => pool.close(),
      () => listening.close(),
    )
    const first = new Client(listening.address.port)
    await first.ask('GET', '/1')
    let second = first
    if (pooled) {
      second = new Client(listening.address.port)
      await second.ask('GET', '/2')
      first.socket.destroy()
      while (pool.count === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      second.socket.destroy()
      while (pool.count < 2) await new Promise((resolve) => setTimeout(resolve, 5))
      second = new Client(listening.address.port)
      await new Promise((resolve) => second.socket.once('connect', resolve))
    }
    const before = [...requests]
    // Both are there when the relay looks next, the request first.
    second.send(method, '/late')
    for (const socket of sockets) socket.write(STALE)
    expect(await second.answer()).toBe(
      `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${before.length}`,
    )
    expect(requests.slice(0, before.length)).toEqual(before)
  },
)
