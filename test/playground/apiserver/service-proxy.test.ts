import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { parseServiceProxyPath } from '../../../playground/apiserver/service-proxy.ts'
import { call } from './api-client.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
  const spec = { selector: { app: 'a' }, ports: [{ name: 'http', port: 80 }] }
  const service = { metadata: { name: 'app' }, spec }
  await call(server, 'POST', '/api/v1/namespaces/default/services', service)
})

afterAll(() => server.close())

test.each([
  ['/api/v1/namespaces/a/services/b:80/proxy/c/d?e=f', { port: '80', path: '/c/d?e=f' }],
  ['/api/v1/namespaces/a/services/http:b:web/proxy', { port: 'web', path: '/' }],
  ['/api/v1/namespaces/a/services/b/proxy/', { port: '', path: '/' }],
  ['/api/v1/namespaces/a/services/b/status', null],
  ['/api/v1/namespaces/a/services/https:b:443/proxy/', null],
  ['/api/v1/namespaces/a/pods/b/proxy/', null],
])('%s is read as %j', (url, expected) => {
  const target = expected && { namespace: 'a', name: 'b', ...expected }
  expect(parseServiceProxyPath(url)).toEqual(target)
})

test('an unknown Service is 404, an unknown port 400, no sign-in 403, a wrong one 401', async () => {
  const path = '/api/v1/namespaces/default/services'
  expect((await call(server, 'GET', `${path}/nobody:80/proxy/`)).status).toBe(404)
  const wrong = await call(server, 'GET', `${path}/app:81/proxy/`)
  expect(wrong).toMatchObject({ status: 400, body: { message: expect.stringContaining('"81"') } })
  const nobody = await call(server, 'GET', `${path}/app:80/proxy/`, undefined, { token: '' })
  expect(nobody.body.message).toBe(
    'services "app:80" is forbidden: User "system:anonymous" cannot get resource "services/proxy" in API group "" in the namespace "default"',
  )
  const stranger = await call(server, 'GET', `${path}/app:80/proxy/`, undefined, { token: 'wrong' })
  expect(stranger.status).toBe(401)
})
