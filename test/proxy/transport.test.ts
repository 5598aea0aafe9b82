import net from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { splice } from '../../proxy/splice.ts'
import type { ByteStream, StreamListener } from '../../proxy/stream.ts'
import type { OnFault } from '../../proxy/transport.ts'
import { eventually } from './fake-controller.ts'
import { mostUnderWay } from './kernel-buffers.ts'
import { TRANSPORTS } from './transports.ts'

/** More than the two connections of a splice take without a reader, and what it holds itself. */
const MUCH = mostUnderWay(2) + 10_000_000

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

async function listen(onSocket: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    cleanups.push(() => socket.destroy())
    socket.on('error', () => {})
    onSocket(socket)
  })
  cleanups.push(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as net.AddressInfo).port
}

/** Writes down what a stream says, and waits for parts of it. */
class Log implements StreamListener {
  readonly events: string[] = []
  bytes = 0
  readonly #waiting: { event: string; resolve: () => void }[] = []

  onConnect(): void {
    this.#say('connect')
  }
  onData(chunk: Buffer): void {
    this.bytes += chunk.length
    this.#say(`data ${chunk.toString('latin1', 0, 20)}`)
  }
  onEnd(): void {
    this.#say('end')
  }
  onDrain(): void {
    this.#say('drain')
  }
  onClose(error: NodeJS.ErrnoException | null): void {
    this.#say(`close ${error?.code ?? 'in order'}`)
  }

  async heard(event: string): Promise<void> {
    if (this.events.includes(event)) return
    await new Promise<void>((resolve) => this.#waiting.push({ event, resolve }))
  }

  /** Whether the event comes once more within a time. */
  async again(event: string, ms: number): Promise<boolean> {
    const timeout = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ms))
    const heard = new Promise<boolean>((resolve) =>
      this.#waiting.push({ event, resolve: () => resolve(true) }),
    )
    return await Promise.race([heard, timeout])
  }

  #say(event: string): void {
    this.events.push(event)
    for (const waiting of this.#waiting) if (waiting.event === event) waiting.resolve()
  }
}

describe.each(TRANSPORTS)('the transport $name', (transport) => {
  const { dial } = transport

  /** Accepts through the transport; gives the port. */
  async function accept(
    onStream: (stream: ByteStream) => void,
    onFault?: OnFault,
  ): Promise<number> {
    const listening = await transport.listen({
      port: 0,
      host: '127.0.0.1',
      onAccept: ({ stream }) => {
        cleanups.push(() => stream.reset())
        onStream(stream)
      },
      onAcceptError: (error) => {
        throw error
      },
      ...(onFault ? { onFault } : {}),
    })
    cleanups.push(() => listening.close())
    return listening.address.port
  }

  function dialled(port: number, timeoutMs?: number): { stream: ByteStream; log: Log } {
    const address = { ip: '127.0.0.1', port }
    const stream = dial(address, timeoutMs ? { timeoutMs } : {})
    cleanups.push(() => stream.close())
    const log = new Log()
    stream.listen(log)
    return { stream, log }
  }

  test('a connection is made, carries bytes both ways and ends in order', async () => {
    const port = await listen((socket) => socket.pipe(socket))
    const { stream, log } = dialled(port)
    stream.write(Buffer.from('before it is there'))
    await log.heard('data before it is there')
    expect([stream.bytesRead, stream.bytesWritten]).toEqual([18, 18])
    stream.end()
    await log.heard('close in order')
    // Whether bytes written ahead were taken at once is up to the transport.
    const events = log.events.filter((event) => event !== 'drain')
    expect(events).toEqual(['connect', 'data before it is there', 'end', 'close in order'])
    expect([stream.bytesRead, stream.bytesWritten]).toEqual([18, 18])
  })

  test('nothing listening is told as ECONNREFUSED of connect', async () => {
    const port = await listen(() => {})
    cleanups.splice(0).forEach((cleanup) => {
      cleanup()
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    const { log } = dialled(port)
    await log.heard('close ECONNREFUSED')
    expect(log.events).toEqual(['close ECONNREFUSED'])
  })

  test('no connection in time is told as ETIMEDOUT of connect', async () => {
    const port = await listen(() => {})
    const { stream, log } = dialled(port, 1)
    // Timers come before sockets in a turn of the loop: after this the time is over first.
    const began = performance.now()
    while (performance.now() - began < 20);
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      stream.listen({ onData() {}, onEnd() {}, onDrain() {}, onClose: resolve })
    })
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' })
    expect(error?.message).toContain(`127.0.0.1:${port}`)
    expect(log.events).toEqual([])
  })

  test('reset is seen as ECONNRESET by the peer, close as FIN after all bytes', async () => {
    const peers: { error: string | null; bytes: number; ended: boolean }[] = []
    const port = await listen((socket) => {
      const peer = { error: null as string | null, bytes: 0, ended: false }
      peers.push(peer)
      socket.on('data', (chunk) => {
        peer.bytes += chunk.length
      })
      socket.on('end', () => {
        peer.ended = true
      })
      socket.on('error', (error: NodeJS.ErrnoException) => {
        peer.error = error.code ?? null
      })
    })
    const first = dialled(port)
    await first.log.heard('connect')
    first.stream.reset()
    await first.log.heard('close in order')
    const second = dialled(port)
    await second.log.heard('connect')
    second.stream.write(Buffer.alloc(5_000_000))
    second.stream.close()
    await second.log.heard('close in order')
    await eventually('both ends', () => peers[0]?.error && peers[1]?.ended)
    expect(peers).toEqual([
      { error: 'ECONNRESET', bytes: 0, ended: false },
      { error: null, bytes: 5_000_000, ended: true },
    ])
  })

  test.each([
    { name: 'right after FIN', act: (stream: ByteStream) => stream.end() },
    {
      name: 'right after bytes and FIN',
      act: (stream: ByteStream) => {
        stream.write(Buffer.from('x'))
        stream.end()
      },
    },
    {
      name: 'behind bytes that nobody reads',
      act: (stream: ByteStream) => {
        stream.write(Buffer.alloc(20_000_000))
        stream.end()
      },
    },
  ])('a reset $name closes the socket for certain', async ({ act }) => {
    const port = await listen((socket) => socket.pause())
    const { stream, log } = dialled(port)
    await log.heard('connect')
    act(stream)
    stream.reset()
    await log.heard('close in order')
  })

  test('a listener that comes late is told of bytes, FIN and the end', async () => {
    let peer: net.Socket | undefined
    const accepted = new Promise<ByteStream>((resolve) => {
      void accept(resolve).then((port) => {
        peer = net.connect(port, '127.0.0.1', () => peer?.end('hello'))
        cleanups.push(() => peer?.destroy())
      })
    })
    const stream = await accepted
    await new Promise((resolve) => setTimeout(resolve, 30))
    const first = new Log()
    stream.listen(first)
    await first.heard('end')
    const second = new Log()
    stream.listen(second)
    await second.heard('end')
    stream.end()
    await second.heard('close in order')
    const third = new Log()
    stream.listen(third)
    await third.heard('close in order')
    expect(first.events).toEqual(['data hello', 'end'])
    expect(second.events).toEqual(['end', 'close in order'])
  })

  test('a listener that comes between FIN and the end hears of each once', async () => {
    const port = await listen((socket) => socket.end('x'))
    const stream = dial({ ip: '127.0.0.1', port })
    const late = new Log()
    stream.listen({
      onData() {},
      onEnd() {
        stream.end()
        setImmediate(() => stream.listen(late))
      },
      onDrain() {},
      onClose() {},
    })
    await late.heard('close in order')
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(late.events).toEqual(['end', 'close in order'])
  })

  test('a stopped reader stops the writer through two sockets and a splice', async () => {
    const block = Buffer.alloc(65_536)
    let sink: net.Socket | undefined
    const sinkPort = await listen((socket) => {
      socket.pause()
      sink = socket
    })
    const proxyPort = await accept((stream) => {
      splice(stream, dial({ ip: '127.0.0.1', port: sinkPort }), undefined, () => {})
    })
    const { stream, log } = dialled(proxyPort)
    await log.heard('connect')
    // The kernel's buffers fill, then everything must stand still.
    let sent = 0
    let moving = true
    while (moving && sent < MUCH) {
      sent += block.length
      if (stream.write(block)) continue
      moving = await log.again('drain', 300)
    }
    expect(sent).toBeLessThan(MUCH)
    let received = 0
    sink?.on('data', (chunk) => {
      received += chunk.length
    })
    sink?.resume()
    stream.end()
    await new Promise<void>((resolve) => sink?.on('end', resolve))
    expect(received).toBe(sent)
  })

  test('a listener that throws costs its own connection, and nothing else', async () => {
    const faults: unknown[] = []
    const port = await accept(
      (stream) =>
        stream.listen({
          onData: () => {
            throw new Error('a fault')
          },
          onEnd: () => {},
          onDrain: () => {},
          onClose: () => {},
        }),
      (error) => faults.push(error),
    )
    const client = net.connect(port, '127.0.0.1')
    const ending = new Promise<Error>((resolve) => client.on('error', resolve))
    client.write('hello')
    expect(await ending).toMatchObject({ code: 'ECONNRESET' })
    expect(faults).toEqual([new Error('a fault')])
  })

  const listening = (port: number, host?: string) => {
    const fail = (error: unknown) => {
      throw error
    }
    return transport.listen({ port, host, onAccept: () => {}, onAcceptError: fail })
  }

  test('a port that is taken is told as EADDRINUSE', async () => {
    const port = await listen(() => {})
    await expect(listening(port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  test('an address that is none of this machine is told as EADDRNOTAVAIL', async () => {
    await expect(listening(0, '192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
  })

  test('without a host both families are served, and an IPv4 client is shown as one', async () => {
    const seen: string[] = []
    const server = await transport.listen({
      port: 0,
      onAccept: ({ stream }) => {
        seen.push(stream.remote.ip)
        stream.reset()
      },
      onAcceptError: () => {},
    })
    for (const host of ['127.0.0.1', '::1']) {
      const socket = net.connect(server.address.port, host)
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('close', resolve))
    }
    server.close()
    expect(seen).toEqual(['127.0.0.1', '::1'])
  })

  test('the address at which a connection was accepted is known', async () => {
    const local = Promise.withResolvers<string>()
    const server = await transport.listen({
      port: 0,
      onAccept: (accepted) => {
        const { ip, port } = accepted.local()
        local.resolve(`${ip} ${port === server.address.port}`)
        accepted.stream.reset()
      },
      onAcceptError: () => {},
    })
    const socket = net.connect(server.address.port, '127.0.0.1')
    socket.on('error', () => {})
    expect(await local.promise).toBe('127.0.0.1 true')
    server.close()
  })
})
