import http from 'node:http'
import net from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { WebSocket, WebSocketServer } from 'ws'
import type { Address } from '../../../core/routing-table.ts'
import type { ExchangeRecorder } from '../../../proxy/exchange.ts'
import { relayHttp1 } from '../../../proxy/http1/relay.ts'
import { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { mostUnderWay } from '../kernel-buffers.ts'
import { listenLocal, TRANSPORTS } from '../transports.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

async function open(server: net.Server | http.Server): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  cleanups.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as net.AddressInfo).port
}

const raw = (onSocket: (socket: net.Socket) => void) =>
  open(net.createServer({ allowHalfOpen: true }, onSocket))

describe.each(TRANSPORTS)('with the transport $name', (transport) => {
  type End = Parameters<ExchangeRecorder['done']>[0]

  /** A relay on real sockets in front of one port. */
  async function proxy(port: number, setHeaders: [string, string][] = []) {
    const ends: End[] = []
    const tunnels: string[] = []
    const target: Address = { ip: '127.0.0.1', port }
    const pool = new UpstreamPool()
    cleanups.push(() => pool.close())
    const recorder: ExchangeRecorder = {
      requestBody: () => {},
      responseHead: () => {},
      responseBody: () => {},
      tunnel: (kind) => {
        tunnels.push(kind)
      },
      done: (end) => {
        ends.push(end)
      },
    }
    const own = await listenLocal(transport, ({ stream }) => {
      cleanups.push(() => stream.reset())
      relayHttp1(stream, Buffer.alloc(0), {
        plan: () => ({ kind: 'forward', target, setHeaders, recorder }),
        dial: transport.dial,
        pool,
        onRefused: () => {},
      })
    })
    cleanups.push(() => own.close())
    return { port: own.address.port, ends, tunnels }
  }

  interface Answer {
    status: number | undefined
    headers: string[]
    body: string
    trailers: NodeJS.Dict<string>
  }

  function request(options: http.RequestOptions, body?: string | Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = http.request({ host: '127.0.0.1', ...options }, (response) => {
        let text = ''
        response.setEncoding('latin1')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode: status, rawHeaders: headers, trailers } = response
          resolve({ status, headers, body: text, trailers })
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  /** Sends bytes and gives all that comes back until the end. */
  function talk(port: number, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = ''
      const socket = net.connect(port, '127.0.0.1', () => socket.write(text, 'latin1'))
      socket.setEncoding('latin1')
      socket.on('data', (part) => {
        answer += part
      })
      socket.on('error', reject)
      socket.on('close', () => resolve(answer))
    })
  }

  const echo = () =>
    open(
      http.createServer((incoming, answer) => {
        const parts: Buffer[] = []
        incoming.on('data', (part: Buffer) => parts.push(part))
        incoming.on('end', () => {
          answer.setHeader('X-Headers', JSON.stringify(incoming.rawHeaders))
          answer.setHeader('Trailer', 'X-Sum')
          for (const part of parts) answer.write(part)
          answer.addTrailers({ 'X-Sum': String(Buffer.concat(parts).length) })
          answer.end()
        })
      }),
    )

  test('a keep-alive client of a Node server uses one upstream connection', async () => {
    let connections = 0
    const server = http.createServer((incoming, answer) => answer.end(incoming.url))
    server.on('connection', () => connections++)
    const { port, ends } = await proxy(await open(server))
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (const path of ['/1', '/2', '/3']) {
      expect((await request({ port, path, agent })).body).toBe(path)
    }
    agent.destroy()
    expect(connections).toBe(1)
    expect(ends.map((end) => end.error)).toEqual([null, null, null])
  })

  test('large bodies in chunks come back whole, with trailers', async () => {
    const { port } = await proxy(await echo(), [['azds-hop', '1']])
    const body = Buffer.alloc(3_000_000, 'abcdefg')
    const headers = { 'Transfer-Encoding': 'chunked', 'X-Odd-CASE': 'v' }
    const answer = await request({ port, method: 'POST', headers }, body)
    expect(answer.body === body.toString('latin1')).toBe(true)
    expect(answer.trailers).toEqual({ 'x-sum': '3000000' })
    const seen = JSON.parse(answer.headers[answer.headers.indexOf('X-Headers') + 1] ?? '')
    expect(seen).toEqual(expect.arrayContaining(['X-Odd-CASE', 'v', 'azds-hop', '1']))
  })

  test('pipelined requests to a Node server are answered in order', async () => {
    const server = http.createServer((incoming, answer) => answer.end(incoming.url))
    const { port } = await proxy(await open(server))
    const line = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
    const answer = await talk(port, line('/1') + line('/2') + line('/3', 'Connection: close\r\n'))
    expect(answer.match(/^\/\d/gm)).toEqual(['/1', '/2', '/3'])
  })

  test('100-continue is the server’s, not ours', async () => {
    let continued = 0
    const server = http.createServer()
    server.on('checkContinue', (incoming: http.IncomingMessage, answer: http.ServerResponse) => {
      continued++
      answer.writeContinue()
      incoming.pipe(answer)
    })
    const { port } = await proxy(await open(server))
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { Expect: '100-continue', 'Content-Length': '4' }
      const sent = http.request(
        { port, host: '127.0.0.1', method: 'POST', headers },
        (response) => {
          response.setEncoding('latin1').on('data', resolve)
        },
      )
      sent.on('error', reject)
      sent.on('continue', () => sent.end('body'))
      sent.flushHeaders()
    })
    expect([continued, answer]).toEqual([1, 'body'])
  })

  test('HEAD and the request after it keep in step', async () => {
    const server = http.createServer((_, answer) => {
      answer.setHeader('Content-Length', '5')
      answer.end('hello')
    })
    const { port } = await proxy(await open(server))
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const head = await request({ port, method: 'HEAD', agent })
    const get = await request({ port, agent })
    agent.destroy()
    expect([head.body, get.body]).toEqual(['', 'hello'])
  })

  test('an answer until close ends where the server ends it', async () => {
    const server = await raw((socket) => {
      socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nto the end'))
    })
    const { port, ends } = await proxy(server)
    expect(await talk(port, 'GET / HTTP/1.0\r\n\r\n')).toBe('HTTP/1.0 200 OK\r\n\r\nto the end')
    expect(ends).toMatchObject([{ error: null }])
  })

  test('a server that answers an upload early and closes on it: the answer is not lost', async () => {
    const server = await raw((socket) => {
      socket.once('data', () => {
        socket.pause()
        const answer = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig'
        // What it has not read makes this close a reset.
        setTimeout(() => socket.write(answer, () => socket.destroy()), 2)
      })
    })
    const { port } = await proxy(server)
    for (let round = 0; round < 5; round++) {
      const answer = await upload(port)
      expect(answer).toMatch(/^HTTP\/1\.1 413 .*big$/s)
    }
  })

  /** Sends without end, and gives what came back. */
  function upload(port: number): Promise<string> {
    return new Promise((resolve) => {
      let answer = ''
      const block = Buffer.alloc(65_536)
      const socket = net.connect(port, '127.0.0.1')
      const pump = () => {
        while (socket.writable && socket.write(block));
      }
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n')
      socket.on('data', (part) => {
        answer += part.toString('latin1')
      })
      socket.on('drain', pump)
      socket.on('error', () => {})
      socket.on('end', () => socket.destroy())
      socket.on('close', () => resolve(answer))
      pump()
    })
  }

  test('a server that resets in mid-answer resets the client', async () => {
    const server = await raw((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
        setTimeout(() => socket.resetAndDestroy(), 20)
      })
    })
    const { port, ends } = await proxy(server)
    await expect(talk(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).rejects.toThrow('ECONNRESET')
    expect(ends).toMatchObject([{ error: { code: 'upstream-reset' } }])
  })

  test('a port where nothing listens gives 502 with address and errno', async () => {
    const gone = await raw(() => {})
    for (const cleanup of cleanups.splice(0)) cleanup()
    const { port } = await proxy(gone)
    const answer = await request({ port })
    expect(answer.status).toBe(502)
    expect(answer.headers).toContain('azds-proxy-error')
    expect(answer.body).toContain(`127.0.0.1:${gone}: ECONNREFUSED`)
  })

  test('a client that goes away in mid-request ends the server’s side by FIN, as it would directly', async () => {
    const reached = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<string | undefined>()
    const server = await raw((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => ended.resolve(error.code))
      socket.on('data', () => reached.resolve())
      socket.on('end', () => {
        ended.resolve('FIN')
        socket.end()
      })
    })
    const { port, ends } = await proxy(server)
    const socket = net.connect(port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc')
    await reached.promise
    socket.destroy()
    expect(await ended.promise).toBe('FIN')
    while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(ends).toMatchObject([{ error: { code: 'client-closed' } }])
  })

  test('a WebSocket talks through, and closes in order', async () => {
    const httpServer = http.createServer()
    const sockets = new WebSocketServer({ server: httpServer })
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
    const { port, tunnels, ends } = await proxy(await open(httpServer))
    const socket = new WebSocket(`ws://127.0.0.1:${port}/x`)
    await new Promise((resolve) => socket.once('open', resolve))
    for (const text of ['one', 'x'.repeat(200_000)]) {
      socket.send(text)
      const back = await new Promise<string>((resolve) =>
        socket.once('message', (d) => resolve(String(d))),
      )
      expect(back === text).toBe(true)
    }
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.close(1000)
    expect(await closed).toBe(1000)
    while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(tunnels).toEqual(['websocket'])
    expect(ends).toMatchObject([{ error: null }])
  })

  test('CONNECT to a Node server becomes a tunnel', async () => {
    const server = http.createServer()
    server.on('connect', (_, socket: net.Socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(socket)
    })
    const { port, tunnels } = await proxy(await open(server))
    const answer = await new Promise<string>((resolve) => {
      const sent = http.request({ port, host: '127.0.0.1', method: 'CONNECT', path: 'a:1' })
      sent.on('connect', (_, socket) => {
        socket.write('ping')
        socket.once('data', (data: Buffer) => {
          socket.destroy()
          resolve(data.toString())
        })
      })
      sent.end()
    })
    expect([answer, tunnels]).toEqual(['ping', ['connect']])
  })

  test('a client that reads slowly stops the server, and no memory piles up', async () => {
    const size = 200_000_000
    const block = Buffer.alloc(1_000_000)
    let written = 0
    const server = http.createServer((_, answer) => {
      answer.setHeader('Content-Length', String(size))
      const fill = () => {
        while (written < size) {
          written += block.length
          if (!answer.write(block)) {
            answer.once('drain', fill)
            return
          }
        }
        answer.end()
      }
      fill()
    })
    const { port } = await proxy(await open(server))
    const before = process.memoryUsage().arrayBuffers
    const socket = net.connect(port, '127.0.0.1')
    cleanups.push(() => socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    socket.pause()
    await new Promise((resolve) => setTimeout(resolve, 400))
    // What has left the server fills the kernel's buffers; the relay holds next to nothing.
    expect(written).toBeLessThan(mostUnderWay(2) + 10_000_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
    let received = 0
    socket.on('data', (part) => {
      received += part.length
    })
    socket.resume()
    while (received < size) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(written).toBe(size)
  }, 60_000)
})
