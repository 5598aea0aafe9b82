import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { makeServingCertificate } from '../../../playground/apiserver/certificates.ts'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'

// Far more than it takes, for a machine that does much else.
jest.setTimeout(30_000)

// biome-ignore lint/suspicious/noExplicitAny: reviews are looked into
type Review = any
/** Answers a review's `request` with the parts of a `response`; null never answers. */
type Behaviour = (request: Review, path: string) => object | null

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1'

let server: ApiServer
let stub: { port: number; caBundle: string; close(): Promise<void> }
let behaviour: Behaviour
let reviews: { path: string; request: Review }[]
let namespace: string
let counter = 0

async function startStub(): Promise<typeof stub> {
  const { caPem, certPem, keyPem } = await makeServingCertificate(
    [{ type: 'ip', value: '127.0.0.1' }],
    new Date(),
  )
  const https = createServer({ cert: certPem, key: keyPem }, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const review = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    const path = request.url?.split('?')[0] ?? ''
    reviews.push({ path, request: review.request })
    const answer = behaviour(review.request, path)
    if (answer === null) return
    const body = { ...review, request: undefined, response: { uid: review.request.uid, ...answer } }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  return {
    port: (https.address() as AddressInfo).port,
    caBundle: Buffer.from(caPem).toString('base64'),
    close: () =>
      new Promise((resolve) => {
        https.close(() => resolve())
        https.closeAllConnections()
      }),
  }
}

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
  stub = await startStub()
})

afterAll(async () => {
  await stub.close()
  await server.close()
})

beforeEach(async () => {
  reviews = []
  behaviour = () => ({ allowed: true })
  namespace = `space-${counter++}`
  for (const kind of ['mutating', 'validating']) {
    await call(server, 'DELETE', `${CONFIGURATIONS}/${kind}webhookconfigurations`)
  }
  const labels = { 'azds.io/space': 'true' }
  await call(server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace, labels } })
})

function webhook(extra: object = {}, path = '/mutate') {
  return {
    name: `${path.slice(1)}.test.io`,
    clientConfig: { url: `https://127.0.0.1:${stub.port}${path}`, caBundle: stub.caBundle },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    timeoutSeconds: 1,
    ...extra,
  }
}

async function configure(webhooks: object[], kind = 'mutating'): Promise<void> {
  const { status, body } = await call(
    server,
    'POST',
    `${CONFIGURATIONS}/${kind}webhookconfigurations`,
    {
      metadata: { name: `test-${kind}` },
      webhooks,
    },
  )
  expect([status, body.message]).toEqual([201, undefined])
}

const createPod = (metadata: object = { name: 'p' }, spec: object = {}, query = '') =>
  call(server, 'POST', `/api/v1/namespaces/${namespace}/pods${query}`, {
    metadata,
    spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
  })

const patchOf = (operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
})

test('a webhook sees the pod before it has an identity, and who made it', async () => {
  await configure([webhook()])
  const { status } = await createPod({ generateName: 'p-', labels: { a: 'b' } })
  expect(status).toBe(201)
  const request = reviews[0]?.request
  expect(request).toMatchObject({
    operation: 'CREATE',
    namespace,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    dryRun: false,
    oldObject: null,
    userInfo: { username: 'kubernetes-admin' },
    object: { metadata: { generateName: 'p-', namespace, labels: { a: 'b' } } },
  })
  expect(request.name).toBeUndefined()
  expect(request.object.metadata).not.toHaveProperty('uid')
  expect(request.object.metadata).not.toHaveProperty('name')
  expect(request.object.spec.serviceAccountName).toBe('default')
})

test('a patch is applied, then defaulted, and containers that it adds get the token too', async () => {
  behaviour = () =>
    patchOf([
      { op: 'add', path: '/metadata/labels', value: { injected: 'yes' } },
      { op: 'add', path: '/spec/containers/-', value: { name: 'side', image: 'side:1' } },
    ])
  await configure([webhook()])
  const { body } = await createPod()
  expect(body.metadata.labels).toEqual({ injected: 'yes' })
  expect(body.spec.containers[1]).toMatchObject({
    name: 'side',
    imagePullPolicy: 'IfNotPresent',
    volumeMounts: [{ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
  })
})

test('a patch that makes the pod invalid is refused as the pod would be', async () => {
  behaviour = () =>
    patchOf([{ op: 'add', path: '/spec/containers/-', value: { name: 'c', image: '' } }])
  await configure([webhook()])
  const { status, body } = await createPod()
  expect([status, body.reason]).toEqual([422, 'Invalid'])
})

test('a refusal carries the webhook’s name, code and message, and its warnings are passed on', async () => {
  behaviour = () => ({
    allowed: false,
    status: { code: 403, message: 'not today' },
    warnings: ['mind the "gap"'],
  })
  await configure([webhook()])
  const { status, body, headers } = await createPod()
  expect(status).toBe(403)
  expect(body.message).toBe('admission webhook "mutate.test.io" denied the request: not today')
  expect(headers['warning']).toBe('299 - "mind the \\"gap\\""')
})

test.each([
  ['Fail', 500],
  ['Ignore', 201],
])(
  'a webhook that does not answer in time with policy %s gives %p',
  async (failurePolicy, code) => {
    behaviour = () => null
    await configure([webhook({ failurePolicy })])
    const { status, body } = await createPod()
    expect(status).toBe(code)
    if (code === 500) {
      expect(body.message).toContain('failed calling webhook "mutate.test.io"')
      expect(body.message).toContain('context deadline exceeded')
    }
  },
)

test.each([
  ['nothing listens', { url: 'https://127.0.0.1:1/mutate' }, 'ECONNREFUSED'],
  [
    'the service is missing',
    { service: { name: 'w', namespace: 'default' } },
    'service "w" not found',
  ],
])('where %s the request fails with the cause', async (_, clientConfig, message) => {
  await configure([webhook({ clientConfig })])
  const { status, body } = await createPod()
  expect(status).toBe(500)
  expect(body.message).toContain(message)
})

test('a certificate that the bundle does not vouch for is refused', async () => {
  const other = await makeServingCertificate([{ type: 'ip', value: '127.0.0.1' }], new Date())
  const caBundle = Buffer.from(other.caPem).toString('base64')
  const url = `https://127.0.0.1:${stub.port}/mutate`
  await configure([webhook({ clientConfig: { url, caBundle } })])
  const { status, body } = await createPod()
  expect([status, reviews.length]).toEqual([500, 0])
  expect(body.message).toContain('certificate')
})

test.each([
  ['another uid', () => ({ uid: 'x', allowed: true }), 'response.uid'],
  [
    'a patch of no known type',
    () => ({ allowed: true, patch: 'W10=', patchType: 'X' }),
    'patchType',
  ],
  [
    'a patch that does not fit',
    () => patchOf([{ op: 'remove', path: '/no/where' }]),
    'cannot be applied',
  ],
])('an answer with %s fails the request', async (_, answer, message) => {
  behaviour = answer
  await configure([webhook()])
  const { status, body } = await createPod()
  expect([status, body.message]).toEqual([500, expect.stringContaining(message)])
})

test.each<[string, object, object, object, number]>([
  [
    'namespace selector',
    { namespaceSelector: { matchLabels: { 'azds.io/space': 'true' } } },
    {},
    {},
    1,
  ],
  ['other namespace', { namespaceSelector: { matchLabels: { 'azds.io/space': 'no' } } }, {}, {}, 0],
  [
    'object selector',
    { objectSelector: { matchLabels: { a: 'b' } } },
    { labels: { a: 'b' } },
    {},
    1,
  ],
  ['other object', { objectSelector: { matchLabels: { a: 'b' } } }, {}, {}, 0],
  ['true condition', condition("object.metadata.?labels['x'].orValue('') != 'true'"), {}, {}, 1],
  [
    'optional field that is absent',
    condition('!object.spec.?hostNetwork.orValue(false)'),
    {},
    {},
    1,
  ],
  [
    'optional field that is there',
    condition('!object.spec.?hostNetwork.orValue(false)'),
    {},
    { hostNetwork: true },
    0,
  ],
  [
    'opted-out pod',
    condition("!('azds.io/no-proxy' in object.metadata.?labels.orValue({}))"),
    { labels: { 'azds.io/no-proxy': 'true' } },
    {},
    0,
  ],
  [
    'request and numbers',
    condition("request.operation == 'CREATE' && object.spec.terminationGracePeriodSeconds > 5"),
    {},
    {},
    1,
  ],
])('%s decides whether a webhook is called', async (_, extra, metadata, spec, calls) => {
  await configure([webhook(extra)])
  const { status } = await createPod({ name: 'p', ...metadata }, spec)
  expect([status, reviews.length]).toEqual([201, calls])
})

function condition(expression: string) {
  return { matchConditions: [{ name: 'test', expression }] }
}

test.each([
  ['Fail', 500],
  ['Ignore', 201],
])('a condition that cannot be evaluated with policy %s gives %p', async (failurePolicy, code) => {
  await configure([webhook({ failurePolicy, ...condition('object.spec.nothing.here') })])
  const { status } = await createPod()
  expect([status, reviews.length]).toEqual([code, 0])
})

test('rules name operations and resources', async () => {
  const rules = [
    { operations: ['DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] },
    { operations: ['*'], apiGroups: ['apps'], apiVersions: ['*'], resources: ['*'] },
  ]
  await configure([webhook({ rules }, '/validate')], 'validating')
  await createPod()
  expect(reviews).toEqual([])
  await call(server, 'DELETE', `/api/v1/namespaces/${namespace}/pods/p`)
  expect(reviews.map(({ request }) => request.operation)).toEqual(['DELETE'])
  expect(reviews[0]?.request.oldObject.metadata.name).toBe('p')
})

test('a validating webhook sees what the mutating ones made', async () => {
  behaviour = (_, path) =>
    path === '/mutate'
      ? patchOf([{ op: 'add', path: '/metadata/labels', value: { by: 'mutate' } }])
      : { allowed: true }
  await configure([webhook()])
  await configure([webhook({}, '/validate')], 'validating')
  await createPod()
  const seen = reviews.find(({ path }) => path === '/validate')
  expect(seen?.request.object.metadata.labels).toEqual({ by: 'mutate' })
})

test('a webhook that asks for it is called again after a later one changed the pod', async () => {
  behaviour = ({ object }, path) => {
    const count = object.metadata.annotations?.[path.slice(1)]
    if (path === '/second' && count) return { allowed: true }
    const value = { ...object.metadata.annotations, [path.slice(1)]: `${Number(count ?? 0) + 1}` }
    return patchOf([{ op: 'add', path: '/metadata/annotations', value }])
  }
  const twice = { reinvocationPolicy: 'IfNeeded' }
  await configure([webhook(twice, '/first'), webhook({}, '/second')])
  const { body } = await createPod()
  expect(reviews.map(({ path }) => path)).toEqual(['/first', '/second', '/first'])
  expect(body.metadata.annotations).toEqual({ first: '2', second: '1' })
})

test('a dry run is announced, and refused where a webhook has side effects', async () => {
  await configure([webhook()])
  expect((await createPod({ name: 'p' }, {}, '?dryRun=All')).status).toBe(201)
  expect(reviews[0]?.request.dryRun).toBe(true)
  await call(server, 'DELETE', `${CONFIGURATIONS}/mutatingwebhookconfigurations/test-mutating`)
  await configure([webhook({ sideEffects: 'Some' })])
  const refused = await createPod({ name: 'q' }, {}, '?dryRun=All')
  expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining('dry run')])
})
