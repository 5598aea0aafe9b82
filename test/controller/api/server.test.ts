/** The aggregated API server: who is believed, and who is let in. */
import { once } from 'node:events'
import { Agent } from 'node:https'
import tls from 'node:tls'
import { expect, test } from '@jest/globals'
import {
  ALICE,
  cleanUps,
  frontProxyCa,
  get,
  good,
  leafOf,
  otherCa,
  ownCa,
  proxyOf,
  serve,
  TRACES,
} from './api-fixture.ts'
import { clientCertificate } from './client-certificates.ts'

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
