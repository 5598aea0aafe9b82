import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { startControllers } from '../../../playground/controllers/controllers.ts'
import { call, until } from '../apiserver/api-client.ts'
import { startControlPlane } from '../apiserver/control-plane.ts'
import { BROKEN_IMAGE, FAILING_IMAGE, startFakeKubelet } from '../apiserver/fake-kubelet.ts'

// Far more than it takes, for a machine that does much else.
jest.setTimeout(30_000)

// biome-ignore lint/suspicious/noExplicitAny: objects of many kinds are looked into
type Any = any

let server: ApiServer
let stopKubelet: () => Promise<void>

beforeEach(async () => {
  server = await startControlPlane()
  stopKubelet = await startFakeKubelet(server)
  await call(server, 'POST', '/api/v1/namespaces', { metadata: { name: 'dev' } })
})

afterEach(async () => {
  await stopKubelet()
  await server.close()
})

const APPS = '/apis/apps/v1/namespaces/dev'
const CORE = '/api/v1/namespaces/dev'

const get = async (path: string): Promise<Any> => (await call(server, 'GET', path)).body
const items = async (path: string): Promise<Any[]> => (await get(path)).items
const merge = (path: string, patch: object) =>
  call(server, 'PATCH', path, patch, { type: 'application/merge-patch+json' })

const template = (image = 'example/web:1', spec: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: {
    containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }],
    ...spec,
  },
})
const workload = (spec: object = {}, image?: string) => ({
  metadata: { name: 'web' },
  spec: { selector: { matchLabels: { app: 'web' } }, template: template(image), ...spec },
})
async function make(path: string, body: object): Promise<Any> {
  const { status, body: answer } = await call(server, 'POST', path, body)
  expect([status, answer.message]).toEqual([201, undefined])
  return answer
}

const conditionOf = (object: Any, type: string) =>
  object.status?.conditions?.find((one: Any) => one.type === type)
const reasonOf = (object: Any, type: string) => conditionOf(object, type)?.reason

async function complete(name = 'web'): Promise<Any> {
  return until(`deployment ${name} is complete`, async () => {
    const one = await get(`${APPS}/deployments/${name}`)
    const observed = one.status?.observedGeneration === one.metadata.generation
    const done = reasonOf(one, 'Progressing') === 'NewReplicaSetAvailable'
    return observed && done && one
  })
}

test('a namespace gets its service account and the CA', async () => {
  const account = () => call(server, 'GET', `${CORE}/serviceaccounts/default`)
  await until('the account', async () => (await account()).status === 200)
  const { data } = await get(`${CORE}/configmaps/kube-root-ca.crt`)
  expect(data['ca.crt']).toBe(server.caPem)
  await call(server, 'DELETE', `${CORE}/serviceaccounts/default`)
  await until('the account is back', async () => (await account()).status === 200)
})

test('a deployment rolls from one version to the next and back', async () => {
  await make(`${APPS}/deployments`, workload({ replicas: 3 }))
  const first = await complete()
  expect(first.status).toMatchObject({ replicas: 3, updatedReplicas: 3, availableReplicas: 3 })
  expect(reasonOf(first, 'Available')).toBe('MinimumReplicasAvailable')

  await merge(`${APPS}/deployments/web`, { spec: { template: template('example/web:2') } })
  const second = await complete()
  expect(second.metadata.annotations['deployment.kubernetes.io/revision']).toBe('2')
  const live = (await items(`${CORE}/pods`)).filter((pod) => !pod.metadata.deletionTimestamp)
  expect(live.map((pod) => pod.spec.containers[0].image)).toEqual(Array(3).fill('example/web:2'))
  expect(live[0].metadata.labels['pod-template-hash']).toBeDefined()

  await merge(`${APPS}/deployments/web`, { spec: { template: template('example/web:1') } })
  const third = await complete()
  expect(third.metadata.annotations['deployment.kubernetes.io/revision']).toBe('3')
  expect(await items(`${APPS}/replicasets`)).toHaveLength(2)
})

test('an update whose pods never become ready takes no ready pod away', async () => {
  await make(`${APPS}/deployments`, workload({ replicas: 2, progressDeadlineSeconds: 1 }))
  await complete()
  await merge(`${APPS}/deployments/web`, { spec: { template: template(BROKEN_IMAGE) } })
  const stuck = await until('the deadline is over', async () => {
    const one = await get(`${APPS}/deployments/web`)
    return reasonOf(one, 'Progressing') === 'ProgressDeadlineExceeded' && one
  })
  expect(stuck.status).toMatchObject({ availableReplicas: 2, updatedReplicas: 1 })
  await merge(`${APPS}/deployments/web`, { spec: { template: template('example/web:3') } })
  expect((await complete()).status.updatedReplicas).toBe(2)
})

test('with Recreate the old pods are gone before the first new one comes', async () => {
  const strategy = { type: 'Recreate' }
  await make(`${APPS}/deployments`, workload({ replicas: 2, strategy }))
  await complete()
  const seen: string[][] = []
  const unfollow = server.objects.store.follow((storage) => {
    if (storage !== '/pods') return
    const pods = server.objects.store.list('/pods', 'dev') as Any[]
    seen.push([...new Set(pods.map((pod) => pod.spec.containers[0].image))])
  })
  await merge(`${APPS}/deployments/web`, { spec: { template: template('example/web:2') } })
  await complete()
  unfollow()
  expect(seen.length).toBeGreaterThan(0)
  for (const images of seen) expect(images.length).toBeLessThanOrEqual(1)
})

test('where a webhook refuses the pods it is said, tried again, and mended', async () => {
  const webhooks = [
    {
      name: 'no.test.io',
      clientConfig: { url: 'https://127.0.0.1:1/' },
      rules: [
        { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] },
      ],
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
    },
  ]
  const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
  await make(configurations, { metadata: { name: 'no' }, webhooks })
  await make(`${APPS}/deployments`, workload())
  const failing = await until('the failure', async () => {
    const one = await get(`${APPS}/deployments/web`)
    return conditionOf(one, 'ReplicaFailure') && one
  })
  expect(conditionOf(failing, 'ReplicaFailure')).toMatchObject({
    status: 'True',
    reason: 'FailedCreate',
    message: expect.stringContaining('failed calling webhook "no.test.io"'),
  })
  await until('a second try', async () => {
    const events = await items(`${CORE}/events?fieldSelector=reason=FailedCreate`)
    return events.some((event) => event.count > 1)
  })
  await call(server, 'DELETE', `${configurations}/no`)
  expect(conditionOf(await complete(), 'ReplicaFailure')).toBeUndefined()
})

test('a deleted deployment takes its sets and pods along; orphaned ones are adopted again', async () => {
  await make(`${APPS}/deployments`, workload())
  await complete()
  const [set] = await items(`${APPS}/replicasets`)
  await call(server, 'DELETE', `${APPS}/replicasets/${set.metadata.name}?propagationPolicy=Orphan`)
  await until('a new set has adopted the pod', async () => {
    const [pod] = await items(`${CORE}/pods`)
    const owner = pod?.metadata.ownerReferences?.[0]
    return owner && owner.uid !== set.metadata.uid
  })
  await call(server, 'DELETE', `${APPS}/deployments/web?propagationPolicy=Foreground`)
  await until('all is gone', async () => {
    const left = [...(await items(`${APPS}/replicasets`)), ...(await items(`${CORE}/pods`))]
    const deployment = await call(server, 'GET', `${APPS}/deployments/web`)
    return left.length === 0 && deployment.status === 404
  })
})

test('a service follows its pods', async () => {
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }]
  await make(`${CORE}/services`, {
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports },
  })
  const slices = '/apis/discovery.k8s.io/v1/namespaces/dev/endpointslices'
  const ready = async () => {
    const found = await items(`${slices}?labelSelector=kubernetes.io/service-name=web`)
    expect(found.length).toBeLessThanOrEqual(1)
    const endpoints: Any[] = found[0]?.endpoints ?? []
    return endpoints.filter((one) => one.conditions.ready).length
  }
  await make(`${APPS}/deployments`, workload({ replicas: 2 }))
  await until('two are ready', async () => (await ready()) === 2)
  const scale = { spec: { replicas: 1 } }
  await call(server, 'PUT', `${APPS}/deployments/web/scale`, scale)
  await until('one is ready', async () => (await ready()) === 1)
  await call(server, 'DELETE', `${CORE}/services/web`)
  await until('the slice is gone', async () => (await items(slices)).length === 0)
})

test('a stateful set starts, updates and ends its pods one by one under fixed names', async () => {
  const claims = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }]
  const spec = { replicas: 2, serviceName: 'web', volumeClaimTemplates: claims }
  await make(`${APPS}/statefulsets`, workload(spec))
  const status = async () => (await get(`${APPS}/statefulsets/web`)).status ?? {}
  await until('both are ready', async () => (await status()).readyReplicas === 2)
  const pods = await items(`${CORE}/pods`)
  expect(pods.map((pod) => pod.metadata.name)).toEqual(['web-0', 'web-1'])
  expect(pods[0].spec).toMatchObject({ hostname: 'web-0', subdomain: 'web' })
  expect(pods[0].spec.volumes).toContainEqual({ name: 'data', emptyDir: {} })
  expect(Number(pods[1].metadata.resourceVersion)).toBeGreaterThan(0)
  expect(Date.parse(pods[1].metadata.creationTimestamp)).toBeGreaterThanOrEqual(
    Date.parse(pods[0].metadata.creationTimestamp),
  )

  await merge(`${APPS}/statefulsets/web`, { spec: { template: template('example/web:2') } })
  await until('both are new', async () => {
    const { updatedReplicas, readyReplicas, currentRevision, updateRevision } = await status()
    return updatedReplicas === 2 && readyReplicas === 2 && currentRevision === updateRevision
  })
  await merge(`${APPS}/statefulsets/web`, { spec: { replicas: 1 } })
  await until('the last has gone', async () => (await items(`${CORE}/pods`)).length === 1)
  expect((await items(`${CORE}/pods`))[0].metadata.name).toBe('web-0')
})

test('a daemon set has a pod on each node that fits', async () => {
  await make(`${APPS}/daemonsets`, workload())
  await until(
    'it runs',
    async () => (await get(`${APPS}/daemonsets/web`)).status?.numberReady === 1,
  )
  expect((await items(`${CORE}/pods`))[0].spec.nodeName).toBe('fake')
  const elsewhere = template(undefined, { nodeSelector: { no: 'where' } })
  await merge(`${APPS}/daemonsets/web`, { spec: { template: elsewhere } })
  await until('it has left', async () => (await items(`${CORE}/pods`)).length === 0)
})

test('a job runs its pods to the end', async () => {
  const jobs = '/apis/batch/v1/namespaces/dev/jobs'
  const job = (name: string, image: string, spec: object = {}) =>
    make(jobs, {
      metadata: { name },
      spec: { template: template(image, { restartPolicy: 'Never' }), ...spec },
    })
  await job('good', 'example/job:1', { completions: 2, parallelism: 1, ttlSecondsAfterFinished: 1 })
  await job('bad', FAILING_IMAGE, { backoffLimit: 1 })
  const good = await until('the good one is complete', async () => {
    const one = await get(`${jobs}/good`)
    return conditionOf(one, 'Complete') && one
  })
  expect(good.status).toMatchObject({ succeeded: 2, completionTime: expect.any(String) })
  const bad = await until('the bad one has failed', async () => {
    const one = await get(`${jobs}/bad`)
    return conditionOf(one, 'Failed') && one
  })
  expect(reasonOf(bad, 'Failed')).toBe('BackoffLimitExceeded')
  expect(bad.status.failed).toBe(2)
  await until('the good one is cleared away', async () => {
    return (await call(server, 'GET', `${jobs}/good`)).status === 404
  })
})

test('a namespace is emptied, pods and all, before it goes', async () => {
  await make(`${APPS}/deployments`, workload({ replicas: 2 }))
  await complete()
  const marked = await call(server, 'DELETE', '/api/v1/namespaces/dev')
  expect(marked.body.status.phase).toBe('Terminating')
  const refused = await call(server, 'POST', `${CORE}/configmaps`, { metadata: { name: 'late' } })
  expect(refused.status).toBe(403)
  await until('the namespace is gone', async () => {
    return (await call(server, 'GET', '/api/v1/namespaces/dev')).status === 404
  })
  for (const path of ['/api/v1/pods', '/apis/apps/v1/deployments', '/apis/apps/v1/replicasets']) {
    expect(await items(path)).toEqual([])
  }
})

test('a pod that no node can take says so, and is taken once one can', async () => {
  const containers = [{ name: 'c', image: 'i' }]
  const spec = { containers, nodeSelector: { 'kubernetes.io/hostname': 'other' } }
  await make(`${CORE}/pods`, { metadata: { name: 'p' }, spec })
  const waiting = await until('it waits', async () => {
    const pod = await get(`${CORE}/pods/p`)
    return reasonOf(pod, 'PodScheduled') === 'Unschedulable' && pod
  })
  expect(waiting.spec.nodeName).toBeUndefined()
  await make('/api/v1/nodes', {
    metadata: { name: 'other', labels: { 'kubernetes.io/hostname': 'other' } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  })
  await until('it is placed', async () => (await get(`${CORE}/pods/p`)).spec.nodeName === 'other')
})

test('an event goes an hour after it last happened', async () => {
  let now = new Date()
  const api = await startApiServer({ host: '127.0.0.1', port: 0, now: () => now })
  const event = (name: string, lastTimestamp: Date) =>
    call(api, 'POST', '/api/v1/namespaces/default/events', {
      metadata: { name },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      lastTimestamp: lastTimestamp.toISOString(),
    })
  await event('old', now)
  now = new Date(now.getTime() + 3_601_000)
  await event('new', now)
  const { close } = startControllers({ objects: api.objects, caPem: api.caPem })
  const names = async () =>
    (await call(api, 'GET', '/api/v1/events')).body.items.map((one: Any) => one.metadata.name)
  await until('the old event is gone', async () => !(await names()).includes('old'))
  expect(await names()).toEqual(['new'])
  await close()
  await api.close()
})

test('kinds of a custom resource definition are served while it is there', async () => {
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  await make(definitions, {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true }],
    },
  })
  const widgets = '/apis/example.com/v1/namespaces/dev/widgets'
  const widget = await make(widgets, { metadata: { name: 'w' }, spec: { any: [{ thing: 1 }] } })
  expect(widget).toMatchObject({
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    spec: { any: [{ thing: 1 }] },
  })
  await until('it is established', async () => {
    const one = await get(`${definitions}/widgets.example.com`)
    return conditionOf(one, 'Established')?.status === 'True'
  })
  await call(server, 'DELETE', `${definitions}/widgets.example.com`)
  expect((await call(server, 'GET', widgets)).status).toBe(404)
})
