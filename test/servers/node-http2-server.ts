/** Node's own HTTP/2 server, with an app that answers in every way that the protocol has. */
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type net from 'node:net'
import { FILES, type Origin } from './origin.ts'
import { readBody } from './read-body.ts'

/** MB of answers that a connection may have under way; with fewer, Node refuses streams as they come. */
const SESSION_MEMORY = 1_000

export async function startNodeHttp2(): Promise<Origin> {
  const server = http2.createServer({ maxSessionMemory: SESSION_MEMORY }, (request, response) => {
    request.stream.on('error', () => {})
    void answer(request, response)
  })
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      server.close()
      for (const session of sessions) session.destroy()
    },
  }
}

async function answer(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  const body = await readBody(request)
  if (body === null) return
  const handle = HANDLERS[new URL(request.url, 'http://x').pathname]
  if (handle) handle(response, body, request)
  else {
    response.statusCode = 404
    response.end('not here')
  }
}

type Handler = (response: Http2ServerResponse, body: Buffer, request: Http2ServerRequest) => void

/** Between what a stream says and its reset, ms: a reset overtakes what waits for a window. */
const PAUSE_MS = 15

function resetAfter(words: string, code: number): Handler {
  return (response) => {
    response.write(words)
    setTimeout(() => response.stream.close(code), PAUSE_MS)
  }
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  '/hello.txt': (response) => {
    response.setHeader('x-mixed', ['one', 'two'])
    response.setHeader('set-cookie', ['a=b', 'c=d'])
    response.end('hello\n')
  },
  '/empty.txt': (response) => response.end(),
  '/big.bin': (response) => response.end(FILES['big.bin']),
  '/huge.bin': (response) => response.end(FILES['huge.bin']),
  '/echo': (response, body) => response.end(body),
  // As the app has them, with trailers.
  '/heads': (response, _body, { rawHeaders, rawTrailers }) => {
    const pairs = (raw: readonly string[]) =>
      raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]]] : []))
    const foreign = pairs(rawHeaders).filter(([name = '']) => !/^(traceparent|azds-)/.test(name))
    response.end(JSON.stringify({ headers: foreign, trailers: pairs(rawTrailers) }))
  },
  '/trailers': (response, body) => {
    response.write('first')
    response.addTrailers({ 'x-sum': String(body.length), 'grpc-status': '0' })
    response.end(body)
  },
  '/trailers-only': (response) => {
    response.addTrailers({ 'grpc-status': '5', 'grpc-message': 'nothing' })
    response.end()
  },
  '/hints': (response) => {
    response.stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' })
    response.stream.additionalHeaders({ ':status': 102 })
    response.end('hinted')
  },
  '/nothing': (response) => {
    response.statusCode = 204
    response.end()
  },
  '/not-modified': (response) => {
    response.statusCode = 304
    response.setHeader('content-length', '5')
    response.end()
  },
  '/reset/cancel': resetAfter('so far', http2.constants.NGHTTP2_CANCEL),
  '/reset/internal': resetAfter('so far', http2.constants.NGHTTP2_INTERNAL_ERROR),
  '/reset/calm': resetAfter('so far', http2.constants.NGHTTP2_ENHANCE_YOUR_CALM),
}
