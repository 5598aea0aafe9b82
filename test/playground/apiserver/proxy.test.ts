import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { makeServingCertificate } from '../../../playground/apiserver/certificates.ts'
import { parseProxyPath } from '../../../playground/apiserver/proxy.ts'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
  const spec = { selector: { app: 'a' }, ports: [{ name: 'http', port: 80 }] }
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'app' }, spec }
  await call(server, 'POST', '/api/v1/namespaces/default/services', service)
})

afterAll(() => server.close())

test.each([
  ['/api/v1/namespaces/a/services/b:80/proxy/c/d?e=f', { port: '80', path: '/c/d?e=f' }],
  ['/api/v1/namespaces/a/services/http:b:web/proxy', { port: 'web', path: '/', scheme: 'http' }],
  ['/api/v1/namespaces/a/services/https:b:/proxy/x', { port: '', path: '/x', scheme: 'https' }],
  ['/api/v1/namespaces/a/services/b/proxy/', { port: '', path: '/', kind: 'services' }],
  ['/api/v1/namespaces/a/pods/b:8080/proxy/m', { port: '8080', path: '/m', kind: 'pods' }],
])('%s is a path through to a Service or a pod', (url, found) => {
  expect(parseProxyPath(url)).toMatchObject({ namespace: 'a', name: 'b', ...found })
})

test.each(['/api/v1/namespaces/a/services/b', '/api/v1/namespaces/a/secrets/b/proxy/'])(
  '%s is none',
  (url) => {
    expect(parseProxyPath(url)).toBeNull()
  },
)

test('an unknown Service is 404, an unknown port 400, no sign-in 403, a wrong one 401', async () => {
  const path = '/api/v1/namespaces/default/services'
  expect((await call(server, 'GET', `${path}/none:80/proxy/`)).status).toBe(404)
  const wrong = await call(server, 'GET', `${path}/app:81/proxy/`)
  expect(wrong).toMatchObject({ status: 400, body: { message: expect.stringContaining('"81"') } })
  const nobody = await call(server, 'GET', `${path}/app:80/proxy/`, undefined, { token: '' })
  expect(nobody.body.message).toBe(
    'services "app:80" is forbidden: User "system:anonymous" cannot get resource "services/proxy" in API group "" in the namespace "default"',
  )
  const stranger = await call(server, 'GET', `${path}/app:80/proxy/`, undefined, { token: 'wrong' })
  expect(stranger.status).toBe(401)
})

test('a pod is reached by TLS too, whatever certificate it has, and sees no token', async () => {
  const own = await makeServingCertificate([{ type: 'dns', value: 'elsewhere' }], new Date())
  const https = createServer({ cert: own.certPem, key: own.keyPem }, ({ url, headers }, response) =>
    response.end(`${url} ${headers.authorization}`),
  )
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  const { port } = https.address() as AddressInfo
  const pods = '/api/v1/namespaces/default/pods'
  try {
    await call(server, 'POST', '/api/v1/namespaces/default/serviceaccounts', {
      metadata: { name: 'default' },
    })
    const spec = { containers: [{ name: 'app', image: 'a', ports: [{ containerPort: port }] }] }
    await call(server, 'POST', pods, { metadata: { name: 'web' }, spec })
    const early = await call(server, 'GET', `${pods}/https:web:/proxy/x`)
    expect(early.status).toBe(503)
    const status = { status: { podIP: '127.0.0.1' } }
    const type = 'application/merge-patch+json'
    await call(server, 'PATCH', `${pods}/web/status`, status, { type })
    const answer = await call(server, 'GET', `${pods}/https:web:/proxy/x?y=1`)
    expect(answer).toMatchObject({ status: 200, body: '/x?y=1 undefined' })
  } finally {
    https.closeAllConnections()
    await new Promise((resolve) => https.close(resolve))
  }
})
