/** The whole program over real TLS, on loopback, against an API server in memory. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, expect, test } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { certificatesIn } from '../../core/authority/certificate.ts'
import { readConfig } from '../../core/config.ts'
import type { CoreEvent, KubeObject, Secret } from '../../core/kube/types.ts'
import { silentLog } from '../../core/log.ts'
import { startWebhook, type WebhookApp } from '../../webhook/app.ts'
import { settings } from '../../webhook/config.ts'
import { COLLECTION, MemoryApi } from '../core/kube/memory-api.ts'
import { NODES, TREE } from './cluster-fixture.ts'
import { POD, review } from './review-fixture.ts'

const NAME = 'azds-webhook-service.azds.svc'
const SECRET = `${COLLECTION.secrets}/azds-webhook-ca`
const labelled = { ...POD, metadata: { ...POD.metadata, labels: { app: 'cache' } } }

const running = new Set<WebhookApp>()
afterEach(async () => {
  await Promise.all([...running].map((app) => app.close()))
  running.clear()
})

function cluster(): MemoryApi {
  const api = new MemoryApi()
  for (const namespace of TREE) api.put(COLLECTION.namespaces, namespace)
  for (const node of NODES) api.put(COLLECTION.nodes, node)
  api.put(COLLECTION.configurations, configuration())
  return api
}

function configuration(caBundle?: string) {
  return {
    metadata: { name: 'azds-webhook' },
    webhooks: [{ name: 'inject.azds.io', clientConfig: { ...(caBundle && { caBundle }) } }],
  }
}

async function start(api: MemoryApi, more: Record<string, string> = {}): Promise<WebhookApp> {
  const env = {
    AZDS_LISTEN_ADDRESS: '127.0.0.1',
    AZDS_WEBHOOK_PORT: '0',
    AZDS_METRICS_PORT: '0',
    AZDS_DRAIN_SECONDS: '0',
    ...more,
  }
  const result = readConfig(settings, env)
  if (!result.ok) throw new Error(result.mistakes.join())
  const app = await startWebhook({ config: result.config, client: api.client, log: silentLog })
  running.add(app)
  return app
}

interface Reply {
  status: number
  body: string
}

/** A call as an API server makes it: by the service's name, trusting only `ca`. */
function call(app: WebhookApp, ca: string, path: string, body?: unknown): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: app.address.port,
        servername: NAME,
        ca,
        path,
        agent: false,
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function until<T>(what: string, probe: () => Promise<T | null> | T | null): Promise<T> {
  for (let tries = 0; tries < 1500; tries += 1) {
    const found = await probe()
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited 15 s in vain for ${what}`)
}

function liveBundle(api: MemoryApi): string | null {
  const object = api.objects.get(`${COLLECTION.configurations}/azds-webhook`)
  const { webhooks } = object as ReturnType<typeof configuration>
  const bundle = webhooks[0]?.clientConfig.caBundle
  return bundle ? Buffer.from(bundle, 'base64').toString('utf8') : null
}

const isReady = async (app: WebhookApp) =>
  (await call(app, app.authority(), '/readyz')).status === 200 || null

test('it registers its authority, and by that alone an API server can call it', async () => {
  const api = cluster()
  const app = await start(api)
  const ca = await until('the CA bundle', () => liveBundle(api))
  await until('readiness', () => isReady(app))
  const reply = await call(app, ca, '/mutate', review())
  expect(reply.status).toBe(200)
  expect(JSON.parse(reply.body).response).toMatchObject({ allowed: true, patchType: 'JSONPatch' })
})

test('what a Service says of a port is known to the next admission', async () => {
  const api = cluster()
  const app = await start(api)
  await until('readiness', () => isReady(app))
  const patch = async () => {
    const { body } = await call(app, app.authority(), '/mutate', review({ object: labelled }))
    return Buffer.from(JSON.parse(body).response.patch, 'base64').toString()
  }
  expect(await patch()).not.toContain('7000')
  api.put(COLLECTION.services, {
    metadata: { name: 'cache', namespace: 'alice' },
    spec: { selector: { app: 'cache' }, ports: [{ port: 7000, appProtocol: 'tcp' }] },
  } as KubeObject)
  expect(await patch()).toContain(',7000,')
})

test('an admission makes no call to the API server', async () => {
  const api = cluster()
  const app = await start(api)
  await until('readiness', () => isReady(app))
  const before = api.calls.length
  await call(app, app.authority(), '/mutate', review())
  expect(api.calls.slice(before)).toEqual([])
})

test('it asks the API server for nothing that its roles in the manifests do not allow', async () => {
  const api = cluster()
  const app = await start(api)
  await until('readiness', () => isReady(app))
  const path = join(import.meta.dirname, '../../deploy/manifests/10-webhook.yaml')
  const rules = parseAllDocuments(readFileSync(path, 'utf8')).flatMap<{
    apiGroups: string[]
    resources: string[]
    resourceNames?: string[]
    verbs: string[]
  }>((document) => document.toJS().rules ?? [])
  api.put(COLLECTION.secrets, rotating(api))
  api.put(COLLECTION.configurations, configuration())
  await until('an announcement', () => (certificatesIn(app.authority()).length === 2 ? true : null))
  await call(app, app.authority(), '/mutate', review({ object: OWNED }))
  await until('an Event', () => (api.calls.some((one) => one.includes('/events')) ? true : null))
  const denied = api.calls.filter((call) => {
    const { group, resource, name, verbs } = rightsFor(call)
    return !verbs.every((verb) =>
      rules.some(
        (rule) =>
          rule.apiGroups.includes(group) &&
          rule.resources.includes(resource) &&
          rule.verbs.includes(verb) &&
          (rule.resourceNames?.includes(name) ?? true),
      ),
    )
  })
  expect(denied).toEqual([])
  expect(api.calls.some((call) => call.startsWith('GET /api/v1/services?'))).toBe(true)
})

/** What a call `GET /apis/GROUP/VERSION/[namespaces/NAME/]RESOURCE[/NAME]?QUERY` needs. */
function rightsFor(call: string) {
  const [, method = '', path = '', query = ''] = /^(\w+) ([^?]+)(.*)$/.exec(call) ?? []
  const [, group = '', rest = ''] = /^\/(?:api|apis\/([^/]+))\/v1\/(.*)$/.exec(path) ?? []
  const [resource = '', named = ''] = rest.replace(/^namespaces\/[^/]+\//, '').split('/')
  const selected = /fieldSelector=metadata\.name%3D([^&]+)/.exec(query)?.[1] ?? ''
  const verbs: Record<string, string[]> = {
    // What is listed is watched from there on.
    GET: query.includes('limit=') ? ['list', 'watch'] : ['get'],
    POST: ['create'],
    PATCH: ['patch'],
    // What does not exist yet is made.
    APPLY: ['patch', 'create'],
    PUT: ['update'],
  }
  return { group, resource, name: named || selected, verbs: verbs[method] ?? [method] }
}

/** A pod of a Deployment, as its ReplicaSet makes it. */
const OWNED = {
  ...POD,
  metadata: {
    ...POD.metadata,
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7d', uid: 'r1', controller: true },
    ],
  },
}

/** The Secret as it is when somebody asks for a new authority. */
function rotating(api: MemoryApi): KubeObject {
  const secret = api.objects.get(SECRET) as Secret
  const annotations = { ...secret.metadata.annotations, 'azds.io/rotate': 'now' }
  return { ...secret, metadata: { ...secret.metadata, annotations } }
}

test('it is not ready without its configuration, and becomes ready when that is made', async () => {
  const api = cluster()
  api.objects.delete(`${COLLECTION.configurations}/azds-webhook`)
  const app = await start(api)
  const reply = await until('the caches', async () => {
    const { status, body } = await call(app, app.authority(), '/readyz')
    return body.includes('namespaces') ? null : { status, body }
  })
  expect(reply).toEqual({
    status: 503,
    body: JSON.stringify({ ready: false, waitingFor: ['webhook configuration'] }),
  })
  api.put(COLLECTION.configurations, configuration())
  await until('readiness', () => isReady(app))
})

test('a bundle that an upgrade has taken out is put back', async () => {
  const api = cluster()
  await start(api)
  await until('the CA bundle', () => liveBundle(api))
  api.put(COLLECTION.configurations, configuration())
  await until('the CA bundle again', () => liveBundle(api))
})

test('replicas that start together share one authority', async () => {
  const api = cluster()
  const [first, second] = await Promise.all([start(api), start(api)])
  expect(second.authority()).toBe(first.authority())
  await until('readiness', () => isReady(second))
  expect((await call(first, second.authority(), '/healthz')).status).toBe(200)
  expect(liveBundle(api)?.match(/BEGIN CERTIFICATE/g)).toHaveLength(1)
})

test('a pod of a Deployment is told there, a dry run is told nowhere', async () => {
  const api = cluster()
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd1' }
  api.put('/apis/apps/v1/namespaces/alice/replicasets', {
    metadata: {
      name: 'web-7d',
      uid: 'r1',
      ownerReferences: [{ ...deployment, controller: true }],
    },
  })
  const app = await start(api)
  await until('readiness', () => isReady(app))
  const admitted = async (request: Record<string, unknown>) =>
    expect((await call(app, app.authority(), '/mutate', review(request))).status).toBe(200)
  await admitted({
    object: { ...OWNED, spec: { hostNetwork: true, containers: [] } },
    dryRun: true,
  })
  await admitted({ object: OWNED })
  const events = await until('the Event', () => {
    const found = [...api.objects].filter(([path]) => path.includes('/alice/events/'))
    return found.length > 0
      ? found.map(([path, event]) => ({ path, event: event as CoreEvent }))
      : null
  })
  expect(events).toHaveLength(1)
  expect(events[0]?.path).toMatch(/^\/api\/v1\/namespaces\/alice\/events\/web\./)
  expect(events[0]?.event).toMatchObject({
    involvedObject: { ...deployment, namespace: 'alice' },
    reason: 'Injected',
    type: 'Normal',
    message: expect.stringContaining('devspaces-proxy (native)'),
  })
})

test('a new authority is asked for, announced, and then signs: no call fails meanwhile', async () => {
  const api = cluster()
  const app = await start(api, { AZDS_CA_SETTLE_SECONDS: '1' })
  await until('readiness', () => isReady(app))
  const before = app.authority()
  api.put(COLLECTION.secrets, rotating(api))
  let calls = 0
  await until('a leaf of the new authority', async () => {
    // As an API server: by what the configuration holds at this moment.
    expect((await call(app, liveBundle(api) ?? '', '/mutate', review())).status).toBe(200)
    calls += 1
    const served = await leafOf(app)
    return served.checkIssued(new X509Certificate(before)) ? null : served
  })
  expect(calls).toBeGreaterThan(1)
  expect(certificatesIn(app.authority())).toHaveLength(2)
  expect(certificatesIn(app.authority())[1]).toBe(before.trim())
}, 30_000)

/** The certificate that the server shows now. */
function leafOf(app: WebhookApp): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const { port } = app.address
    const socket = connect({ port, host: '127.0.0.1', servername: NAME, rejectUnauthorized: false })
    socket.on('error', reject)
    socket.on('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate()
      socket.destroy()
      if (certificate) resolve(certificate)
      else reject(new Error('no certificate was shown'))
    })
  })
}

test('metrics tell when certificates end, and that a bundle was put back', async () => {
  const api = cluster()
  const app = await start(api)
  await until('readiness', () => isReady(app))
  api.put(COLLECTION.configurations, configuration())
  const text = await until('the repair', async () => {
    const body = await (await fetch(`http://127.0.0.1:${app.metricsPort}/metrics`)).text()
    return body.includes('azds_ca_bundle_repairs_total 1') ? body : null
  })
  const seconds = (kind: string) =>
    Number(new RegExp(`expiry_timestamp_seconds\\{kind="${kind}"\\} (\\S+)`).exec(text)?.[1])
  const days = (kind: string) => (seconds(kind) - Date.now() / 1000) / 86_400
  expect(days('leaf')).toBeCloseTo(7, 1)
  expect(days('authority')).toBeCloseTo(365, 1)
  expect(text).toMatch(/^azds_webhook_callable 1$/m)
  const health = await call(app, app.authority(), '/healthz')
  const { certificateEnds } = JSON.parse(health.body)
  expect(Math.floor(Date.parse(certificateEnds) / 1000)).toBe(Math.floor(seconds('leaf')))
  expect([...api.objects.keys()].join()).toMatch(/namespaces\/default\/events\/azds-webhook\./)
})

test('who may ask for admissions gets no metrics there, and no admission where the metrics are', async () => {
  const app = await start(cluster())
  expect((await call(app, app.authority(), '/metrics')).status).toBe(404)
  const metrics = `http://127.0.0.1:${app.metricsPort}`
  expect((await fetch(`${metrics}/mutate`, { method: 'POST', body: '{}' })).status).toBe(404)
  expect((await fetch(`${metrics}/metrics?x=1`)).headers.get('content-type')).toContain(
    'text/plain',
  )
  await app.close()
  running.delete(app)
  await expect(fetch(`${metrics}/metrics`)).rejects.toThrow()
})

test('its names follow its namespace, and pods of that namespace are left alone', async () => {
  const api = cluster()
  const secrets = '/api/v1/namespaces/tools/secrets'
  const app = await start(api, { AZDS_NAMESPACE: 'tools' })
  expect(api.objects.has(`${secrets}/azds-webhook-ca`)).toBe(true)
  const served = await leafOf(app)
  expect(served.checkHost('azds-webhook-service.tools.svc')).toBeDefined()
  expect(served.checkHost(NAME)).toBeUndefined()
})

test('a replica that is told to end says so, serves on for its drain time, and then is gone', async () => {
  const app = await start(cluster(), { AZDS_DRAIN_SECONDS: '3' })
  await until('readiness', () => isReady(app))
  const closed = app.close()
  running.delete(app)
  expect(await call(app, app.authority(), '/readyz')).toEqual({
    status: 503,
    body: JSON.stringify({ ready: false, waitingFor: ['drain'] }),
  })
  expect((await call(app, app.authority(), '/mutate', review())).status).toBe(200)
  await closed
  await expect(call(app, app.authority(), '/healthz')).rejects.toThrow('ECONNREFUSED')
})
