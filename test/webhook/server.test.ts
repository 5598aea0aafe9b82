/** The server's answers, over TLS on loopback. */
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { KeyPair } from '../../core/authority/certificate.ts'
import type { Note } from '../../core/kube/events.ts'
import { Readiness } from '../../core/lifecycle.ts'
import { type Log, silentLog } from '../../core/log.ts'
import { createPodLog } from '../../core/pod-log.ts'
import { createAdmit } from '../../webhook/admit.ts'
import { createFactSource, type FactSource } from '../../webhook/facts.ts'
import type { PatchOperation } from '../../webhook/inject/patch.ts'
import { createMetrics, type Metrics } from '../../webhook/metrics.ts'
import { createServer } from '../../webhook/server.ts'
import { authorityFor } from '../core/kube/tls-fixture.ts'
import { cacheOf, copiesOf, fixed, space, TREE } from './cluster-fixture.ts'
import { POD, review } from './review-fixture.ts'

let certificate: KeyPair
let agent: Agent
let server: Server
const servers: Server[] = []
const readiness = new Readiness()

beforeAll(async () => {
  const authority = await authorityFor('localhost')
  certificate = authority.leaf
  agent = new Agent({ ca: authority.cert, keepAlive: true })
  server = await serverWith({})
})
afterAll(() => {
  agent.destroy()
  for (const one of servers) {
    one.close()
    one.closeAllConnections()
  }
})

async function serverWith({
  facts = createFactSource(copiesOf({}), fixed),
  log = silentLog,
  ready = readiness,
  note = () => {},
  metrics = createMetrics({ droppedEvents: () => 3 }),
}: {
  metrics?: Metrics
  facts?: FactSource
  note?: (note: Note) => void
  log?: Log
  ready?: Readiness
}): Promise<Server> {
  const now = () => performance.now()
  const admit = createAdmit({ facts, metrics, log, note, now })
  const certificateEnds = () => new Date('2026-12-01')
  const one = createServer({
    ...{ certificate, admit, metrics, readiness: ready, certificateEnds, now },
  })
  servers.push(one)
  one.listen(0, '127.0.0.1')
  await once(one, 'listening')
  return one
}

interface Reply {
  statusCode: number
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of it
  json(): any
}

interface Asked {
  method?: string
  type?: string
  body?: string
  /** Sent in chunks, without a length. */
  chunked?: boolean
}

async function ask(
  to: Server,
  path: string,
  { method = 'GET', type, body, chunked }: Asked = {},
): Promise<Reply> {
  const { port } = to.address() as AddressInfo
  const headers = {
    ...(type !== undefined && { 'content-type': type }),
    ...(body !== undefined && !chunked && { 'content-length': Buffer.byteLength(body) }),
  }
  const asked = request({ host: 'localhost', family: 4, port, method, path, agent, headers })
  if (body !== undefined) asked.write(body)
  asked.end()
  const [answer] = await once(asked, 'response')
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  const { statusCode, headers: told } = answer
  return { statusCode, headers: told, text, json: () => JSON.parse(text) }
}

const post = (payload: unknown, type = 'application/json', to = server) =>
  ask(to, '/mutate?timeout=5s', {
    ...{ method: 'POST', type },
    body: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })

test('a pod in a space is allowed with a base64 JSON patch, and uid and version come back', async () => {
  const reply = await post(review())
  expect(reply.statusCode).toBe(200)
  const answer = reply.json()
  expect(answer).toMatchObject({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    response: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      allowed: true,
      patchType: 'JSONPatch',
    },
  })
  const patch: PatchOperation[] = JSON.parse(
    Buffer.from(answer.response.patch, 'base64').toString('utf8'),
  )
  expect(patch.map(({ op, path }) => `${op} ${path}`)).toEqual([
    'add /spec/initContainers',
    'add /spec/volumes',
    'add /metadata/annotations',
    'add /metadata/labels',
  ])
})

test('a pod that is skipped is allowed without a patch', async () => {
  const object = { ...POD, spec: { ...POD.spec, hostNetwork: true } }
  const { response } = (await post(review({ object }))).json()
  expect(response).toEqual({ uid: expect.any(String), allowed: true })
})

test('a malformed annotation is denied with 422 and names the field', async () => {
  const annotations = { 'azds.io/sidecar-layout': 'ambient' }
  const object = { ...POD, metadata: { ...POD.metadata, annotations } }
  const { response } = (await post(review({ object }))).json()
  const field = 'metadata.annotations["azds.io/sidecar-layout"]'
  const message = '"ambient" is not one of native, classic'
  expect(response).toEqual({
    uid: expect.any(String),
    allowed: false,
    status: {
      code: 422,
      reason: 'Invalid',
      message: `${field}: ${message}`,
      details: { causes: [{ reason: 'FieldValueInvalid', field, message }] },
    },
  })
})

test('warnings are sent, and say who warns', async () => {
  const annotations = { 'azds.io/proxy-resource': '{}' }
  const object = {
    ...POD,
    metadata: { annotations },
    spec: { ...POD.spec, dnsPolicy: 'None' },
  }
  const { response } = (await post(review({ object }))).json()
  expect(response.warnings).toEqual([
    'azds: metadata.annotations["azds.io/proxy-resource"] is not known and has no effect',
    expect.stringContaining('dnsPolicy is None'),
  ])
})

test.each([
  ['{"kind":', 'the body is not JSON'],
  ['', 'the body is not JSON'],
  ['[]', 'the body is not a JSON object'],
  ['null', 'the body is not a JSON object'],
  [{ ...review(), kind: 'Pod' }, 'kind is "Pod": expected "AdmissionReview"'],
  [
    { ...review(), apiVersion: 'admission.k8s.io/v1beta1' },
    'apiVersion is "admission.k8s.io/v1beta1"',
  ],
  [{ ...review(), apiVersion: undefined }, 'apiVersion is missing'],
  [{ ...review(), request: [] }, 'request is []: expected an object'],
  [review({ uid: '' }), 'request.uid is ""'],
  [review({ uid: 7 }), 'request.uid is 7'],
  [review({ resource: undefined }), 'request.resource is missing'],
  [review({ resource: {} }), 'request.resource is {}'],
  [review({ operation: undefined }), 'request.operation is missing'],
  [review({ namespace: undefined }), 'request.namespace is missing'],
  [review({ object: null }), 'request.object is null: expected the pod'],
])('the body %j is answered with 400 and the cause', async (body, cause) => {
  const reply = await post(body)
  expect(reply.statusCode).toBe(400)
  expect(reply.json()).toEqual({ error: expect.stringContaining(cause) })
})

test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/yaml'])(
  'the content type %s is answered with 415',
  async (type) => {
    expect((await post(review(), type)).statusCode).toBe(415)
  },
)

test('a body beyond 6 MiB is answered with 413, one of 5 MiB is read', async () => {
  const padded = (mebibytes: number) => {
    const annotations = { note: 'x'.repeat(mebibytes * 1024 * 1024) }
    return review({ object: { ...POD, metadata: { annotations } } })
  }
  expect((await post(padded(5))).statusCode).toBe(200)
  expect((await post(padded(6))).statusCode).toBe(413)
})

test('a body that does not say its length is bounded and read alike', async () => {
  const body = JSON.stringify(review())
  const chunked = { method: 'POST', type: 'application/json; charset=utf-8', chunked: true }
  expect((await ask(server, '/mutate', { ...chunked, body })).statusCode).toBe(200)
  const long = ' '.repeat(7 * 1024 * 1024)
  expect((await ask(server, '/mutate', { ...chunked, body: long })).statusCode).toBe(413)
})

test('bodies that never end take memory from their own address alone', async () => {
  const { port } = server.address() as AddressInfo
  const head = 'POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
  const answers: Promise<string>[] = []
  const sockets = Array.from({ length: 7 }, () => {
    const to = { host: '127.0.0.1', port, localAddress: '127.0.0.2' }
    const socket = connectTls({ ...to, servername: 'localhost', ca: `${agent.options.ca}` })
    answers.push(once(socket, 'data').then(String, String))
    socket.write(`${head}content-length: 6000000\r\n\r\n${' '.repeat(5_000_000)}`)
    return socket
  })
  // Six of these have room.
  expect(await Promise.race(answers)).toMatch(/^HTTP\/1.1 503 [\s\S]*at once: try again/)
  expect((await post(review())).statusCode).toBe(200)
  for (const socket of sockets) socket.destroy()
})

test('a client that goes in the middle of its body costs nobody else anything', async () => {
  const { port } = server.address() as AddressInfo
  const headers = { 'content-type': 'application/json', 'content-length': 1000 }
  const to = { host: 'localhost', family: 4, port, method: 'POST', path: '/mutate', headers }
  const asked = request({ ...to, agent: new Agent({ ca: agent.options.ca }) })
  asked.on('error', () => {})
  const came = once(server, 'request')
  asked.write('{"kind":')
  await came
  asked.destroy()
  expect((await post(review())).statusCode).toBe(200)
})

test.each([
  ['GET', '/'],
  ['GET', '/mutate'],
  ['POST', '/healthz'],
  ['PUT', '/mutate'],
  ['GET', '/mutate/'],
  ['GET', '/metrics'],
])('%s %s is answered with 404', async (method, path) => {
  const reply = await ask(server, path, { method })
  expect(reply.statusCode).toBe(404)
  expect(reply.json()).toEqual({ error: `there is no ${method} ${path}` })
})

test('a namespace that the copy does not have is denied with 503 and the advice to try again', async () => {
  const { response } = (await post(review({ namespace: 'nowhere' }))).json()
  expect(response).toMatchObject({
    allowed: false,
    status: { code: 503, message: expect.stringMatching(/namespace "nowhere".*try again/) },
  })
})

test('a namespace that comes while the admission waits is taken into account', async () => {
  const namespaces = cacheOf(TREE)
  const facts = createFactSource({ ...copiesOf({}), namespaces: namespaces.cached }, fixed)
  const late = await serverWith({ facts })
  const reply = post(review({ namespace: 'bob' }), 'application/json', late)
  setTimeout(() => namespaces.set(space('bob', 'dev')), 20)
  const { response } = (await reply).json()
  expect(Buffer.from(response.patch, 'base64').toString()).toContain('"value":"bob,dev"')
})

test.each([
  ['nodes', 'layouts'],
  ['services', 'ports'],
] as const)(
  'no pod is decided on while the %s are not known, because %s depend on them',
  async (name, _) => {
    const copies = copiesOf({})
    const unknown = { ...copies[name], synced: new Promise<void>(() => {}) }
    const facts = createFactSource({ ...copies, [name]: unknown }, fixed)
    const early = await serverWith({ facts })
    const { response } = (await post(review(), undefined, early)).json()
    expect(response).toMatchObject({ allowed: false, status: { code: 503 } })
  },
)

test('a fault of the webhook itself denies the pod with a sentence, not with a stack', async () => {
  const lines: string[] = []
  const facts: FactSource = { of: () => Promise.reject(new Error('the copy is broken')) }
  const log = createPodLog('webhook', 'info', { write: (line) => void lines.push(line) })
  const broken = await serverWith({ facts, log })
  const reply = await post(review(), 'application/json', broken)
  expect(reply.statusCode).toBe(200)
  expect(reply.json().response).toMatchObject({
    allowed: false,
    status: {
      code: 500,
      message: expect.stringMatching(
        /^the webhook failed on pod alice\/web-\*: the copy is broken;/,
      ),
    },
  })
  expect(lines.join('')).toContain('server.test.ts')
})

test('each admission is one log line with the reason, and never the pod itself', async () => {
  const lines: string[] = []
  const log = createPodLog('webhook', 'info', { write: (line) => void lines.push(line) })
  const logged = await serverWith({ log })
  const labels = { 'azds.io/no-proxy': 'true', private: 'do-not-log' }
  await post(
    review({ object: { ...POD, metadata: { name: 'web', labels } }, dryRun: true }),
    undefined,
    logged,
  )
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'admission', outcome: 'skipped', reason: 'opted-out', pod: 'web', dryRun: true },
  ])
  expect(lines[0]).not.toContain('do-not-log')
})

test('metrics count by outcome and reason', async () => {
  const metrics = createMetrics({ droppedEvents: () => 3 })
  const own = await serverWith({ metrics })
  await post(review(), undefined, own)
  await post(
    review({ object: { ...POD, spec: { ...POD.spec, hostNetwork: true } } }),
    undefined,
    own,
  )
  await post('{', undefined, own)
  await post('{}', undefined, own)
  const { text, type } = await metrics.render()
  expect(type).toContain('text/plain')
  expect(text.split('\n').filter((line) => line.startsWith('azds_webhook_admissions'))).toEqual([
    'azds_webhook_admissions_total{outcome="injected",reason="none"} 1',
    'azds_webhook_admissions_total{outcome="skipped",reason="host-network"} 1',
    'azds_webhook_admissions_total{outcome="malformed",reason="http-400"} 1',
    'azds_webhook_admissions_total{outcome="malformed",reason="none"} 1',
  ])
  expect(text).toContain('azds_webhook_admission_seconds_count 4')
})

test('it is live always, ready once every task is done, and asks to be left while it drains', async () => {
  const ready = new Readiness()
  const done = ready.task('namespaces and nodes')
  const own = await serverWith({ ready })
  const health = await ask(own, '/healthz')
  expect(health.json()).toEqual({ live: true, certificateEnds: '2026-12-01T00:00:00.000Z' })
  const waiting = await ask(own, '/readyz')
  expect(waiting.statusCode).toBe(503)
  expect(waiting.json()).toEqual({ ready: false, waitingFor: ['namespaces and nodes'] })
  done()
  expect((await ask(own, '/readyz')).statusCode).toBe(200)
  expect((await post(review(), undefined, own)).headers['connection']).not.toBe('close')
  ready.drain()
  expect((await ask(own, '/readyz')).statusCode).toBe(503)
  const draining = await post(review(), undefined, own)
  expect(draining.statusCode).toBe(200)
  expect(draining.headers['connection']).toBe('close')
})

test('an Event that cannot be told costs no pod its admission, and is logged', async () => {
  const lines: string[] = []
  const log = createPodLog('webhook', 'error', { write: (line) => void lines.push(line) })
  const to = await serverWith({
    log,
    note: () => {
      throw new Error('the queue is broken')
    },
  })
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'web',
    uid: 'u',
    controller: true,
  }
  const object = { ...POD, metadata: { ...POD.metadata, ownerReferences: [owner] } }
  const reply = await post(review({ object }), 'application/json', to)
  expect(reply.statusCode).toBe(200)
  expect(reply.json().response).toMatchObject({ allowed: true, patchType: 'JSONPatch' })
  expect(lines.join()).toContain('the queue is broken')
})
