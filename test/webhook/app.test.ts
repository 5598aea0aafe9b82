/** The whole program over real TLS, on loopback, against an API server in memory. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createHttpsServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, expect, test } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { readConfig } from '../../core/config.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import { silentLog } from '../../core/log.ts'
import { startWebhook, type WebhookApp } from '../../webhook/app.ts'
import {
  createAuthority,
  createLeaf,
  faultOfAuthority,
  LEAF_LIFE_MS,
  SERVER_NAMES,
} from '../../webhook/certificate.ts'
import { settings } from '../../webhook/config.ts'
import { keepLeafFresh } from '../../webhook/leaf-renewal.ts'
import { createMetrics } from '../../webhook/metrics.ts'
import { bundleWith, registrationPatch } from '../../webhook/registration.ts'
import { COLLECTION, MemoryApi } from '../core/kube/memory-api.ts'
import { NODES, TREE } from './cluster-fixture.ts'
import { POD, review } from './review-fixture.ts'

const NAME = 'azds-webhook-service.azds.svc'
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

async function start(api: MemoryApi, drainSeconds = '0'): Promise<WebhookApp> {
  const env = {
    AZDS_LISTEN_ADDRESS: '127.0.0.1',
    AZDS_WEBHOOK_PORT: '0',
    AZDS_DRAIN_SECONDS: drainSeconds,
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
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await probe()
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited 2 s in vain for ${what}`)
}

function liveBundle(api: MemoryApi): string | null {
  const object = api.objects.get(`${COLLECTION.configurations}/azds-webhook`)
  const { webhooks } = object as ReturnType<typeof configuration>
  const bundle = webhooks[0]?.clientConfig.caBundle
  return bundle ? Buffer.from(bundle, 'base64').toString('utf8') : null
}

const isReady = async (app: WebhookApp) =>
  (await call(app, app.authority, '/readyz')).status === 200 || null

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
    const { body } = await call(app, app.authority, '/mutate', review({ object: labelled }))
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
  await call(app, app.authority, '/mutate', review())
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
    verbs: string[]
  }>((document) => document.toJS().rules ?? [])
  const denied = api.calls.filter((call) => {
    const { group, resource, verbs } = rightsFor(call)
    return !verbs.every((verb) =>
      rules.some(
        (rule) =>
          rule.apiGroups.includes(group) &&
          rule.resources.includes(resource) &&
          rule.verbs.includes(verb),
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
  const [resource = ''] = rest.replace(/^namespaces\/[^/]+\//, '').split('/')
  // What is listed is watched from there on.
  const reading = query.includes('limit=') ? ['list', 'watch'] : ['get']
  const verbs = { GET: reading, POST: ['create'], PATCH: ['patch'] }[method] ?? [method]
  return { group, resource, verbs }
}

test('it is not ready without its configuration, and becomes ready when that is made', async () => {
  const api = cluster()
  api.objects.delete(`${COLLECTION.configurations}/azds-webhook`)
  const app = await start(api)
  const reply = await until('the caches', async () => {
    const { status, body } = await call(app, app.authority, '/readyz')
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
  expect(second.authority).toBe(first.authority)
  await until('readiness', () => isReady(second))
  expect((await call(first, second.authority, '/healthz')).status).toBe(200)
  expect(liveBundle(api)?.match(/BEGIN CERTIFICATE/g)).toHaveLength(1)
})

test('a replica that loses the race for the Secret takes the authority of the winner', async () => {
  const api = cluster()
  const winner = await createAuthority(new Date())
  api.rivals.set(COLLECTION.secrets, {
    metadata: { name: 'azds-webhook-ca', namespace: 'azds' },
    data: {
      'tls.crt': Buffer.from(winner.cert).toString('base64'),
      'tls.key': Buffer.from(winner.key).toString('base64'),
    },
  } as never)
  expect((await start(api)).authority).toBe(winner.cert)
})

test('a Secret with something else in it stops the start, with the next step', async () => {
  const api = cluster()
  api.put(COLLECTION.secrets, { metadata: { name: 'azds-webhook-ca', namespace: 'azds' } })
  await expect(start(api)).rejects.toThrow(
    /^Secret azds\/azds-webhook-ca cannot be used: it is not readable as PEM.*delete it/s,
  )
})

test('the leaf is signed by the authority, for the names of the service, and never outlives it', async () => {
  const now = new Date('2026-01-01T00:00:00Z')
  const authority = await createAuthority(now)
  const issuer = new X509Certificate(authority.cert)
  const lastDays = new Date('2035-12-25T00:00:00Z')
  const leaf = new X509Certificate((await createLeaf(authority, lastDays)).cert)
  expect(leaf.verify(issuer.publicKey)).toBe(true)
  expect(leaf.checkIssued(issuer)).toBe(true)
  expect(leaf.ca).toBe(false)
  for (const name of SERVER_NAMES) expect(leaf.checkHost(name)).toBe(name)
  expect(leaf.checkHost('azds-controller.azds.svc')).toBeUndefined()
  expect(Date.parse(leaf.validTo)).toBe(Date.parse(issuer.validTo))
})

test('a leaf is told from one of another authority with the same name', async () => {
  const now = new Date()
  const [own, other] = await Promise.all([createAuthority(now), createAuthority(now)])
  const leaf = new X509Certificate((await createLeaf(own, now)).cert)
  expect(leaf.checkIssued(new X509Certificate(own.cert))).toBe(true)
  expect(leaf.checkIssued(new X509Certificate(other.cert))).toBe(false)
})

test('an authority is refused when it is over, or when its key is another', async () => {
  const now = new Date('2026-01-01T00:00:00Z')
  const authority = await createAuthority(now)
  const other = await createAuthority(now)
  expect(faultOfAuthority(authority, now)).toBeNull()
  expect(faultOfAuthority(authority, new Date('2036-01-01T00:00:00Z'))).toContain('it expired on')
  expect(faultOfAuthority({ ...authority, key: other.key }, now)).toContain('another certificate')
  expect(faultOfAuthority(await createLeaf(authority, now), now)).toContain('not an authority')
})

test('another authority in the bundle is kept, so that two replicas never overwrite each other', async () => {
  const [own, other] = await Promise.all([createAuthority(new Date()), createAuthority(new Date())])
  const bundle = bundleWith(bundleWith(undefined, other.cert), own.cert)
  expect(Buffer.from(bundle, 'base64').toString()).toBe(
    `${own.cert.trim()}\n${other.cert.trim()}\n`,
  )
  expect(bundleWith(bundle, other.cert)).toBe(bundle)
  expect(bundleWith(bundle, own.cert)).toBe(bundle)
})

test('text in the bundle that is no certificate is dropped', async () => {
  const own = await createAuthority(new Date())
  const junk = '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----'
  const bundle = bundleWith(Buffer.from(junk).toString('base64'), own.cert)
  expect(bundle).toBe(bundleWith(undefined, own.cert))
  expect(registrationPatch(configuration(bundle), own.cert)).toEqual([])
})

test('a replica that is told to end says so, serves on for its drain time, and then is gone', async () => {
  const app = await start(cluster(), '1')
  await until('readiness', () => isReady(app))
  const closed = app.close()
  running.delete(app)
  expect(await call(app, app.authority, '/readyz')).toEqual({
    status: 503,
    body: JSON.stringify({ ready: false, waitingFor: ['drain'] }),
  })
  expect((await call(app, app.authority, '/mutate', review())).status).toBe(200)
  await closed
  await expect(call(app, app.authority, '/healthz')).rejects.toThrow('ECONNREFUSED')
})

test('the running server gets a new leaf before the old one ends', async () => {
  let now = new Date()
  const authority = await createAuthority(now)
  const leaf = await createLeaf(authority, now)
  const server = createHttpsServer(leaf, (_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const served = () =>
    new Promise<string>((resolve, reject) => {
      // The new leaf begins in a future that this client does not live in: it only looks at the bytes.
      const socket = connect(
        { port, host: '127.0.0.1', servername: NAME, rejectUnauthorized: false },
        () => {
          resolve(socket.getPeerX509Certificate()?.toString().trim() ?? '')
          socket.destroy()
        },
      )
      socket.on('error', reject)
    })
  const metrics = createMetrics()
  const renewal = keepLeafFresh({
    ...{ authority, server, metrics, log: silentLog },
    now: () => now,
    checkMs: 5,
  })
  try {
    now = new Date(now.getTime() + LEAF_LIFE_MS / 2)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await served()).toBe(leaf.cert.trim())
    now = new Date(now.getTime() + LEAF_LIFE_MS / 4)
    const renewed = await until('a new leaf', async () => {
      const { text } = await metrics.render()
      return /expiry_timestamp_seconds [1-9]/.test(text) ? served() : null
    })
    expect(renewed).not.toBe(leaf.cert.trim())
    // The clock is set back by a year: the leaf that was made before would not be valid yet.
    now = new Date(now.getTime() - 365 * 24 * 60 * 60 * 1000)
    await until('a leaf that is valid now', async () => {
      const { validFrom } = new X509Certificate(await served())
      return Date.parse(validFrom) <= now.getTime() || null
    })
  } finally {
    renewal.stop()
    server.close()
  }
})
