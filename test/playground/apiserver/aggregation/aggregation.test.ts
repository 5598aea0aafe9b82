import type { IncomingMessage, ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import type { ApiServer } from '../../../../playground/apiserver/server.ts'
import { call, until } from '../api-client.ts'
import { startControlPlane } from '../control-plane.ts'
import { type Programs, startPrograms } from '../programs.ts'
import { type Backend, registrationOf, startBackend } from './backend.ts'

// kubectl is a process of its own each time.
jest.setTimeout(60_000)

const API_SERVICE = '/apis/apiregistration.k8s.io/v1/apiservices/v1.azds.io'
const TRACES = '/apis/azds.io/v1/namespaces/dev/traces'
const LIST = {
  kind: 'TraceList',
  apiVersion: 'azds.io/v1',
  metadata: {},
  items: [{ kind: 'Trace', apiVersion: 'azds.io/v1', metadata: { name: 'one', namespace: 'dev' } }],
}

let server: ApiServer
let programs: Programs
let backend: Backend
let answer: (request: IncomingMessage, response: ServerResponse) => void

const sendList = (_: IncomingMessage, response: ServerResponse) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(LIST))
}

const availability = async () => {
  const { body } = await call(server, 'GET', API_SERVICE)
  return body.status?.conditions?.[0]
}
const available = (status: string) =>
  until(`Available ${status}`, async () => (await availability())?.status === status)

beforeAll(async () => {
  server = await startControlPlane()
  backend = await startBackend(server, (request, response) => answer(request, response))
  programs = await startPrograms(server)
  const list = { apiVersion: 'v1', kind: 'List', items: registrationOf(backend) }
  for (const object of list.items) {
    await programs.kubectl('create --validate=strict -f -', JSON.stringify(object))
  }
  await programs.kubectl('create namespace dev')
  await available('True')
})

beforeEach(() => {
  answer = sendList
})

afterAll(async () => {
  await programs.close()
  await server.close()
  await backend.close()
})

const traceRequests = () => backend.requests.filter(({ url }) => url.startsWith(TRACES))

test('kubectl finds the group, and lists what another server answers', async () => {
  const resources = await programs.kubectl('api-resources --api-group=azds.io')
  expect(resources).toMatch(/traces +azds\.io\/v1 +true +Trace/)
  expect(await programs.kubectl('get traces -n dev -o name')).toBe('trace.azds.io/one\n')
  const services = await programs.kubectl('get apiservices')
  expect(services).toMatch(/v1\.azds\.io +azds\/azds-api +True/)
  expect(services).toMatch(/v1\.apps +Local +True/)
  expect(services).toMatch(/v1\. +Local +True/)
})

test('auth can-i get traces.azds.io is about the resource traces of the group azds.io', async () => {
  const role = 'create clusterrole traces --verb=get,list,watch --resource=traces.azds.io'
  await programs.kubectl(role)
  await programs.kubectl('create rolebinding jane --clusterrole=traces --user=jane -n dev')
  const can = async (user: string, what: string) =>
    (await programs.tryKubectl(`auth can-i ${what} --as=${user} -n dev`)).stdout.trim()
  expect(await can('jane', 'get traces.azds.io')).toBe('yes')
  expect(await can('vic', 'get traces.azds.io')).toBe('no')
  expect(await can('jane', 'get traces')).toBe('yes')
  expect(await can('jane', 'delete traces.azds.io')).toBe('no')
  const list = await programs.tryKubectl('get traces -n dev --as=vic')
  expect(list.stderr).toContain(
    'traces.azds.io is forbidden: User "vic" cannot list resource "traces" in API group "azds.io" in the namespace "dev"',
  )
})

test('the other server learns who asks, from headers that a certificate proves', async () => {
  const token = server.tokenForUser('ann', ['system:masters', 'owners'])
  backend.requests.length = 0
  await call(server, 'GET', `${TRACES}?limit=5`, undefined, { token })
  const [request] = traceRequests()
  expect(request).toMatchObject({
    proven: true,
    url: `${TRACES}?limit=5`,
    headers: { 'x-remote-user': 'ann' },
  })
  expect(request?.headers['x-remote-group']).toBe('system:masters, owners, system:authenticated')
  expect(request?.headers.authorization).toBeUndefined()
})

test('nobody passes for another by sending the headers himself', async () => {
  const token = server.tokenFor('dev', 'default')
  const own = { 'x-remote-user': 'root', 'x-remote-group': 'system:masters' }
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, ...own }
    httpsRequest(`${server.url}${TRACES}`, { ca: server.caPem, headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
  expect(status).toBe(403)
})

test('what is passed on is what was allowed, whatever steps the path takes', async () => {
  backend.requests.length = 0
  const path = '/apis/azds.io/v1/namespaces/other/traces/../../dev/traces?limit=1'
  const request = { ca: server.caPem, headers: { authorization: `Bearer ${server.adminToken}` } }
  await new Promise((resolve, reject) => {
    // As a path, not as a URL: that would be tidied up on this side already.
    const { hostname, port } = new URL(server.url)
    httpsRequest({ ...request, hostname, port, path }, (response) => {
      response.resume()
      response.on('end', resolve)
    })
      .on('error', reject)
      .end()
  })
  expect(backend.requests.map(({ url }) => url).filter((url) => url.includes('limit'))).toEqual([
    `/apis/azds.io/v1/namespaces/dev/traces?limit=1`,
  ])
})

test('a stream goes on as its lines come, and ends at both ends when its reader leaves', async () => {
  let ended = false
  answer = (_, response) => {
    response.setHeader('content-type', 'application/json')
    response.write('{"type":"ADDED"}\n')
    response.on('close', () => {
      ended = true
    })
  }
  const headers = { authorization: `Bearer ${server.adminToken}` }
  const request = httpsRequest(`${server.url}${TRACES}?watch=true`, { ca: server.caPem, headers })
  request.on('error', () => {})
  const line = await new Promise((resolve) => {
    request.on('response', (response) => response.once('data', (data) => resolve(String(data))))
    request.end()
  })
  expect(line).toBe('{"type":"ADDED"}\n')
  request.destroy()
  await until('the end of the stream', () => ended)
})

test('connections are kept from one request to the next', async () => {
  await call(server, 'GET', TRACES)
  const before = backend.connections()
  for (let i = 0; i < 5; i++) await call(server, 'GET', TRACES)
  expect(backend.connections()).toBe(before)
})

test('what the other server refuses is passed on as it is', async () => {
  answer = (_, response) => {
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'Status', code: 404, reason: 'NotFound' }))
  }
  const { status, body } = await call(server, 'GET', `${TRACES}/none`)
  expect([status, body.reason]).toEqual([404, 'NotFound'])
})

test('with the other server away its group answers 503, and a namespace waits for it to be deleted', async () => {
  await backend.close()
  const patch = { spec: { service: { port: 1 } } }
  const type = 'application/merge-patch+json'
  await call(server, 'PATCH', API_SERVICE, patch, { type })
  await available('False')
  expect((await availability()).reason).toBe('FailedDiscoveryCheck')
  expect(await call(server, 'GET', TRACES)).toMatchObject({
    status: 503,
    body: 'service unavailable\n',
  })
  // Discovery goes on with what was known, marked as old.
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
  const { body } = await call(server, 'GET', '/apis', undefined, { accept })
  const group = body.items.find(
    (one: { metadata: { name: string } }) => one.metadata.name === 'azds.io',
  )
  expect(group.versions).toMatchObject([
    { freshness: 'Stale', resources: [{ resource: 'traces' }] },
  ])

  await programs.kubectl('create namespace doomed')
  await programs.kubectl('delete namespace doomed --wait=false')
  const condition = await until('the reason', async () => {
    const { body: namespace } = await call(server, 'GET', '/api/v1/namespaces/doomed')
    return namespace.status?.conditions?.[0]
  })
  expect(condition).toMatchObject({
    type: 'NamespaceDeletionDiscoveryFailure',
    status: 'True',
    reason: 'DiscoveryFailed',
    message: expect.stringContaining('azds.io/v1: stale GroupVersion discovery: azds.io/v1'),
  })
  await programs.kubectl('delete apiservice v1.azds.io')
  await until('its end', async () => {
    return (await call(server, 'GET', '/api/v1/namespaces/doomed')).status === 404
  })
  expect((await call(server, 'GET', '/apis/azds.io')).status).toBe(404)
})

test('an APIService whose Service is not there says so', async () => {
  const object = {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1.example.org' },
    spec: {
      group: 'example.org',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      service: { namespace: 'dev', name: 'none' },
    },
  }
  await programs.kubectl('create -f -', JSON.stringify(object))
  const services = () => programs.kubectl('get apiservice v1.example.org')
  await until('the condition', async () => (await services()).includes('False (ServiceNotFound)'))
})
