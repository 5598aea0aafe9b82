import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { watchCache } from '../../../core/kube/cache.ts'
import { createKubeClient } from '../../../core/kube/client.ts'
import type { KubeObject } from '../../../core/kube/types.ts'
import { silentLog } from '../../../core/log.ts'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call, until } from './api-client.ts'

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

test('nobody gets in without a token that the server issued', async () => {
  for (const token of ['', 'wrong', 'a.b.c']) {
    const { status, body } = await call(server, 'GET', '/api/v1/pods', undefined, { token })
    expect([status, body.kind, body.reason]).toEqual([401, 'Status', 'Unauthorized'])
  }
})

test('a service account’s token names its user', async () => {
  const token = server.tokenFor('dev', 'robot')
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
  const { status, body } = await call(
    server,
    'POST',
    path,
    { kind: 'SelfSubjectReview' },
    { token },
  )
  expect(status).toBe(201)
  expect(body.status.userInfo.username).toBe('system:serviceaccount:dev:robot')
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

test.each([
  ['a bad name', 'configmaps', { metadata: { name: 'No_good' } }, 'metadata.name'],
  ['no name', 'configmaps', { metadata: {} }, 'metadata.name'],
  ['a bad label', 'configmaps', { metadata: { name: 'a', labels: { a: '-' } } }, 'metadata.labels'],
  ['a pod without containers', 'pods', { metadata: { name: 'a' }, spec: {} }, 'spec.containers'],
  [
    'an unknown volume',
    'pods',
    {
      metadata: { name: 'a' },
      spec: {
        containers: [{ name: 'a', image: 'a', volumeMounts: [{ name: 'x', mountPath: '/x' }] }],
      },
    },
    'spec.containers[0].volumeMounts[0].name',
  ],
  [
    'two containers of one name',
    'pods',
    {
      metadata: { name: 'a' },
      spec: {
        initContainers: [{ name: 'a', image: 'a' }],
        containers: [{ name: 'a', image: 'a' }],
      },
    },
    'spec.containers[0].name',
  ],
  ['a service without ports', 'services', { metadata: { name: 'a' }, spec: {} }, 'spec.ports'],
])('%s is refused with 422 and its field', async (_, plural, object, field) => {
  const path = `/api/v1/namespaces/${namespace}/${plural}`
  const { status, body } = await call(server, 'POST', path, object)
  expect([status, body.reason]).toEqual([422, 'Invalid'])
  expect(body.details.causes.map((cause: { field: string }) => cause.field)).toContain(field)
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

test('a namespace has its label and is needed', async () => {
  const { body } = await call(server, 'GET', `/api/v1/namespaces/${namespace}`)
  expect(body.metadata.labels).toEqual({ 'kubernetes.io/metadata.name': namespace })
  expect(body.status.phase).toBe('Active')
  const path = '/api/v1/namespaces/nowhere/configmaps'
  expect((await call(server, 'POST', path, { metadata: { name: 'a' } })).status).toBe(404)
})

test('a status is written by its subresource alone, and a spec not by it', async () => {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  }
  const spec = { selector: { matchLabels: { a: 'b' } }, template }
  const made = { metadata: { name: 'd' }, spec, status: { replicas: 9 } }
  const { body } = await call(server, 'POST', path, made)
  expect([body.status, body.metadata.generation, body.spec.replicas]).toEqual([undefined, 1, 1])
  const merge = { type: 'application/merge-patch+json' }
  const change = { spec: { replicas: 5 }, status: { replicas: 3 } }
  const status = await call(server, 'PATCH', `${path}/d/status`, change, merge)
  expect([status.body.status.replicas, status.body.spec.replicas]).toEqual([3, 1])
  const main = await call(server, 'PATCH', `${path}/d`, change, merge)
  expect([main.body.spec.replicas, main.body.metadata.generation]).toEqual([5, 2])
  const scale = await call(server, 'PATCH', `${path}/d/scale`, { spec: { replicas: 7 } }, merge)
  expect(scale.body).toMatchObject({
    kind: 'Scale',
    spec: { replicas: 7 },
    status: { selector: 'a=b' },
  })
})

test('a running pod’s spec is fixed but for its images', async () => {
  const path = `/api/v1/namespaces/${namespace}/pods`
  await call(server, 'POST', path, {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i:1' }] },
  })
  const strategic = { type: 'application/strategic-merge-patch+json' }
  const patch = (container: object) =>
    call(
      server,
      'PATCH',
      `${path}/p`,
      { spec: { containers: [{ name: 'c', ...container }] } },
      strategic,
    )
  expect((await patch({ image: 'i:2' })).body.spec.containers[0].image).toBe('i:2')
  const refused = await patch({ args: ['x'] })
  expect([refused.status, refused.body.message]).toEqual([
    422,
    expect.stringContaining('may not change'),
  ])
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

test('services get addresses of their own; well-known ones are kept free', async () => {
  const path = `/api/v1/namespaces/${namespace}/services`
  const make = (name: string, spec: object) =>
    call(server, 'POST', path, { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } })
  const [a, b] = [await make('a', {}), await make('b', { type: 'NodePort' })]
  expect(a.body.spec).toMatchObject({
    type: 'ClusterIP',
    clusterIP: expect.stringMatching(/^10\.96\.\d+\.\d+$/),
    ipFamilies: ['IPv4'],
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
  })
  expect(a.body.spec.clusterIPs).toEqual([a.body.spec.clusterIP])
  expect(b.body.spec.clusterIP).not.toBe(a.body.spec.clusterIP)
  expect(b.body.spec.ports[0].nodePort).toBeGreaterThanOrEqual(30_000)
  expect((await make('c', { clusterIP: 'None' })).body.spec.clusterIPs).toEqual(['None'])
  for (const clusterIP of [a.body.spec.clusterIP, '10.96.0.10', '10.96.0.1', '10.1.1.1', 'x']) {
    expect((await make('d', { clusterIP })).status).toBe(422)
  }
  const moved = { spec: { clusterIP: '10.96.77.77' } }
  const patch = { type: 'application/merge-patch+json' }
  expect((await call(server, 'PATCH', `${path}/a`, moved, patch)).status).toBe(422)
})

test('pods get defaults, a service account and its token', async () => {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const { body } = await call(server, 'POST', path, {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i:1', resources: { limits: { cpu: 1 } } }] },
  })
  expect(body.spec).toMatchObject({
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    terminationGracePeriodSeconds: 30,
    serviceAccountName: 'default',
    containers: [{ resources: { limits: { cpu: '1' }, requests: { cpu: '1' } } }],
  })
  const [volume] = body.spec.volumes
  expect(body.spec.containers[0].volumeMounts).toEqual([
    {
      name: volume.name,
      mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      readOnly: true,
    },
  ])
  expect(body.status).toEqual({ phase: 'Pending', qosClass: 'Burstable' })
})

test('an event is one object in both of its groups', async () => {
  const core = `/api/v1/namespaces/${namespace}/events`
  const regarding = { kind: 'Pod', name: 'p', namespace }
  const other = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`
  const event = { metadata: { name: 'e' }, regarding, note: 'hello', reason: 'Why', type: 'Normal' }
  expect((await call(server, 'POST', other, event)).status).toBe(201)
  const { body } = await call(server, 'GET', `${core}?fieldSelector=involvedObject.name=p`)
  expect(body.items).toHaveLength(1)
  expect(body.items[0]).toMatchObject({
    apiVersion: 'v1',
    message: 'hello',
    involvedObject: regarding,
  })
})

test('a finalizer holds an object until it is taken away', async () => {
  await create('held', { metadata: { name: 'held', finalizers: ['test/hold'] } })
  const path = `${configMaps()}/held`
  const marked = await call(server, 'DELETE', path)
  expect(marked.body.metadata.deletionTimestamp).toEqual(expect.any(String))
  const merge = { type: 'application/merge-patch+json' }
  await call(server, 'PATCH', path, { metadata: { finalizers: null } }, merge)
  expect((await call(server, 'GET', path)).status).toBe(404)
})

test('a pod on a node is marked and goes when its kubelet says so', async () => {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] }
  await call(server, 'POST', path, { metadata: { name: 'p' }, spec })
  const marked = await call(server, 'DELETE', `${path}/p`)
  expect(marked.body.metadata).toMatchObject({ deletionGracePeriodSeconds: 30 })
  await call(server, 'DELETE', `${path}/p?gracePeriodSeconds=5`)
  const sooner = await call(server, 'GET', `${path}/p`)
  expect(sooner.body.metadata.deletionGracePeriodSeconds).toBe(5)
  await call(server, 'DELETE', `${path}/p?gracePeriodSeconds=0`)
  expect((await call(server, 'GET', `${path}/p`)).status).toBe(404)
})

test('a precondition on the uid protects a successor', async () => {
  await create('one')
  const preconditions = { uid: 'another' }
  const { status } = await call(server, 'DELETE', `${configMaps()}/one`, { preconditions })
  expect(status).toBe(409)
})

test('logs come from the provider, and their options reach it', async () => {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const spec = {
    containers: [
      { name: 'a', image: 'i' },
      { name: 'b', image: 'i' },
    ],
  }
  await call(server, 'POST', path, { metadata: { name: 'p' }, spec })
  expect((await call(server, 'GET', `${path}/p/log?container=a`)).status).toBe(503)
  server.setLogProvider(async function* (_, pod, container, { tailLines, follow }) {
    yield `${pod} ${container} ${tailLines} ${follow}\n`
  })
  const { body } = await call(server, 'GET', `${path}/p/log?container=b&tailLines=3&follow=true`)
  expect(body).toBe('p b 3 true\n')
  expect((await call(server, 'GET', `${path}/p/log`)).body.message).toContain('[a b]')
  expect((await call(server, 'GET', `${path}/p/log?container=x`)).status).toBe(400)
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
