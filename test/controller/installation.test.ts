/** Controller and azds-api with the chart's own rights, over an API server that enforces them. */
import { once } from 'node:events'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import tls from 'node:tls'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { Pod } from '../../core/kube/types.ts'
import { type SidecarList, sidecarsPath, tracePath, tracesPath } from '../../core/trace-resource.ts'
import { sampleTrace, traceIdOf } from '../core/sample-records.ts'
import { call, until } from '../playground/apiserver/api-client.ts'
import { type Programs, startPrograms } from '../playground/apiserver/programs.ts'
import { type Installation, install } from './installation.ts'

// kubectl is a process of its own each time.
jest.setTimeout(60_000)

let installation: Installation
let programs: Programs
beforeAll(async () => {
  installation = await install({ AZDS_CA_SETTLE_SECONDS: '1' })
  programs = await startPrograms(installation.server)
  const { create } = installation
  for (const name of ['dev', 'alice']) {
    const labels = {
      'azds.io/space': 'true',
      ...(name === 'alice' && { 'azds.io/parent-space': 'dev' }),
    }
    await create('/api/v1/namespaces', { metadata: { name, labels } })
    const pod = {
      metadata: { name: 'web-1', namespace: name },
      spec: { containers: [{ name: 'a', image: 'a' }] },
    }
    await until('the default account', async () => {
      const path = `/api/v1/namespaces/${name}/serviceaccounts/default`
      return (await call(installation.server, 'GET', path)).status === 200
    })
    await create(`/api/v1/namespaces/${name}/pods`, pod)
  }
  await until('azds.io is available', async () => {
    const path = '/apis/apiregistration.k8s.io/v1/apiservices/v1.azds.io'
    const { body } = await call(installation.server, 'GET', path)
    return body.status?.conditions?.some(
      (one: { type: string; status: string }) => one.type === 'Available' && one.status === 'True',
    )
  })
})
afterAll(async () => {
  await programs?.close()
  await installation?.close()
})

/** A request to the controller's TLS port, as a sidecar makes it. */
async function toController(path: string, options: RequestOptions & { body?: unknown } = {}) {
  const { port } = await installation.controller.tls
  const map = await call(installation.server, 'GET', '/api/v1/namespaces/dev/configmaps/azds-ca')
  const { body, headers, ...rest } = options
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      servername: 'azds-controller.azds.svc.cluster.local',
      ca: map.body.data['ca.crt'],
      path,
      agent: false,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...rest,
    })
    request.on('error', reject)
    request.on('response', (response) => {
      let text = ''
      const done = () => resolve({ status: response.statusCode ?? 0, text })
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        // A feed has no end: its first line is enough.
        if (path.startsWith('/v1/feed') && text.includes('\n')) {
          done()
          request.destroy()
        }
      })
      response.on('end', done)
    })
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const published = (namespace: string) =>
  call(installation.server, 'GET', `/api/v1/namespaces/${namespace}/configmaps/azds-ca`)

test('every space and our own namespace get the authority’s certificates, owned by the ClusterRole', async () => {
  for (const namespace of ['dev', 'alice', 'azds']) {
    const body = await until(`certificates in ${namespace}`, async () => {
      const answer = await published(namespace)
      return answer.status === 200 && answer.body
    })
    expect(body.data['ca.crt']).toContain('BEGIN CERTIFICATE')
    expect(body.metadata.ownerReferences).toMatchObject([
      { kind: 'ClusterRole', name: 'azds-controller', uid: expect.any(String) },
    ])
  }
})

test('an edit of the certificates is put right, also when they are deleted; they go where the label goes', async () => {
  const { server, create } = installation
  const path = '/api/v1/namespaces/dev/configmaps/azds-ca'
  const { body: before } = await published('dev')
  const merge = { type: 'application/merge-patch+json' }
  await call(server, 'PATCH', path, { data: { 'ca.crt': 'junk' } }, merge)
  await until('the edit put right', async () => {
    const { body } = await published('dev')
    return body.data?.['ca.crt'] === before.data['ca.crt']
  })
  await call(server, 'DELETE', path)
  await until('made anew', async () => (await published('dev')).status === 200)
  await create('/api/v1/namespaces', {
    metadata: { name: 'short', labels: { 'azds.io/space': 'true' } },
  })
  await until('published there', async () => (await published('short')).status === 200)
  const label = { metadata: { labels: { 'azds.io/space': null } } }
  await call(server, 'PATCH', '/api/v1/namespaces/short', label, merge)
  await until('gone with the label', async () => (await published('short')).status === 404)
})

test('a sidecar reads its own feed and delivers its own records, and nothing else', async () => {
  const headers = bearer(await installation.podToken('dev', 'web-1'))
  const feed = await toController('/v1/feed?namespace=dev&pod=web-1', { headers })
  expect(feed.status).toBe(200)
  expect(JSON.parse(feed.text.split('\n')[0] ?? '')).toMatchObject({ type: 'snapshot' })
  const post = (body: object) => toController('/v1/traces', { method: 'POST', headers, body })
  const own = sampleTrace().map((record) => ({ ...record, space: 'dev', pod: 'web-1' }))
  const batch = { namespace: 'dev', pod: 'web-1', dropped: 0 }
  expect(await post({ ...batch, records: own })).toMatchObject({ status: 202 })
  expect(await post({ ...batch, records: sampleTrace(traceIdOf(8)) })).toMatchObject({
    status: 403,
  })
  expect(await post({ ...batch, pod: 'web-2', records: [] })).toMatchObject({ status: 403 })
  for (const path of [
    '/v1/feed?namespace=alice&pod=web-1',
    '/v1/feed?scope=all',
    tracesPath('dev'),
    tracesPath(null),
  ]) {
    expect(await toController(path, { headers })).toMatchObject({ status: 403 })
  }
})

test('a sidecar’s token goes with its pod, although it was believed a moment ago', async () => {
  const { create, server, podToken } = installation
  const pods = '/api/v1/namespaces/dev/pods'
  const body = {
    metadata: { name: 'short-1', namespace: 'dev', labels: { 'azds.io/instrumented': 'true' } },
    spec: { containers: [{ name: 'a', image: 'a' }] },
  }
  await create(pods, body)
  const headers = bearer(await podToken('dev', 'short-1'))
  const feed = async () =>
    (await toController('/v1/feed?namespace=dev&pod=short-1', { headers })).status
  expect(await feed()).toBe(200)
  await call(server, 'DELETE', `${pods}/short-1?gracePeriodSeconds=0`)
  // Another pod of its name changes nothing for the token of the first.
  await create(pods, body)
  const again = bearer(await podToken('dev', 'short-1'))
  await until('its token refused', async () => (await feed()) === 401)
  const path = '/v1/feed?namespace=dev&pod=short-1'
  expect(await toController(path, { headers: again })).toMatchObject({ status: 200 })
})

test.each([
  ['no token', async () => ({})],
  ['no token of Kubernetes', async () => bearer('made-up')],
  // It opens the API server; to the controller it is nothing.
  ['the pod’s API token', async () => bearer(installation.server.tokenFor('dev', 'default'))],
  ['the admin’s token', async () => bearer(installation.server.adminToken)],
])('with %s the TLS port lets nobody in', async (_, headers) => {
  const path = '/v1/feed?namespace=dev&pod=web-1'
  expect(await toController(path, { headers: await headers() })).toMatchObject({ status: 401 })
  expect(
    await toController('/v1/traces', { method: 'POST', headers: await headers(), body: {} }),
  ).toMatchObject({ status: 401 })
})

test('a sidecar’s token opens nothing at the API server', async () => {
  const token = await installation.podToken('dev', 'web-1')
  const answer = await call(installation.server, 'GET', '/api/v1/namespaces', undefined, { token })
  expect(answer.status).toBe(401)
})

test('with its data behind TLS the plain port has no data', async () => {
  const { port } = installation.controller.address
  const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
  expect(await statusOf('/readyz')).toBe(200)
  expect(await statusOf('/metrics')).toBe(200)
  for (const path of ['/v1/traces', '/v1/spaces', '/v1/feed?scope=all', '/v1/traces/follow']) {
    expect(await statusOf(path)).toBe(404)
  }
})

test('kubectl lists and explains traces, and its can-i is the truth', async () => {
  const { kubectl, tryKubectl } = programs
  await kubectl('create rolebinding jane --clusterrole=azds-traces --user=jane -n alice')
  for (const [namespace, expected] of [
    ['alice', 'yes'],
    ['dev', 'no'],
  ]) {
    const can = await tryKubectl(`auth can-i get traces.azds.io --as=jane -n ${namespace}`)
    expect(can.stdout.trim()).toBe(expected)
    const get = await tryKubectl(`get traces --as=jane -n ${namespace}`)
    expect(get.code).toBe(expected === 'yes' ? 0 : 1)
    if (expected === 'no') expect(get.stderr).toContain('is forbidden: User "jane" cannot list')
  }
  const table = await kubectl('get traces -A')
  expect(table).toMatch(/NAMESPACE +NAME +METHOD +HOST +PATH +STATUS +SPACE +MILLISECONDS +AGE/)
  expect(table).toMatch(new RegExp(`alice +${traceIdOf(7)} +GET +\\S+ +/cart`))
  expect(await kubectl(`get trace ${traceIdOf(7)} -n alice -o name`)).toContain(traceIdOf(7))
  expect(await kubectl('get spaces')).toMatch(/alice +dev\/alice/)
  expect(await kubectl('explain traces')).toMatch(/KIND: +Trace/)
})

test('kubectl get -w shows traces as they come', async () => {
  const headers = bearer(await installation.podToken('dev', 'web-1'))
  let watching = true
  const watch = programs.tryKubectl('get traces -n dev -w --request-timeout=2s').finally(() => {
    watching = false
  })
  for (let id = 100; watching; id += 1) {
    const [record] = sampleTrace(traceIdOf(id))
    const records = [{ ...record, pod: 'web-1', space: 'dev' }]
    const body = { namespace: 'dev', pod: 'web-1', dropped: 0, records }
    await toController('/v1/traces', { method: 'POST', headers, body })
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const ids = [...(await watch).stdout.matchAll(/^0{20,}(\w+) /gm)].map(([, id]) =>
    Number(`0x${id}`),
  )
  // A list has the newest first, so one that follows its predecessor has come while we watched.
  expect(ids.some((id, index) => index > 0 && id === (ids[index - 1] ?? 0) + 1)).toBe(true)
})

test('whoever may read all namespaces reads a trace whole', async () => {
  const { server } = installation
  const { body } = await call(server, 'GET', tracePath(null, traceIdOf(7)))
  expect(body.items[0].records).toHaveLength(5)
  const token = server.tokenForUser('jane')
  const whole = await call(server, 'GET', tracePath(null, traceIdOf(7)), undefined, { token })
  expect(whole.status).toBe(403)
})

test('a pod without a sidecar is listed as missing, and its owner is told', async () => {
  const { server, create } = installation
  const owner = (await create('/apis/apps/v1/namespaces/dev/statefulsets', {
    metadata: { name: 'db', namespace: 'dev' },
    spec: {
      replicas: 1,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' } },
        spec: { containers: [{ name: 'a', image: 'a' }] },
      },
    },
  })) as Pod
  const { uid } = owner.metadata
  const found = await until('the pod among the sidecars', async () => {
    const { body } = await call(server, 'GET', sidecarsPath('dev'))
    return (body as SidecarList).items.find(({ metadata }) => metadata.name === 'db-0')
  })
  expect(found.status).toMatchObject({
    state: 'missing',
    owner: { kind: 'StatefulSet', name: 'db' },
    message: expect.any(String),
  })
  await until('an Event on its owner', async () => {
    const { body } = await call(server, 'GET', '/api/v1/namespaces/dev/events')
    return body.items.some(
      (event: { reason: string; involvedObject: { uid?: string } }) =>
        event.reason === 'InjectionMissed' && event.involvedObject.uid === uid,
    )
  })
  const { port } = installation.controller.address
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  expect(metrics).toMatch(/azds_controller_uninjected_pods\{namespace="dev",reason="\S+"\} \d/)
})

test('azds-api has its certificate from the controller, and cannot read the key that signs', async () => {
  const { server } = installation
  const mayRead = async (name: string) => {
    const { body } = await call(
      server,
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      {
        spec: {
          user: 'system:serviceaccount:azds:azds-api',
          resourceAttributes: { namespace: 'azds', verb: 'get', resource: 'secrets', name },
        },
      },
    )
    return body.status.allowed
  }
  expect(await mayRead('azds-api-tls')).toBe(true)
  expect(await mayRead('azds-controller-ca')).toBe(false)
  expect(await mayRead('azds-webhook-ca')).toBe(false)
  const { body } = await call(server, 'GET', '/api/v1/namespaces/azds/secrets/azds-api-tls')
  expect(body).toMatchObject({
    type: 'kubernetes.io/tls',
    metadata: { ownerReferences: [{ kind: 'ClusterRole', name: 'azds-controller' }] },
  })
  expect(Object.keys(body.data).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key'])
})

test.each([
  ['is deleted', 'DELETE', undefined],
  ['is emptied', 'PATCH', { data: { 'tls.crt': '', 'ca.crt': '' } }],
] as const)(
  'a certificate of azds-api that %s is handed over anew, and it goes on',
  async (_, method, change) => {
    const { server } = installation
    const path = '/api/v1/namespaces/azds/secrets/azds-api-tls'
    const certificate = async () => (await call(server, 'GET', path)).body.data?.['tls.crt'] ?? ''
    const before = await certificate()
    await call(server, method, path, change, { type: 'application/merge-patch+json' })
    await until('a new one', async () => {
      const now = await certificate()
      return now !== '' && now !== before
    })
    expect((await call(server, 'GET', tracesPath('dev'))).status).toBe(200)
  },
)

test('the authority is followed by the next one without a failed request', async () => {
  const { server, controller } = installation
  const servedBy = async () => {
    const { port } = await controller.tls
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }
  const before = await servedBy()
  const headers = bearer(await installation.podToken('dev', 'web-1'))
  const secret = '/api/v1/namespaces/azds/secrets/azds-controller-ca'
  const rotate = { metadata: { annotations: { 'azds.io/rotate': 'now' } } }
  await call(server, 'PATCH', secret, rotate, { type: 'application/merge-patch+json' })
  const failures: unknown[] = []
  const ask = async () => {
    const feed = await toController('/v1/feed?namespace=dev&pod=web-1', { headers })
    const list = await call(server, 'GET', tracesPath('dev'))
    if (feed.status !== 200 || list.status !== 200) failures.push(feed, list.body)
  }
  await until('two authorities published', async () => {
    await ask()
    return (await published('dev')).body.data['ca.crt'].match(/BEGIN/g).length === 2
  })
  await until('another certificate served', async () => {
    await ask()
    return (await servedBy()) !== before
  })
  for (let more = 0; more < 5; more += 1) await ask()
  expect(failures).toEqual([])
})

test('with the controller gone its objects are unavailable, and namespaces can still be deleted', async () => {
  const { server, create, stopController } = installation
  await stopController()
  expect(await call(server, 'GET', tracesPath('dev'))).toMatchObject({
    status: 503,
    body: { reason: 'ServiceUnavailable' },
  })
  expect((await call(server, 'GET', '/apis/azds.io/v1')).body.kind).toBe('APIResourceList')
  await create('/api/v1/namespaces', { metadata: { name: 'doomed' } })
  await call(server, 'DELETE', '/api/v1/namespaces/doomed')
  await until('the namespace is gone', async () => {
    return (await call(server, 'GET', '/api/v1/namespaces/doomed')).status === 404
  })
})
