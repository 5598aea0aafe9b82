import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import {
  findInstallation,
  VALUES_CONFIG_MAP,
  valuesOf,
  WEBHOOK_CONFIGURATION_PATH,
  type WebhookConfiguration,
} from '../../../cli/install/installation.ts'
import type { ConfigMap, KubeObject } from '../../../core/kube/types.ts'
import { startTestCluster, type TestCluster } from '../cluster-fixture.ts'
import { azds } from '../world-fixture.ts'

/** Two busy cores may need this long for an installation. */
const LIMIT_MS = 60_000

let cluster: TestCluster

jest.setTimeout(LIMIT_MS)

beforeAll(async () => {
  cluster = await startTestCluster()
}, LIMIT_MS)

afterAll(() => cluster.close())

const run = (line: string, changes = {}) => azds(line, cluster, changes)
const live = () => cluster.client.get<WebhookConfiguration>(WEBHOOK_CONFIGURATION_PATH)

test('a dry run asks about every object and changes nothing', async () => {
  const { code, out, err } = await run('install --dry-run')
  expect(err).toBe('')
  expect(out).toContain('(dry run)')
  expect(out).toContain('√ admission        azds-webhook (created)')
  expect(out).toContain('Nothing was changed.')
  expect(code).toBe(0)
  expect(await findInstallation(cluster.client)).toBeNull()
})

test('a namespace that exists and is not ours is refused with what to do, and stays as it is', async () => {
  await cluster.client.create('/api/v1/namespaces', { metadata: { name: 'theirs' } })
  const { code, err } = await run('install --namespace theirs')
  expect(code).toBe(1)
  expect(err).toContain('namespace "theirs" exists and is not marked as ours')
  expect(err).toContain('kubectl label namespace theirs app.kubernetes.io/part-of=azds')
  expect(await findInstallation(cluster.client)).toBeNull()
})

test('azds install makes everything, waits, and leaves admission closed and signed', async () => {
  const { code, out, err } = await run('install --replicas 1')
  expect(err).toBe('')
  expect(code).toBe(0)
  const titles = out.split('\n').filter((line) => line.startsWith('√'))
  expect(titles.map((line) => line.slice(2, 18).trim())).toEqual(
    expect.arrayContaining(['preflight', 'namespace', 'rights', 'programs', 'azds-webhook']),
  )
  // Admission is the last of all.
  expect(titles.at(-1)).toContain('admission')
  const configuration = await live()
  expect(configuration.webhooks?.[0]).toMatchObject({ failurePolicy: 'Fail' })
  expect(configuration.webhooks?.[0]?.clientConfig.caBundle).toBeDefined()
  expect(await findInstallation(cluster.client)).toMatchObject({
    namespace: 'azds',
    by: 'azds',
    release: null,
    version: '0.1.0',
  })
})

test('a second installation is refused, in the same namespace and in another', async () => {
  expect((await run('install')).err).toContain('is installed in namespace "azds" already')
  const other = await run('install --namespace other')
  expect(other.err).toContain(
    'azds is installed in namespace "azds", and a cluster has room for one',
  )
  expect(other.code).toBe(1)
})

test('an upgrade keeps the values, tells what changes, and takes what the new render lacks', async () => {
  const { code, out, err } = await run(
    'upgrade --set gateway.enabled=false,webhook.timeoutSeconds=7',
  )
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(out).toContain('gateway.enabled: true -> false')
  expect(out).toContain('webhook.timeoutSeconds: 5 -> 7')
  expect(out).toMatch(/removed +Deployment azds\/azds-gateway/)
  expect((await live()).webhooks?.[0]).toMatchObject({ timeoutSeconds: 7 })
  const installation = await findInstallation(cluster.client)
  expect(installation && (await valuesOf(cluster.client, installation))).toEqual({
    webhook: { replicas: 1, timeoutSeconds: 7 },
    api: { replicas: 1 },
    gateway: { enabled: false },
  })
})

test('an upgrade leaves the authority where the webhook has put it', async () => {
  const bundle = (await live()).webhooks?.[0]?.clientConfig.caBundle
  const { code } = await run('upgrade --reset-values --no-wait')
  expect(code).toBe(0)
  expect((await live()).webhooks?.[0]?.clientConfig.caBundle).toBe(bundle)
  const kept = await cluster.client.get<ConfigMap>(
    `/api/v1/namespaces/azds/configmaps/${VALUES_CONFIG_MAP}`,
  )
  expect(kept.data?.['values.yaml']).toBe('{}\n')
})

test('a second upgrade with the same values changes nothing', async () => {
  const { out } = await run('upgrade')
  const stages = out.split('\n').filter((line) => line.endsWith(')') && line.startsWith('√ '))
  expect(
    stages.filter((line) => !line.includes('(as it was)') && !line.includes('dry run')),
  ).toEqual([])
})

test('who may not install is told which rights are missing, and nothing is changed', async () => {
  const client = await cluster.as('dora')
  const { code, err } = await azds('install', { client })
  expect(code).toBe(1)
  expect(err).toContain('× you may make every object of the chart')
  expect(err).toContain('create, patch deployments.apps in azds')
  expect(err).toContain('nothing was changed')
})

test('azds use makes the first space of what is there, and ends with the next commands', async () => {
  const { code, out } = await run('use --space default -y')
  expect(code).toBe(0)
  expect(out).toContain('is ready for development in space default')
  expect(out).toContain('azds list-up --space default')
  const { metadata } = await cluster.client.get<KubeObject>('/api/v1/namespaces/default')
  expect(metadata.labels?.['azds.io/space']).toBe('true')
})

test('azds use asks which space is meant and offers default; -y needs --space', async () => {
  const questions: string[] = []
  const ask = async (question: string) => {
    questions.push(question)
    return 'theirs'
  }
  const { code, out, err } = await run('use', { ask })
  expect(questions).toEqual(['Space [default]: '])
  expect(err).toContain('[0] default  (a space already)')
  expect(out).toContain('in space theirs')
  expect(code).toBe(0)
  expect((await run('use -y')).code).toBe(64)
  expect((await run('use')).err).toContain('there is no terminal to ask on')
})

test('the manifests of -o yaml need no cluster', async () => {
  const { code, out } = await azds('install -o yaml --namespace elsewhere --tag 7', null)
  expect(code).toBe(0)
  expect(out).toContain('image: azds/webhook:7\n')
  expect(out).toContain('namespace: elsewhere\n')
})

test.each([
  ['install --set webhook.replica=3', 'webhook.replica: there is no such value'],
  ['install --replicas 0', '--replicas 0: expected a whole number'],
  ['install --set x', '--set x: expected KEY=VALUE'],
  ['install --layout odd', '--layout odd: expected one of auto, native, classic'],
])('azds %s is a usage error', async (line, message) => {
  const { code, err } = await azds(line, null)
  expect(code).toBe(64)
  expect(err).toContain(message)
})
