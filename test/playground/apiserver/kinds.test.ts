import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'

// Far more than it takes, for a machine that does much else.
jest.setTimeout(30_000)

let server: ApiServer
let namespace: string
let counter = 0

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
})

afterAll(() => server.close())

beforeEach(async () => {
  namespace = `test-${counter++}`
  await call(server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace } })
})

const configMaps = () => `/api/v1/namespaces/${namespace}/configmaps`
const create = (name: string, extra: object = {}) =>
  call(server, 'POST', configMaps(), { metadata: { name }, ...extra })

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
