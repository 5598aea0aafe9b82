/** `azds inspect`: the webhook's decision on a manifest, with and without a cluster. */
import { afterEach, expect, test } from '@jest/globals'
import { parse, stringify } from 'yaml'
import { offlineFacts } from '../../cli/inspect-facts.ts'
import { podsOf } from '../../cli/manifest.ts'
import { readConfig } from '../../core/config.ts'
import { settings as webhookSettings } from '../../webhook/config.ts'
import { WELL_KNOWN_PORTS } from '../../webhook/inject/well-known-ports.ts'
import { answerJson, type ScriptedApi } from '../core/kube/api-fixture.ts'
import { azds, namespaceApi } from './world-fixture.ts'

let api: ScriptedApi | null = null

afterEach(async () => {
  await api?.close()
  api = null
})

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'nginx:1' }] },
}
const pod = { apiVersion: 'v1', kind: 'Pod', ...template, metadata: { name: 'web' } }
const workload = (kind: string, spec: unknown = { template }) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: 'web' },
  spec,
})

const WELL_KNOWN = WELL_KNOWN_PORTS.map(({ port }) => port).join()

/** Runs inspect on one manifest. */
const inspect = (manifest: unknown, flags = '--space alice --parent dev') =>
  azds(`inspect - ${flags}`, api, {
    read: async () => (typeof manifest === 'string' ? manifest : stringify(manifest)),
  })

test.each([
  pod,
  workload('Deployment'),
  workload('StatefulSet'),
  workload('DaemonSet'),
  workload('ReplicaSet'),
  workload('Job'),
  workload('CronJob', { jobTemplate: { spec: { template } } }),
])('$kind is inspected', async (manifest) => {
  expect(await inspect(manifest)).toEqual({
    code: 0,
    err: '',
    out: [
      `${manifest.kind} web in dev/alice: injected, native layout`,
      '  init containers: devspaces-proxy-init, devspaces-proxy (sidecar)',
      '  containers: web',
      `  straight to the app: ${WELL_KNOWN} (well-known)`,
      '',
    ].join('\n'),
  })
})

test('several documents and lists are taken apart; what makes no pods is passed over', () => {
  const text = [
    stringify({ kind: 'List', items: [pod, workload('Job')] }),
    stringify({ kind: 'Service', metadata: { name: 'web' } }),
    '',
    stringify(workload('Deployment')),
  ].join('---\n')
  expect(podsOf(text, 'f').map(({ kind }) => kind)).toEqual(['Pod', 'Job', 'Deployment'])
})

test('JSON is read too', async () => {
  expect((await inspect(JSON.stringify(pod))).out).toContain('Pod web in dev/alice: injected')
})

test('old nodes give the classic layout', async () => {
  const { out } = await inspect(pod, '--space alice --offline --kubelet v1.28.3')
  expect(out).toContain('Pod web in alice: injected, classic layout')
  expect(out).toContain('  containers: devspaces-proxy, web')
})

test('a pod that is left alone is told with code and sentence', async () => {
  const { code, out } = await inspect({ ...pod, spec: { ...pod.spec, hostNetwork: true } })
  expect(out).toMatch(/^Pod web in dev\/alice: not injected \(host-network\)\n {2}The pod uses/)
  expect(code).toBe(0)
})

test('a pod that would be refused is told field by field, and ends with 1', async () => {
  const annotations = { 'azds.io/skip-inbound-ports': 'x', 'azds.io/sidecar-layout': 'odd' }
  const { code, out } = await inspect({ ...pod, metadata: { name: 'web', annotations } })
  expect(out).toContain('refused')
  expect(out).toContain('metadata.annotations["azds.io/skip-inbound-ports"]: ')
  expect(out).toContain('metadata.annotations["azds.io/sidecar-layout"]: ')
  expect(code).toBe(1)
})

const cache = (ports: object[], namespace?: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'cache', ...(namespace && { namespace }) },
  spec: { selector: { app: 'web' }, ports },
})
const labelled = { ...pod, metadata: { name: 'web', labels: { app: 'web' } } }

test('ports that go straight to the app are told with the reason, from the manifest’s own Services', async () => {
  const annotations = { 'azds.io/skip-inbound-ports': '9000', 'azds.io/opaque-ports': '7100' }
  const metadata = { ...labelled.metadata, annotations }
  const service = cache([{ port: 7000, appProtocol: 'tcp' }])
  const elsewhere = cache([{ port: 7002, appProtocol: 'tcp' }], 'bob')
  const items = [service, { ...labelled, metadata: { ...metadata, namespace: 'alice' } }, elsewhere]
  const { out } = await inspect({ kind: 'List', items }, '--offline')
  expect(out.split('\n').filter((line) => line.includes('straight'))).toEqual([
    '  straight to the app: 9000 (skip-inbound-ports)',
    '  straight to the app: 7100 (opaque-ports)',
    '  straight to the app: 7000 (app-protocol: Service cache, tcp)',
  ])
})

test('a well-known port that is declared HTTP is told, too', async () => {
  const service = cache([{ name: 'http', port: 80, targetPort: 9300 }])
  const { out } = await inspect({ kind: 'List', items: [labelled, service] })
  expect(out).toContain('  to the sidecar after all: 9300 (Service "cache", port name http)\n')
})

test('Services that make no sense change nothing', async () => {
  const odd = [
    { kind: 'Service' },
    cache([1, {}] as never),
    { kind: 'Service', spec: { ports: 1 } },
  ]
  expect(await inspect({ kind: 'List', items: [...odd, labelled] })).toMatchObject({ code: 0 })
})

test('the cluster’s Services count, and the manifest’s own in their place', async () => {
  api = await namespaceApi({ alice: null }, (_, response, url) => {
    if (url.pathname === '/api/v1/nodes') answerJson(response, 200, { items: [] })
    else if (url.pathname === '/api/v1/namespaces/alice/services')
      answerJson(response, 200, { items: [cache([{ port: 7000, appProtocol: 'tcp' }])] })
    else return false
    return true
  })
  expect((await inspect(labelled, '')).out).toContain('7000 (app-protocol: Service cache, tcp)')
  const items = [labelled, cache([{ port: 7001, appProtocol: 'tls' }])]
  const { out } = await inspect({ kind: 'List', items }, '')
  expect(out).toContain('7001 (app-protocol: Service cache, tls)')
  expect(out).not.toContain('7000')
})

test('without the right to list Services it says that they are not considered', async () => {
  api = await namespaceApi({ alice: null }, (_, response, url) => {
    if (url.pathname === '/api/v1/nodes') answerJson(response, 200, { items: [] })
    else if (url.pathname.endsWith('/services'))
      answerJson(response, 403, { reason: 'Forbidden', message: 'no' })
    else return false
    return true
  })
  const { code, out, err } = await inspect(labelled, '')
  expect(err).toContain('you may not list Services in "alice"')
  expect(out).toContain('injected')
  expect(code).toBe(0)
})

test('a pod that was injected before tells the ports of that time', async () => {
  const manifest = { kind: 'List', items: [labelled, cache([{ port: 7000, appProtocol: 'tcp' }])] }
  const one = await inspect(manifest, '--space alice --parent dev -o yaml')
  const { out } = await inspect(one.out)
  expect(out).toContain('not injected (already-injected)')
  expect(out).toContain('  straight to the app: 7000 (app-protocol: Service cache, tcp)\n')
  expect(out).toContain(`  straight to the app: ${WELL_KNOWN} (well-known)\n`)
})

test('TCP probes that ask the sidecar are told, of a pod to come and of one that is there', async () => {
  const readinessProbe = { tcpSocket: { port: 8081 } }
  const spec = { containers: [{ name: 'web', image: 'nginx:1', readinessProbe }] }
  const line = "  asks the app by way of the sidecar: web's readinessProbe of port 8081\n"
  expect((await inspect({ ...pod, spec })).out).toContain(line)
  const after = await inspect({ ...pod, spec }, '--space alice --parent dev -o yaml')
  expect((await inspect(after.out)).out).toContain(line)
})

test('--patch prints the operations of the JSON patch', async () => {
  const { out } = await inspect(pod, '--space alice --parent dev --patch')
  const patch = JSON.parse(out)
  expect(patch.length).toBeGreaterThan(0)
  for (const { op, path } of patch) expect(`${op} ${path}`).toMatch(/^(add|replace) \//)
})

test('-o yaml prints the pod as it would be stored, without an owner that was only assumed', async () => {
  const { out } = await inspect(workload('Deployment'), '--space alice --parent dev,root -o yaml')
  const stored = parse(out)
  expect(stored.metadata.ownerReferences).toBeUndefined()
  const [init] = stored.spec.initContainers
  const env = Object.fromEntries(
    init.env.map((one: { name: string; value: string }) => [one.name, one.value]),
  )
  expect(env.AZDS_SPACE_CHAIN).toBe('alice,dev,root')
  expect(out).toMatch(/AZDS_WORKLOAD\n\s+value: web\n/)
})

test('where nothing would change, -o yaml prints no pod, and why as a note', async () => {
  const manifest = { ...pod, metadata: { name: 'web', labels: { 'azds.io/no-proxy': 'true' } } }
  const { out, err } = await inspect(manifest, '--space alice --offline -o yaml')
  expect(out).toBe('')
  expect(err).toContain('not injected (opted-out)')
})

test('-o json has every pod', async () => {
  const { out } = await inspect(
    { kind: 'List', items: [pod, pod] },
    '--space a1b --offline -o json',
  )
  expect(JSON.parse(out)).toMatchObject([
    { of: { kind: 'Pod', name: 'web' }, kind: 'injected', layout: 'native' },
    { kind: 'injected' },
  ])
})

test.each([
  ['a manifest without pods', stringify({ kind: 'Service' }), '', 1, 'has no pods'],
  ['an empty manifest', '', '', 1, 'has no pods'],
  ['bad YAML', 'a: [', '', 1, 'standard input is no YAML'],
  [
    'a workload without a template',
    stringify(workload('Job', {})),
    '',
    1,
    'spec.template is missing',
  ],
  [
    'two pods for one patch',
    stringify({ kind: 'List', items: [pod, pod] }),
    '--space alice --offline --patch',
    64,
    'has 2',
  ],
  ['no namespace offline', stringify(pod), '--offline', 64, 'pass --space'],
  ['a space twice', stringify(pod), '--space dev --parent dev', 64, 'named twice'],
])('%s is an error', async (_, text, flags, code, message) => {
  const ran = await inspect(text, flags || '--space alice --offline')
  expect(ran.err).toContain(message)
  expect(ran.code).toBe(code)
})

test('with a cluster its labels and its nodes decide', async () => {
  api = await namespaceApi({ dev: null, alice: 'dev', plain: undefined }, (_, response, url) => {
    if (url.pathname !== '/api/v1/nodes') return false
    const status = { nodeInfo: { kubeletVersion: 'v1.27.1' } }
    answerJson(response, 200, { items: [{ metadata: { name: 'n' }, status }] })
    return true
  })
  // The context's namespace is alice.
  expect((await inspect(pod, '')).out).toContain('Pod web in dev/alice: injected, classic layout')
  expect((await inspect(pod, '--kubelet v1.30.0')).out).toContain('native layout')
  const skipped = await inspect(pod, '--space plain')
  expect(skipped.out).toContain('not injected (not-a-space)')
  const missing = await inspect(pod, '--space nobody')
  expect(missing.err).toContain('create it with `azds space create nobody`')
  expect(api.requests.every((request) => request.startsWith('GET '))).toBe(true)
})

test('without the right to list nodes the layout is the one that works everywhere', async () => {
  api = await namespaceApi({ alice: null }, (_, response, url) => {
    if (url.pathname !== '/api/v1/nodes') return false
    answerJson(response, 403, { reason: 'Forbidden', message: 'no' })
    return true
  })
  expect((await inspect(pod, '')).out).toContain('classic layout')
})

test('what is assumed without a cluster are the webhook’s own defaults', () => {
  const read = readConfig(webhookSettings, {})
  if (!read.ok) throw new Error(read.mistakes.join())
  const { config } = read
  expect(
    offlineFacts({ space: 'alice', parents: [], kubelet: undefined, services: [] }),
  ).toMatchObject({
    images: {
      proxy: config.proxyImage,
      proxyInit: config.proxyInitImage,
      build: config.buildImage,
    },
    // The webhook reads it from its own resolv.conf; this is what nearly all clusters have.
    clusterDomain: config.clusterDomain ?? 'cluster.local',
    proxyResources: config.proxyResources,
    proxyLogLevel: config.proxyLogLevel,
  })
})

test('Windows and virtual nodes do not count, as in the webhook', async () => {
  const node = (labels: object, kubeletVersion: string, operatingSystem: string) => ({
    metadata: { labels },
    status: { nodeInfo: { kubeletVersion, operatingSystem } },
  })
  api = await namespaceApi({ alice: null }, (_, response, url) => {
    if (url.pathname !== '/api/v1/nodes') return false
    const items = [
      node({}, 'v1.34.0', 'linux'),
      node({}, 'v1.20.0', 'windows'),
      node({ type: 'virtual-kubelet' }, 'v1.19.0', 'linux'),
    ]
    answerJson(response, 200, { items })
    return true
  })
  expect((await inspect(pod, '')).out).toContain('native layout')
})
