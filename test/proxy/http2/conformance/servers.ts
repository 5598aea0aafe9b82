/** The servers that the conformance suite asks: node:http2 alone, and a sidecar in front of it. */
import http2 from 'node:http2'
import type { Address } from '../../../../core/routing-table.ts'
import type { Transport } from '../../../../proxy/transport.ts'
import { createWorld } from '../../proxy-world.ts'

export interface ServerUnderTest {
  address: Address
  close(): Promise<void>
}

/**
 * | path            | answer                                                   |
 * |-----------------|----------------------------------------------------------|
 * | `/silent`       | none, and the body is not read                           |
 * | `/cookie`       | the cookie                                               |
 * | `/trailers`     | a body and a trailer                                     |
 * | `/hints`        | 103, then as any other                                   |
 * | `/status/<n>`   | as any other, with that status                           |
 * | any other       | method, path and number of body bytes, when it has ended |
 */
function createApp(): http2.Http2Server {
  const server = http2.createServer({ settings: { maxConcurrentStreams: 100 } })
  server.on('session', (session) => session.on('error', () => {}))
  server.on('sessionError', () => {})
  server.on('stream', (stream, fields) => {
    stream.on('error', () => {})
    if (fields[':path'] === '/silent') return
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    stream.on('end', () => {
      if (!stream.destroyed && !stream.headersSent) respond(stream, fields, bytes)
    })
  })
  return server
}

function respond(
  stream: http2.ServerHttp2Stream,
  fields: http2.IncomingHttpHeaders,
  bytes: number,
): void {
  const path = fields[':path'] ?? ''
  if (path === '/trailers') {
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': '1' }))
    stream.end('body')
    return
  }
  if (path === '/hints') stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' })
  const status = /^\/status\/(\d{3})$/.exec(path)?.[1] ?? '200'
  stream.respond({ ':status': Number(status) })
  stream.end(path === '/cookie' ? fields.cookie : `${fields[':method']} ${path} ${bytes}`)
}

export async function nodeAlone(): Promise<ServerUnderTest> {
  const server = createApp()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    address: { ip: '127.0.0.1', port },
    close: async () => {
      server.close()
    },
  }
}

/** @param side which of the sidecar's listeners the connections come to */
export async function behindSidecar(
  side: 'outbound' | 'inbound',
  transport: Transport,
): Promise<ServerUnderTest> {
  const app = await nodeAlone()
  const world = await createWorld({ transport })
  world.destination = { kind: 'redirected', destination: app.address }
  return {
    address: world.app.addresses[side] as Address,
    close: async () => {
      await world.close()
      await app.close()
    },
  }
}
