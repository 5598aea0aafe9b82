import http2 from 'node:http2'
import type net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { HEADER } from '../../../core/names.ts'
import type { Address } from '../../../core/routing-table.ts'
import { createWorld, echoServer, type World } from '../proxy-world.ts'
import { service, snapshot } from '../sample-tree.ts'

let world: World
const sessions: http2.ClientHttp2Session[] = []

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy()
  await world.close()
})

/** An HTTP/2 server that answers with its name and the request's headers, as JSON. */
function http2Echo(name: string): net.Server {
  const server = http2.createServer()
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200, 'x-served-by': name }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    let body = ''
    stream.on('data', (chunk: Buffer) => {
      body += chunk
    })
    stream.on('end', () => stream.end(JSON.stringify({ name, headers, body })))
  })
  return server as unknown as net.Server
}

function connect(side: 'outbound' | 'inbound' | 'gateway', to: Address | null) {
  if (to) world.destination = { kind: 'redirected', destination: to }
  const { ip, port } = world.app.addresses[side] as Address
  const session = http2.connect(`http://${ip}:${port}`)
  session.on('error', () => {})
  sessions.push(session)
  return session
}

interface Answer {
  headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader
  trailers: http2.IncomingHttpHeaders
  body: string
}

function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined })
    const answer: Answer = { headers: {}, trailers: {}, body: '' }
    stream.on('response', (received) => {
      answer.headers = received
    })
    stream.on('trailers', (received) => {
      answer.trailers = received
    })
    stream.on('data', (chunk: Buffer) => {
      answer.body += chunk
    })
    stream.on('end', () => resolve(answer))
    stream.on('error', reject)
    if (body !== undefined) stream.end(body)
  })
}

test('one client connection that carries two spaces reaches two services, each request with its record', async () => {
  world = await createWorld({ env: { AZDS_TRACE_BODY_BYTES: '100' } })
  const dev = await world.serve(http2Echo('dev'), '127.0.21.1')
  const alice = await world.serve(http2Echo('alice'), '127.0.21.2', dev.port)
  const services = [service('dev', 'orders', dev.ip), service('alice', 'orders', alice.ip)]
  for (const one of services) for (const port of one.ports) port.port = dev.port
  await world.publish(snapshot({ services, self: [] }))

  const session = connect('outbound', dev)
  const [hers, theirs] = await Promise.all([
    ask(session, { ':path': '/a', ':authority': 'orders' }),
    ask(session, { ':path': '/b', ':method': 'POST', [HEADER.routeAs]: 'dev' }, 'hello'),
  ])
  expect(JSON.parse(hers.body)).toMatchObject({
    name: 'alice',
    headers: { ':path': '/a', [HEADER.routeAs]: 'alice', [HEADER.hop]: '1' },
  })
  expect(JSON.parse(theirs.body)).toMatchObject({ name: 'dev', body: 'hello' })
  expect(theirs.trailers['grpc-status']).toBe('0')

  const record = await world.recordWhere((found) => found.path === '/b')
  expect(record).toMatchObject({
    protocol: 'h2',
    method: 'POST',
    status: 200,
    direction: 'outbound',
    service: 'orders',
    error: null,
    requestBody: { base64: Buffer.from('hello').toString('base64') },
    responseHeaders: expect.arrayContaining([
      ['x-served-by', 'dev'],
      ['grpc-status', '0'],
    ]),
    route: { reason: 'root', context: 'dev', service: { space: 'dev', name: 'orders' } },
  })
  expect(record.requestHeaders.map(([name]) => name)).not.toContain(':path')
  expect(record.firstByteMs).toBeGreaterThanOrEqual(0)
  const other = await world.recordWhere((found) => found.path === '/a')
  expect(other).toMatchObject({ authority: 'orders', route: { context: 'alice', reason: 'child' } })
})

test('what goes out to no service of a space arrives as it was sent', async () => {
  world = await createWorld()
  const app = await world.serve(http2Echo('app'), '127.0.22.1')
  await world.publish(snapshot())
  const { body } = await ask(connect('outbound', app), { ':path': '/x', 'a-b': 'c' })
  const { headers } = JSON.parse(body)
  expect(Object.keys(headers)).toEqual([':path', ':method', ':authority', ':scheme', 'a-b'])
  expect(await world.recordWhere((found) => found.path === '/x')).toMatchObject({
    route: { reason: 'not-a-space-service' },
  })
})

test('a server that says its SETTINGS before its client speaks is served inbound, too', async () => {
  world = await createWorld()
  const app = await world.serve(http2Echo('app'), '127.0.23.1')
  await world.publish(snapshot())
  // Time for the server to speak first: the app is dialled at once.
  const socket = world.connect('inbound', app)
  await new Promise((resolve) => setTimeout(resolve, 100))
  const session = http2.connect('http://app', { createConnection: () => socket })
  sessions.push(session)
  const { body } = await ask(session, { ':path': '/first' })
  expect(JSON.parse(body).headers.traceparent).toMatch(/^00-/)
  expect(await world.recordWhere((found) => found.path === '/first')).toMatchObject({
    direction: 'inbound',
    protocol: 'h2',
  })
})

test('a probe of the kubelet is passed untouched and leaves no record', async () => {
  world = await createWorld()
  const app = await world.serve(http2Echo('app'), '127.0.24.1')
  await world.publish(snapshot())
  const session = connect('inbound', app)
  const probe = { ':path': '/grpc.health.v1.Health/Check', 'user-agent': 'kube-probe/1.33' }
  const { body } = await ask(session, { ...probe, ':method': 'POST' }, '')
  expect(Object.keys(JSON.parse(body).headers)).not.toContain('traceparent')
  await ask(session, { ':path': '/after' })
  await world.recordWhere((found) => found.path === '/after')
  expect(world.controller.records().filter(({ path }) => path === probe[':path'])).toEqual([])
})

test('before the first table each stream is led by DNS', async () => {
  const addresses: Record<string, string> = {
    'orders.alice.svc.cluster.local.': '127.0.25.2',
    'orders.dev.svc.cluster.local.': '127.0.25.1',
  }
  const resolve = async (name: string) => [addresses[name]].filter((ip) => ip !== undefined)
  world = await createWorld({ controllerUp: false, outside: { resolve } })
  const dev = await world.serve(http2Echo('dev'), '127.0.25.1')
  const alice = await world.serve(http2Echo('alice'), '127.0.25.2', dev.port)
  await world.untilReady()
  const session = connect('outbound', alice)
  const asked = [
    { ':authority': 'orders' },
    { ':authority': 'orders', [HEADER.routeAs]: 'dev' },
    { ':authority': 'example.test' },
  ]
  const answers = await Promise.all(asked.map((headers) => ask(session, headers)))
  expect(answers.map(({ body }) => JSON.parse(body).name)).toEqual(['alice', 'dev', 'alice'])
})

test('a gateway leads streams to their spaces, and answers for hosts that it does not know', async () => {
  world = await createWorld({ env: { AZDS_MODE: 'gateway' } })
  const alice = await world.serve(http2Echo('alice'), '127.0.26.1')
  const one = service('alice', 'web', alice.ip)
  for (const port of one.ports) port.port = alice.port
  await world.publish(snapshot({ services: [one], self: [] }))
  const session = connect('gateway', null)
  const { body } = await ask(session, { ':authority': 'alice.s.dev.web.localhost' })
  expect(JSON.parse(body)).toMatchObject({ name: 'alice', headers: { [HEADER.routeAs]: 'alice' } })
  const unknown = await ask(session, { ':authority': 'localhost' })
  expect(unknown.headers[':status']).toBe(404)
  expect(unknown.headers[HEADER.proxyError]).toBe('unknown-host')
})

test('a request to a server of HTTP/1 gets a 502 that says so', async () => {
  world = await createWorld()
  const app = await world.serve(echoServer('app'), '127.0.27.1')
  await world.publish(snapshot())
  const answer = await ask(connect('outbound', app), { ':path': '/h1' })
  expect(answer.headers[':status']).toBe(502)
  expect(answer.body).toContain('the answer is not HTTP/2')
  const record = await world.recordWhere((found) => found.path === '/h1')
  expect(record.error?.code).toBe('bad-response')
})

test('a version that refuses is dialled again, and then the client hears of it', async () => {
  world = await createWorld()
  const gone = await world.serve(http2Echo('gone'), '127.0.28.1')
  const services = [service('dev', 'orders', '127.0.28.2')]
  for (const one of services) for (const port of one.ports) port.port = gone.port
  await world.publish(snapshot({ services, self: [] }))
  const session = connect('outbound', { ip: '127.0.28.2', port: gone.port })
  const answer = await ask(session, { ':path': '/refused' })
  expect(answer.headers[HEADER.proxyError]).toBe('connect-refused')
  const grpc = { ':path': '/s/m', ':method': 'POST', 'content-type': 'application/grpc' }
  const call = await ask(session, grpc, '')
  expect(call.headers).toMatchObject({ ':status': 200, 'grpc-status': '14' })
})

test('a connection to the proxy itself is refused stream by stream', async () => {
  world = await createWorld()
  const own = world.app.addresses.outbound as Address
  world.destination = { kind: 'direct' }
  const answer = await ask(connect('outbound', null), { ':path': '/loop' })
  expect(own.port).toBeGreaterThan(0)
  expect(answer.headers[HEADER.proxyError]).toBe('loop')
})

test('a drain tells HTTP/2 clients, finishes what is open and ends', async () => {
  world = await createWorld()
  const server = http2.createServer()
  const arrived = Promise.withResolvers<http2.ServerHttp2Stream>()
  server.on('stream', (stream) => arrived.resolve(stream))
  const app = await world.serve(server as unknown as net.Server, '127.0.29.1')
  await world.publish(snapshot())
  const session = connect('inbound', app)
  const goodbye = new Promise<void>((resolve) => session.on('goaway', () => resolve()))
  const asked = ask(session, { ':path': '/slow' })
  const stream = await arrived.promise
  const closing = world.app.close()
  await goodbye
  stream.respond({ ':status': 200 })
  stream.end('late')
  expect((await asked).body).toBe('late')
  await closing
})
