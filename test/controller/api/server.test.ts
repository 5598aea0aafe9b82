/** The aggregated API server over real TLS: who is believed, who is let in, and what is passed on. */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTls, request as httpsRequest, type RequestOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Access, Attributes } from '../../../controller/api/access-review.ts'
import { createForward } from '../../../controller/api/forward.ts'
import { type FrontProxy, frontProxyOf } from '../../../controller/api/front-proxy.ts'
import { createApiServer } from '../../../controller/api/server.ts'
import type { UserInfo } from '../../../controller/auth/caller.ts'
import type { Review } from '../../../controller/auth/token-review.ts'
import { createLeaf, type KeyPair } from '../../../core/authority/certificate.ts'
import { applySecureContext } from '../../../core/authority/leaf.ts'
import { Readiness } from '../../../core/lifecycle.ts'
import { silentLog } from '../../../core/log.ts'
import { clientCertificate, testAuthority } from './client-certificates.ts'

let frontProxyCa: KeyPair
let otherCa: KeyPair
let ownCa: KeyPair
let good: KeyPair
beforeAll(async () => {
  frontProxyCa = await testAuthority('front-proxy-ca')
  otherCa = await testAuthority('front-proxy-ca')
  ownCa = await testAuthority('azds-controller')
  good = await clientCertificate(frontProxyCa)
})

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const leafOf = () =>
  createLeaf(ownCa, { names: ['localhost', '127.0.0.1'], lifeMs: 3_600_000, now: new Date() })

async function listen(server: Server | ReturnType<typeof createTls>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const proxyOf = (cas: KeyPair[], names = ['front-proxy-client']): FrontProxy | null =>
  frontProxyOf({
    metadata: {},
    data: {
      'requestheader-client-ca-file': cas.map(({ cert }) => cert).join('\n'),
      'requestheader-allowed-names': JSON.stringify(names),
      'requestheader-username-headers': '["X-Remote-User"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    },
  })

interface Options {
  proxy?: FrontProxy | null
  access?: Access
  review?: Review
  /** What the controller answers; absent: nobody listens there. */
  controller?: (request: IncomingMessage, response: ServerResponse) => void
}

async function serve(options: Options = {}) {
  const asked: { user: UserInfo; attributes: Attributes }[] = []
  const errors: string[] = []
  let proxy = options.proxy === undefined ? proxyOf([frontProxyCa]) : options.proxy
  const controller = createTls(
    await leafOf(),
    options.controller ?? ((_, response) => response.end('{}')),
  )
  const controllerPort = await listen(controller)
  if (!options.controller) controller.close()
  const forward = createForward({
    controllerUrl: `https://localhost:${controllerPort}`,
    authorities: () => ownCa.cert,
    token: async () => 'own-token',
    onError: (error) => void errors.push(error.message),
  })
  cleanUps.push(() => forward.close())
  const readiness = new Readiness()
  const leaf = await leafOf()
  const server = createApiServer({
    leaf,
    frontProxy: () => proxy,
    reviewToken: async () => options.review ?? { outcome: 'refused', message: 'no' },
    reviewAccess: async (user, attributes) => {
      asked.push({ user, attributes })
      return options.access ?? { outcome: 'allowed' }
    },
    forward,
    readiness,
    metrics: { contentType: 'text/plain', text: async () => 'azds_api_requests_total 1' },
    onAnswer: () => {},
    now: () => new Date(),
    log: silentLog,
  })
  const trust = (next: FrontProxy | null) => {
    proxy = next
    applySecureContext(server, leaf, next?.authorities.map((one) => one.toString()) ?? [])
  }
  trust(proxy)
  const port = await listen(server)
  return { port, asked, errors, readiness, trust, server }
}

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Record<string, unknown>
  text: string
}

async function get(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  const request = httpsRequest({
    host: '127.0.0.1',
    port,
    path,
    ca: ownCa.cert,
    servername: 'localhost',
    agent: false,
    ...options,
  })
  request.end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  let body = {}
  try {
    body = JSON.parse(text)
  } catch {
    // Not JSON: the test looks at the text.
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, body, text }
}

const ALICE = { 'X-Remote-User': 'alice', 'X-Remote-Group': ['dev', 'a,b'] }
const TRACES = '/apis/azds.io/v1/namespaces/alice/traces'

test('the API server is believed about who asks, and that one’s rights are asked for', async () => {
  const { port, asked } = await serve({ controller: (_, response) => response.end('{"items":[]}') })
  const answer = await get(port, `${TRACES}?limit=5`, {
    ...good,
    headers: {
      ...ALICE,
      'X-Remote-Uid': '42',
      'X-Remote-Extra-Scopes': 'read',
      'X-Remote-Extra-Example.com%2fteam': 'blue',
    },
  })
  expect(answer).toMatchObject({ status: 200, body: { items: [] } })
  expect(asked).toEqual([
    {
      user: {
        username: 'alice',
        uid: '42',
        groups: ['dev', 'a,b'],
        extra: { scopes: ['read'], 'example.com/team': ['blue'] },
      },
      attributes: {
        resource: {
          group: 'azds.io',
          version: 'v1',
          resource: 'traces',
          verb: 'list',
          namespace: 'alice',
        },
      },
    },
  ])
})

test.each([
  ['no certificate', async () => ({})],
  ['a certificate of another authority', () => clientCertificate(otherCa)],
  ['a certificate that has ended', () => clientCertificate(frontProxyCa, { toMs: -1000 })],
  ['a certificate that has not begun', () => clientCertificate(frontProxyCa, { fromMs: 60_000 })],
  ['another name', () => clientCertificate(frontProxyCa, { commonName: 'kubelet' })],
  ['a certificate of a server', () => clientCertificate(frontProxyCa, { usage: 'server' })],
  ['our own serving certificate', leafOf],
])('headers that name a user count for nothing with %s', async (_, certificate) => {
  const { port, asked } = await serve()
  const answer = await get(port, TRACES, { ...(await certificate()), headers: ALICE })
  expect(answer).toMatchObject({ status: 401, body: { kind: 'Status', reason: 'Unauthorized' } })
  expect(asked).toEqual([])
})

test('nobody is believed before the front proxy is known, nor with a certificate of the public', async () => {
  const { port, asked } = await serve({ proxy: null })
  expect((await get(port, TRACES, { ...good, headers: ALICE })).status).toBe(401)
  expect(asked).toEqual([])
})

test('any name counts where none is listed', async () => {
  const { port } = await serve({
    proxy: proxyOf([frontProxyCa], []),
    controller: (_, response) => response.end('{}'),
  })
  const certificate = await clientCertificate(frontProxyCa, { commonName: 'aggregator' })
  expect((await get(port, TRACES, { ...certificate, headers: ALICE })).status).toBe(200)
})

test('a connection outlives its authority by no request', async () => {
  const { port, trust } = await serve({ controller: (_, response) => response.end('{}') })
  const { Agent } = await import('node:https')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  cleanUps.push(() => agent.destroy())
  const ask = () => get(port, TRACES, { ...good, headers: ALICE, agent })
  expect((await ask()).status).toBe(200)
  trust(proxyOf([otherCa]))
  expect((await ask()).status).toBe(401)
  trust(proxyOf([otherCa, frontProxyCa]))
  expect((await ask()).status).toBe(200)
})

test('a resumed connection without a certificate is nobody’s, whatever TLS says of it', async () => {
  const { port } = await serve()
  const connect = async (session?: Buffer) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      ca: ownCa.cert,
      servername: 'localhost',
      ...(session && { session }),
    })
    cleanUps.push(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  const ask = async (socket: tls.TLSSocket) => {
    socket.write(`GET ${TRACES} HTTP/1.1\r\nHost: x\r\nX-Remote-User: alice\r\n\r\n`)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    return bytes.toString().split('\r\n')[0]
  }
  const first = await connect()
  const ticket = once(first, 'session') as Promise<[Buffer]>
  expect(await ask(first)).toContain('401')
  const [session] = await ticket
  const second = await connect(session)
  expect(second.isSessionReused()).toBe(true)
  expect(await ask(second)).toContain('401')
})

test('who comes past the API server shows a token', async () => {
  const user = { username: 'bob', groups: ['system:authenticated'] }
  const { port, asked } = await serve({
    review: { outcome: 'user', user },
    controller: (_, response) => response.end('{}'),
  })
  const headers = { ...ALICE, authorization: 'Bearer abc' }
  expect((await get(port, TRACES, { headers })).status).toBe(200)
  expect(asked[0]?.user).toEqual(user)
})

test('what cannot be asked is no refusal', async () => {
  const { port } = await serve({ review: { outcome: 'unknown', message: 'away' } })
  expect((await get(port, TRACES, { headers: { authorization: 'Bearer abc' } })).status).toBe(503)
  const unsure = await serve({ access: { outcome: 'unknown' } })
  const answer = await get(unsure.port, TRACES, { ...good, headers: ALICE })
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
})

test('who may not is told so in Kubernetes’ words, and nothing is asked of the controller', async () => {
  let calls = 0
  const { port } = await serve({
    access: { outcome: 'denied', reason: '' },
    controller: (_, response) => {
      calls += 1
      response.end()
    },
  })
  const answer = await get(port, `${TRACES}?watch=true`, { ...good, headers: ALICE })
  expect(answer).toMatchObject({
    status: 403,
    body: {
      kind: 'Status',
      reason: 'Forbidden',
      message:
        'traces.azds.io is forbidden: User "alice" cannot watch resource "traces" in API group "azds.io" in the namespace "alice"',
    },
  })
  expect((await get(port, '/metrics', { ...good, headers: ALICE })).status).toBe(403)
  expect(calls).toBe(0)
})

test('the controller gets our own token and the same question, and nothing of the user’s', async () => {
  const seen: IncomingMessage[] = []
  const { port } = await serve({
    controller: (request, response) => {
      seen.push(request)
      response.setHeader('content-type', 'application/json').setHeader('set-cookie', 'x=1')
      response.end('{"a":1}')
    },
  })
  const answer = await get(port, `${TRACES}?q=a%20b&fieldSelector=metadata.name%3Dx`, {
    ...good,
    headers: { ...ALICE, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io', cookie: 'y=2' },
  })
  expect(answer).toMatchObject({ status: 200, body: { a: 1 } })
  expect(answer.headers['set-cookie']).toBeUndefined()
  const { url, headers } = seen[0] ?? { headers: {} }
  expect(url).toBe(`${TRACES}?q=a+b&fieldSelector=metadata.name%3Dx`)
  expect(headers).toMatchObject({
    authorization: 'Bearer own-token',
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  })
  expect(headers).not.toHaveProperty('x-remote-user')
  expect(headers).not.toHaveProperty('cookie')
})

test('while the controller is down, its objects are unavailable and discovery still answers', async () => {
  const { port, errors } = await serve()
  const identity = { ...good, headers: ALICE }
  expect(await get(port, TRACES, identity)).toMatchObject({
    status: 503,
    headers: { 'retry-after': '2' },
    body: { kind: 'Status', reason: 'ServiceUnavailable' },
  })
  expect(errors).toHaveLength(1)
  expect((await get(port, '/apis/azds.io/v1', identity)).body).toMatchObject({
    kind: 'APIResourceList',
  })
})

test.each([401, 403, 500])(
  'a controller that answers %d is unavailable, its words stay inside',
  async (status) => {
    const { port, errors } = await serve({
      controller: (_, response) => response.writeHead(status).end('{"secret":"inside"}'),
    })
    const answer = await get(port, TRACES, { ...good, headers: ALICE })
    expect(answer.status).toBe(503)
    expect(answer.text).not.toContain('inside')
    expect(errors[0]).toContain(String(status))
  },
)

test('what the controller refuses of the question itself is passed on', async () => {
  const body = '{"kind":"Status","code":404}'
  const { port } = await serve({ controller: (_, response) => response.writeHead(404).end(body) })
  expect(await get(port, `${TRACES}/abc`, { ...good, headers: ALICE })).toMatchObject({
    status: 404,
    body: { kind: 'Status' },
  })
})

test('a watch streams line by line, waits for a slow reader, and ends on both sides together', async () => {
  const line = `${'x'.repeat(64 * 1024)}\n`
  let written = 0
  let stalled = false
  const ended = Promise.withResolvers<void>()
  const { port } = await serve({
    controller: (_, response) => {
      response.writeHead(200)
      response.write('first\n')
      response.on('close', () => ended.resolve())
      const pump = setInterval(() => {
        if (!response.writableNeedDrain) {
          written += line.length
          response.write(line)
        } else stalled = true
      }, 0)
      response.on('close', () => clearInterval(pump))
    },
  })
  const request = httpsRequest({
    host: '127.0.0.1',
    port,
    path: `${TRACES}?watch=true`,
    ca: ownCa.cert,
    servername: 'localhost',
    agent: false,
    ...good,
    headers: ALICE,
  })
  request.end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  const [first] = (await once(answer, 'data')) as [Buffer]
  expect(first.toString().startsWith('first\n')).toBe(true)
  answer.pause()
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  // Whatever the sockets on the way hold, at some time the controller is held up: else this never ends.
  await until(() => stalled)
  const held = written
  answer.resume()
  await until(() => written > held)
  request.destroy()
  await ended.promise
})

test.each([
  ['POST', TRACES, 405],
  ['DELETE', `${TRACES}/a`, 405],
  ['HEAD', TRACES, 405],
  ['GET', '/apis/azds.io/v1/namespaces/alice/pods', 404],
  ['GET', '/apis/azds.io/v1/traces/abc', 404],
  ['GET', '/apis/azds.io/v1/namespaces/alice/spaces', 404],
  ['GET', '/apis/azds.io/v2/traces', 404],
  ['GET', '/v1/feed?scope=all', 404],
  ['GET', '/apis/azds.io/v1/namespaces/alice/traces/a/log', 404],
  ['GET', '/apis/azds.io/v1/namespaces/a%2fb/traces', 400],
  ['GET', '/apis/azds.io/v1/namespaces/../traces', 400],
  ['GET', `${TRACES}?limit=1&limit=2`, 400],
  ['GET', `${TRACES}?fieldSelector=metadata.name%3Da%2Cmetadata.name%3Db`, 400],
])('%s %s is answered with %d and not passed on', async (method, path, status) => {
  let calls = 0
  const { port } = await serve({
    controller: (_, response) => {
      calls += 1
      response.end()
    },
  })
  expect((await get(port, path, { ...good, headers: ALICE, method })).status).toBe(status)
  expect(calls).toBe(0)
})

test('health needs no sign-in, metrics need a right', async () => {
  const { port, readiness } = await serve()
  const done = readiness.task('something')
  expect((await get(port, '/healthz')).status).toBe(200)
  expect((await get(port, '/livez')).status).toBe(200)
  expect(await get(port, '/readyz')).toMatchObject({
    status: 503,
    body: { waitingFor: ['something'] },
  })
  done()
  expect((await get(port, '/readyz')).status).toBe(200)
  expect((await get(port, '/metrics')).status).toBe(401)
  expect((await get(port, '/metrics', { ...good, headers: ALICE })).text).toContain('azds_api')
})

test('during its drain it asks API servers to let go of their connections', async () => {
  const { port, readiness } = await serve()
  readiness.drain()
  const answer = await get(port, '/apis', { ...good, headers: ALICE })
  expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' } })
})

test('a plain connection gets nowhere', async () => {
  const { port } = await serve()
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
})
