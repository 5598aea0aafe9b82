import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { findInstallation } from '../../../cli/install/installation.ts'
import type { Owned } from '../../../cli/uninstall/inventory.ts'
import { planUninstall } from '../../../cli/uninstall/plan.ts'
import { describeLeft } from '../../../cli/uninstall/run.ts'
import type { KubeObject } from '../../../core/kube/types.ts'
import { startTestCluster, type TestCluster } from '../cluster-fixture.ts'
import { azds } from '../world-fixture.ts'

/** Two busy cores may need this long for an installation. */
const LIMIT_MS = 90_000
jest.setTimeout(LIMIT_MS)

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startTestCluster()
})

afterAll(() => cluster.close())

const run = (line: string, changes = {}) => azds(line, cluster, changes)

interface Report {
  deleted: boolean
  objects: string[]
  kept: { name: string; why: string }[]
  spaces: string[]
  left: string[]
}

test('in a cluster without azds there is nothing to do', async () => {
  const { code, out } = await run('uninstall -y')
  expect(out).toContain('√ nothing          of azds is in this cluster')
  expect(code).toBe(0)
})

test('a dry run shows all that would go, admission first, and changes nothing', async () => {
  expect((await run('use --space default -y')).code).toBe(0)
  const { code, out } = await run('uninstall --dry-run -o json')
  const report = JSON.parse(out) as Report
  expect(code).toBe(0)
  expect(report.deleted).toBe(false)
  expect(report.objects[0]).toBe('MutatingWebhookConfiguration azds-webhook')
  expect(report.objects.at(-1)).toBe('Namespace azds')
  expect(report.objects).toContain('Deployment azds/azds-controller')
  expect(report.spaces).toEqual(['default'])
  expect(await findInstallation(cluster.client)).not.toBeNull()
})

test('without an answer, or with no, nothing is deleted', async () => {
  expect((await run('uninstall')).code).toBe(64)
  const no = await run('uninstall', { ask: async () => 'n' })
  expect(no.err).toContain('Nothing was changed.')
  expect(no.code).toBe(1)
  expect(await findInstallation(cluster.client)).not.toBeNull()
})

test('what has lost its label is found by name, and what has another name by its label', async () => {
  const { client } = cluster
  await client.patch(
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/azds-webhook',
    'application/merge-patch+json',
    {
      metadata: { labels: { 'app.kubernetes.io/part-of': null } },
    },
  )
  await client.create('/api/v1/namespaces/default/configmaps', {
    metadata: { name: 'older', labels: { 'app.kubernetes.io/part-of': 'azds' } },
  })
  await client.create('/api/v1/namespaces/default/configmaps', { metadata: { name: 'azds-ca' } })
  const { objects } = JSON.parse((await run('uninstall --dry-run -o json')).out) as Report
  expect(objects).toEqual(
    expect.arrayContaining([
      'ClusterRole azds-webhook',
      'ConfigMap default/older',
      'ConfigMap default/azds-ca',
    ]),
  )
})

test('a namespace that holds something of somebody else’s stays, and is named with it', async () => {
  const path = '/api/v1/namespaces/azds/configmaps'
  await cluster.client.create(path, { metadata: { name: 'theirs' } })
  const { kept, objects } = JSON.parse((await run('uninstall --dry-run -o json')).out) as Report
  expect(kept).toEqual([
    { name: 'Namespace azds', why: 'it holds what is not ours: ConfigMap theirs' },
  ])
  expect(objects).not.toContain('Namespace azds')
  await cluster.client.delete(`${path}/theirs`)
})

test('everything goes, a second look finds nothing, and a third run has nothing to do', async () => {
  const { code, out } = await run('uninstall -y --unlabel')
  expect(out).toContain('√ looked again     0 objects left')
  expect(code).toBe(0)
  const { client } = cluster
  const default_ = await client.get<KubeObject>('/api/v1/namespaces/default')
  expect(default_.metadata.labels?.['azds.io/space']).toBeUndefined()
  await expect(client.get('/api/v1/namespaces/azds')).rejects.toThrow('not found')
  const again = JSON.parse((await run('uninstall -y -o json')).out) as Report
  expect(again).toMatchObject({ objects: [], left: [] })
})

test('half an installation goes as well', async () => {
  const { client } = cluster
  expect((await run('install --no-wait')).code).toBe(0)
  await client.delete('/apis/apps/v1/namespaces/azds/deployments/azds-webhook')
  await client.delete(
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azds-webhook',
  )
  const { code, out } = await run('uninstall -y')
  expect(out).toContain('0 objects left')
  expect(code).toBe(0)
})

const owned = (kind: string, name: string, labels = {}): Owned => ({
  object: { kind, metadata: { name, labels } },
  resource: { apiVersion: 'v1', kind, name, namespaced: false, verbs: [] },
  path: '',
})

test('the claim with traces stays unless its deletion is asked for', () => {
  const inventory = { owned: [owned('PersistentVolumeClaim', 'azds-traces')], unseen: [] }
  const kept = planUninstall(inventory, { foreign: [], deleteTraces: false })
  expect(kept.steps).toEqual([])
  expect(kept.kept[0]?.why).toContain('--delete-traces')
  const gone = planUninstall(inventory, { foreign: [], deleteTraces: true })
  expect(gone.steps[0]?.objects).toHaveLength(1)
})

test('the order is admission, API, programs, settings, rights, namespace', () => {
  const ours = { 'app.kubernetes.io/part-of': 'azds' }
  const kinds = [
    ...['Namespace', 'ClusterRole', 'Secret', 'Deployment', 'APIService'],
    'MutatingWebhookConfiguration',
  ]
  const inventory = { owned: kinds.map((kind) => owned(kind, 'x', ours)), unseen: [] }
  const { steps } = planUninstall(inventory, { foreign: [], deleteTraces: false })
  expect(steps.flatMap(({ objects }) => objects.map(({ object }) => object.kind))).toEqual(
    kinds.toReversed(),
  )
})

test('what is left says what it waits for', () => {
  const left = owned('Namespace', 'azds')
  Object.assign(left.object.metadata, { deletionTimestamp: 'now', finalizers: ['a/b'] })
  Object.assign(left.object, { status: { conditions: [{ status: 'True', message: 'API down' }] } })
  expect(describeLeft(left)).toBe('Namespace azds (is being deleted; waits for a/b; API down)')
})
