/** The end of a server over real sockets. A grace of minutes stands for none: who waited for it would run into the test's own limit. */
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as plainRequest,
  type ServerResponse,
} from 'node:http'
import { createServer as createTls, request as httpsRequest, Agent as TlsAgent } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { createServer as createFastify } from '../../controller/server.ts'
import type { KeyPair } from '../../core/authority/certificate.ts'
import { type ClosableServer, type End, endOf } from '../../core/close-server.ts'
import { silentLog } from '../../core/log.ts'
import { authorityFor } from './kube/tls-fixture.ts'

const NEVER_MS = 600_000
jest.setTimeout(60_000)

let leaf: KeyPair
beforeAll(async () => {
  leaf = (await authorityFor('localhost')).leaf
})

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

/** Answers `/slow` when told to, and all else at once. */
class Answers {
  readonly asked = Promise.withResolvers<void>()
  readonly go = Promise.withResolvers<void>()
  async of(url = ''): Promise<string> {
    if (url !== '/slow') return 'at once'
    this.asked.resolve()
    await this.go.promise
    return 'after a while'
  }
  readonly listener = async ({ url }: IncomingMessage, response: ServerResponse) =>
    void response.end(await this.of(url))
}

type Kind = 'http' | 'https' | 'fastify' | 'fastify with TLS'

interface Running {
  end: End
  answers: Answers
  server: ClosableServer['server']
  port: number
  isTls: boolean
}

async function running(kind: Kind): Promise<Running> {
  const answers = new Answers()
  const isTls = kind.includes('TLS') || kind === 'https'
  const app = kind.startsWith('fastify') ? fastify(answers, isTls) : plain(answers, isTls)
  const { server } = app
  // Longer than any test: nobody's connection ends by itself.
  Object.assign(server, { keepAliveTimeout: NEVER_MS })
  const end = endOf(app)
  await app.listen()
  const { port } = server.address() as AddressInfo
  return { end, answers, server, port, isTls }
}

function plain(answers: Answers, isTls: boolean) {
  const server = isTls ? createTls(leaf, answers.listener) : createServer(answers.listener)
  const listen = () => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { server, listen, close: () => new Promise((done) => server.close(done)) }
}

function fastify(answers: Answers, isTls: boolean) {
  const app = createFastify(silentLog, isTls ? leaf : undefined)
  app.get('*', ({ url }) => answers.of(url))
  const listen = () => app.listen({ port: 0, host: '127.0.0.1' })
  return { server: app.server as ClosableServer['server'], listen, close: () => app.close() }
}

/** A client that keeps its connection, as API servers and sidecars do. */
function client({ isTls, port }: Running) {
  const options = { keepAlive: true, maxSockets: 1 }
  const agent = isTls ? new TlsAgent({ ...options, rejectUnauthorized: false }) : new Agent(options)
  cleanUps.push(() => agent.destroy())
  const closed = Promise.withResolvers<void>()
  const get = (path: string) =>
    new Promise<{ body: string; connection: string | undefined }>((resolve, reject) => {
      const sent = (isTls ? httpsRequest : plainRequest)(
        { host: '127.0.0.1', port, path, agent },
        async (response) =>
          resolve({ body: await text(response), connection: response.headers.connection }),
      )
      sent.on('socket', (socket) => socket.once('close', closed.resolve))
      sent.on('error', reject).end()
    })
  return { get, closed: closed.promise }
}

/** A connection on which nothing is sent, as browsers open them in advance; resolves with its end. */
async function silentConnection({ isTls, port }: Running): Promise<{ closed: Promise<unknown> }> {
  const at = { host: '127.0.0.1', port }
  const socket: Socket = isTls ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at)
  socket.on('error', () => {})
  cleanUps.push(() => socket.destroy())
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await new Promise((resolve) => socket.once(isTls ? 'secureConnect' : 'connect', resolve))
  return { closed }
}

const KINDS: Kind[] = ['http', 'https', 'fastify', 'fastify with TLS']

test.each(KINDS)('%s: a connection that is kept alive is closed at once', async (kind) => {
  const server = await running(kind)
  const { get, closed } = client(server)
  expect(await get('/')).toEqual({ body: 'at once', connection: 'keep-alive' })
  await server.end(NEVER_MS)
  await closed
})

test.each(KINDS)('%s: a request under way is answered, and its client told to go', async (kind) => {
  const server = await running(kind)
  const { get, closed } = client(server)
  expect((await get('/')).body).toBe('at once')
  const answer = get('/slow')
  await server.answers.asked.promise
  const ended = server.end(NEVER_MS)
  server.answers.go.resolve()
  expect(await answer).toEqual({ body: 'after a while', connection: 'close' })
  await ended
  await closed
})

test.each(KINDS)(
  '%s: a connection on which nothing was ever sent is closed at once',
  async (kind) => {
    const server = await running(kind)
    const silent = await silentConnection(server)
    // A client that is answered later than the other has connected: the server knows of both.
    await client(server).get('/')
    await server.end(NEVER_MS)
    await silent.closed
  },
)

test('an answer whose head is out already goes on to its end', async () => {
  const server = await running('http')
  const began = Promise.withResolvers<ServerResponse>()
  server.server.on('request', (_: IncomingMessage, response: ServerResponse) => {
    response.write('first, ')
    began.resolve(response)
  })
  const { get, closed } = client(server)
  const answer = get('/slow')
  const response = await began.promise
  const ended = server.end(NEVER_MS)
  response.end('last')
  expect(await answer).toEqual({ body: 'first, last', connection: 'keep-alive' })
  await ended
  await closed
})

test('what has not ended after the grace is cut', async () => {
  const server = await running('http')
  const { get } = client(server)
  const failed = expect(get('/slow')).rejects.toThrow('socket hang up')
  await server.answers.asked.promise
  await server.end(50)
  await failed
})

test('a connection that never ends its handshake is cut with the rest', async () => {
  const server = await running('https')
  const { closed } = await silentConnection({ ...server, isTls: false })
  // Answered later than the other has connected.
  await client(server).get('/')
  await server.end(50)
  await closed
})
