/** Node's own HTTP server, with an app that answers in every way that the library has. */
import http from 'node:http'
import type net from 'node:net'
import type { Origin } from './origin.ts'
import { readBody } from './read-body.ts'

export async function startNode(): Promise<Origin> {
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void answer(request, response)
  })
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://x').pathname
  if (path === '/early') {
    // Says what it has to say before it has read the body.
    response.end('too early')
    return
  }
  const body = await readBody(request)
  if (body === null) return
  response.setHeader('X-mixed-CASE', ['one', 'two'])
  const handle = HANDLERS[path]
  if (handle) handle(response, body)
  else {
    response.statusCode = 404
    response.end('not here')
  }
}

type Handler = (response: http.ServerResponse, body: Buffer) => void

const HANDLERS: Readonly<Record<string, Handler>> = {
  '/hello.txt': (response) => response.end('hello\n'),
  '/empty.txt': (response) => response.end(),
  '/echo': (response, body) => response.end(body),
  '/chunks': (response, body) => {
    // One packet, so that a proxy that cuts chunks anew cuts them the same each time.
    const { socket } = response
    socket?.cork()
    response.write('first')
    response.write(Buffer.concat([Buffer.from('then '), body]))
    if (response.chunkedEncoding) response.addTrailers({ 'X-Sum': String(body.length) })
    response.end()
    socket?.uncork()
  },
  '/until-close': (response) => {
    response.useChunkedEncodingByDefault = false
    response.shouldKeepAlive = false
    response.write('to the end ')
    response.end('of the connection')
  },
  '/hints': (response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.writeProcessing()
    response.end('hinted')
  },
  '/nothing': (response) => {
    response.statusCode = 204
    response.end()
  },
  '/not-modified': (response) => {
    response.statusCode = 304
    response.setHeader('Content-Length', '5')
    response.end()
  },
  '/goodbye': (response) => {
    response.setHeader('Connection', 'close')
    response.end('goodbye')
  },
  '/gone': (response) => {
    response.writeHead(301, 'Gone Elsewhere', { Location: '/hello.txt' })
    response.end()
  },
}
