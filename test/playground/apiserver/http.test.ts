import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { watchCache } from '../../../core/kube/cache.ts'
import { createKubeClient } from '../../../core/kube/kubeconfig.ts'
import type { KubeObject } from '../../../core/kube/types.ts'
import { silentLog } from '../../../core/log.ts'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call, until } from './api-client.ts'

// Far more than it takes, for a machine that does much else.
jest.setTimeout(30_000)

let folder: string
let server: ApiServer
let namespace: string
let counter = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'azds-api-'))
  const listen = [{ path: join(folder, 'api.sock') }]
  server = await startApiServer({ host: '127.0.0.1', port: 0, listen })
})

afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

beforeEach(async () => {
  namespace = `test-${counter++}`
  await call(server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace } })
})

const configMaps = () => `/api/v1/namespaces/${namespace}/configmaps`
const create = (name: string, extra: object = {}) =>
  call(server, 'POST', configMaps(), { metadata: { name }, ...extra })

test('nobody gets in with a token that the server did not issue', async () => {
  for (const token of ['wrong', 'a.b.c']) {
    const { status, body } = await call(server, 'GET', '/api/v1/pods', undefined, { token })
    expect([status, body.kind, body.reason]).toEqual([401, 'Status', 'Unauthorized'])
  }
})

test('without a token one learns the version and whether the server is well, nothing else', async () => {
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) {
    expect((await call(server, 'GET', path, undefined, { token: '' })).status).toBe(200)
  }
  const list = await call(server, 'GET', '/api/v1/pods', undefined, { token: '' })
  expect([list.status, list.body.message]).toEqual([
    403,
    'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
  ])
  const apis = await call(server, 'GET', '/apis', undefined, { token: '' })
  expect(apis.body.message).toBe('forbidden: User "system:anonymous" cannot get path "/apis"')
})

test('a service account’s token names its user', async () => {
  const accounts = '/api/v1/namespaces/default/serviceaccounts'
  await call(server, 'POST', accounts, { metadata: { name: 'robot' } })
  const token = server.tokenFor('default', 'robot')
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
  const { status, body } = await call(
    server,
    'POST',
    path,
    { kind: 'SelfSubjectReview' },
    { token },
  )
  expect(status).toBe(201)
  expect(body.status.userInfo.username).toBe('system:serviceaccount:default:robot')
})

test('the server answers on its unix socket as on its port', async () => {
  const socketPath = join(folder, 'api.sock')
  const { status } = await call(server, 'GET', '/api/v1/nodes', undefined, { socketPath })
  expect(status).toBe(200)
})

test('an object is created with identity, read, replaced, and deleted', async () => {
  const created = await create('one', { data: { a: '1' } })
  expect(created.status).toBe(201)
  expect(created.body).toMatchObject({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'one',
      namespace,
      uid: expect.any(String),
      creationTimestamp: expect.any(String),
    },
  })
  const path = `${configMaps()}/one`
  expect((await call(server, 'GET', path)).body).toEqual(created.body)
  const replaced = await call(server, 'PUT', path, { ...created.body, data: { b: '2' } })
  expect(replaced.body.data).toEqual({ b: '2' })
  const stale = await call(server, 'PUT', path, created.body)
  expect([stale.status, stale.body.reason]).toEqual([409, 'Conflict'])
  const deleted = await call(server, 'DELETE', path)
  expect(deleted.body).toMatchObject({ kind: 'Status', status: 'Success' })
  const gone = await call(server, 'GET', path)
  expect([gone.status, gone.body.reason, gone.body.message]).toEqual([
    404,
    'NotFound',
    'configmaps "one" not found',
  ])
})

test('a write that changes nothing has no new version', async () => {
  const { body } = await create('same', { data: { a: '1' } })
  const again = await call(server, 'PUT', `${configMaps()}/same`, body)
  expect(again.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion)
})

test('a name is taken once, and generated names differ', async () => {
  await create('one')
  const { status, body } = await create('one')
  expect([status, body.reason]).toEqual([409, 'AlreadyExists'])
  const generated = { metadata: { generateName: 'gen-' } }
  const names = await Promise.all(
    [1, 2, 3].map(
      async () => (await call(server, 'POST', configMaps(), generated)).body.metadata.name,
    ),
  )
  expect(new Set(names).size).toBe(3)
  for (const name of names) expect(name).toMatch(/^gen-[a-z0-9]{5}$/)
})

test('fields that a kind does not have are warned of, refused or ignored, as the caller asks', async () => {
  const pod = {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i', imgae: 'x' }] },
  }
  const path = `/api/v1/namespaces/${namespace}/pods`
  const strict = await call(server, 'POST', `${path}?fieldValidation=Strict`, pod)
  expect(strict.status).toBe(400)
  expect(strict.body.message).toContain('unknown field "spec.containers[0].imgae"')
  const lenient = await call(server, 'POST', path, pod)
  expect(lenient.status).toBe(201)
  expect(lenient.headers['warning']).toContain('unknown field')
  expect(lenient.body.spec.containers[0].imgae).toBeUndefined()
})

test('a value of the wrong type is refused with its path', async () => {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const containers = [{ name: 'c', image: 'i', env: [{ name: 'A', value: 1 }] }]
  const { status, body } = await call(server, 'POST', path, {
    metadata: { name: 'p' },
    spec: { containers },
  })
  expect(status).toBe(400)
  expect(body.message).toContain('spec.containers[0].env[0].value')
})

test('a dry run does everything but store', async () => {
  const { status, body } = await call(server, 'POST', `${configMaps()}?dryRun=All`, {
    metadata: { name: 'dry' },
  })
  expect([status, body.metadata.uid]).toEqual([201, expect.any(String)])
  expect((await call(server, 'GET', `${configMaps()}/dry`)).status).toBe(404)
})

test('lists are selected, and cut into pages that add up', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await create(name, { metadata: { name, labels: { odd: `${'ace'.includes(name)}` } } })
  }
  const odd = await call(server, 'GET', `${configMaps()}?labelSelector=odd=true`)
  expect(odd.body.items.map((one: KubeObject) => one.metadata.name)).toEqual(['a', 'c', 'e'])
  const names: string[] = []
  let next = ''
  do {
    const { body } = await call(server, 'GET', `${configMaps()}?limit=2${next}`)
    names.push(...body.items.map((one: KubeObject) => one.metadata.name))
    next = body.metadata.continue ? `&continue=${body.metadata.continue}` : ''
  } while (next)
  expect(names).toEqual(['a', 'b', 'c', 'd', 'e'])
  const deleted = await call(server, 'DELETE', `${configMaps()}?labelSelector=odd=true`)
  expect(deleted.body.items).toHaveLength(3)
  expect((await call(server, 'GET', configMaps())).body.items).toHaveLength(2)
})

test('a table has the columns that people know', async () => {
  await create('one', { data: { a: '', b: '' } })
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const { body } = await call(server, 'GET', configMaps(), undefined, { accept })
  expect(body.kind).toBe('Table')
  expect(body.columnDefinitions.map((one: { name: string }) => one.name)).toEqual([
    'Name',
    'Data',
    'Age',
  ])
  expect(body.rows[0].cells).toEqual(['one', 2, expect.stringMatching(/^\ds$/)])
  expect(body.rows[0].object.kind).toBe('PartialObjectMetadata')
})

test.each([
  ['GET', '/api/v1/nothing', 404],
  ['GET', '/apis/none/v1', 404],
  ['POST', '/api/v1/pods', 400],
  ['PATCH', '/api/v1/namespaces', 405],
  ['GET', '/api/v1/pods?labelSelector=a%20b', 400],
  ['GET', '/api/v1/pods?continue=x', 400],
  ['GET', '/api/v1/pods?watch=1&resourceVersion=999999', 410],
])('%s %s answers %p with a Status', async (method, path, expected) => {
  const { status, body } = await call(server, method, path, method === 'GET' ? undefined : {})
  expect([status, body.kind]).toEqual([expected, 'Status'])
})

test('a body that is too large or in an unknown format is refused', async () => {
  const large = await create('large', { data: { a: 'x'.repeat(3 * 1024 * 1024) } })
  expect(large.status).toBe(413)
  const xml = await call(server, 'POST', configMaps(), '<a/>', { type: 'text/xml' })
  expect(xml.status).toBe(415)
  const broken = await call(server, 'POST', configMaps(), '{')
  expect(broken.status).toBe(400)
})

test('the project’s own client and cache follow the server', async () => {
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, server.adminKubeconfig)
  const client = createKubeClient({ kubeconfig })
  await create('before')
  const cache = watchCache<KubeObject>(client, `${configMaps()}?labelSelector=seen!=no`, silentLog)
  try {
    await cache.synced
    expect(cache.get(`${namespace}/before`)).toBeDefined()
    await create('after')
    await until('the cache has the new object', () => cache.get(`${namespace}/after`))
    const labels = { labels: { seen: 'no' } }
    const type = 'application/merge-patch+json'
    await client.patch(`${configMaps()}/after`, type, { metadata: labels })
    await until('the cache has lost it', () => cache.size === 1)
    await client.delete(`${configMaps()}/before`)
    await until('the cache is empty', () => cache.size === 0)
  } finally {
    cache.stop()
  }
})
