/** `azds list-up` and `azds space heal`, against a cluster whose pods only seem to run. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { age, type UpRow } from '../../cli/commands/list-up.ts'
import { podStatus } from '../../cli/pod-status.ts'
import { workloadsOf } from '../../cli/workload-restart.ts'
import type { KubeObject, Pod } from '../../core/kube/types.ts'
import { startTestCluster, type TestCluster } from './cluster-fixture.ts'
import { azds } from './world-fixture.ts'

/** Two busy cores may need this long for a rollout. */
const LIMIT_MS = 60_000
jest.setTimeout(LIMIT_MS)

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startTestCluster({ signs: false })
  const { client } = cluster
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
  await client.create('/apis/apps/v1/namespaces/default/deployments', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template },
  })
  await client.create('/api/v1/namespaces/default/pods', {
    metadata: { name: 'bare' },
    spec: template.spec,
  })
  while ((await pods()).length < 3) await sleep(50)
  await azds('space create default', cluster)
})

afterAll(() => cluster.close())

async function pods(): Promise<Pod[]> {
  return (await cluster.client.get<{ items: Pod[] }>('/api/v1/namespaces/default/pods')).items
}

test('pods that are older than the space are shown, with what to do', async () => {
  const { code, out, err } = await azds('list-up --space default', cluster)
  expect(out.split('\n')[0]).toMatch(/^Name +DevSpace +Type +Updated +Status$/)
  expect(out).toMatch(/^bare +default +Pod +\d+s ago +\S+, no sidecar \(before-space\)$/m)
  expect(out).toMatch(/^kubernetes +default +Service/m)
  expect(err).toContain('azds space heal default')
  expect(code).toBe(0)
  const rows = JSON.parse((await azds('list-up --all -o json', cluster)).out) as UpRow[]
  expect(rows.filter(({ fault }) => fault).map(({ sidecar }) => sidecar)).toEqual([
    ...['before-space', 'before-space', 'before-space'],
  ])
})

test('healing without a webhook restarts, looks again, and says that it did not help', async () => {
  const before = (await pods()).map(({ metadata }) => metadata.uid)
  const { code, out } = await azds('space heal default -y', cluster)
  expect(out).toContain('√ restarted        Deployment web')
  expect(out).toMatch(/‼ left to you +Pod bare: 1 pod, before-space; nothing would make it anew/)
  expect(out).toMatch(/‼ still so +Deployment web/)
  expect(out).toContain('azds doctor')
  expect(code).toBe(1)
  const now = await pods()
  expect(
    now.filter(({ metadata }) => before.includes(metadata.uid)).map((pod) => pod.metadata.name),
  ).toEqual(['bare'])
  const web = await cluster.client.get<KubeObject & { spec: { template: KubeObject } }>(
    '/apis/apps/v1/namespaces/default/deployments/web',
  )
  expect(web.spec.template.metadata.annotations).toHaveProperty([
    'kubectl.kubernetes.io/restartedAt',
  ])
})

test('a dry run, a no and a missing terminal change nothing', async () => {
  const before = (await pods()).map(({ metadata }) => metadata.uid).sort()
  expect((await azds('space heal --dry-run default', cluster)).out).toContain(
    'Nothing was changed.',
  )
  expect((await azds('space heal default', cluster)).code).toBe(64)
  const no = await azds('space heal default', cluster, { ask: async () => 'n' })
  expect(no.err).toContain('Nothing was changed.')
  expect((await pods()).map(({ metadata }) => metadata.uid).sort()).toEqual(before)
})

test.each([
  ['list-up --space nowhere', 'space "nowhere" does not exist'],
  ['list-up --space default --all', 'not both'],
  ['space heal nowhere', 'space "nowhere" does not exist'],
])('azds %s fails: %s', async (line, message) => {
  expect((await azds(line, cluster)).err).toContain(message)
})

test.each([
  [0, '0s ago'],
  [61_000, '1m 1s ago'],
  [26 * 60_000 + 38_000, '26m 38s ago'],
  [3_600_000, '1h 0m ago'],
  [90_000_000, '1d 1h ago'],
])('%d ms are %s', (ms, text) => {
  expect(age(ms)).toBe(text)
})

const pod = (status: object, initContainers: object[] = []) =>
  ({ metadata: {}, spec: { containers: [], initContainers }, status }) as unknown as Pod

test.each<[Pod, string]>([
  [
    pod({ phase: 'Running', containerStatuses: [{ name: 'a', state: { running: {} } }] }),
    'Running',
  ],
  [
    pod({
      phase: 'Pending',
      initContainerStatuses: [
        { name: 'devspaces-proxy-init', state: { terminated: { exitCode: 0 } } },
        { name: 'devspaces-build', state: { running: {} } },
        { name: 'own', state: { waiting: { reason: 'PodInitializing' } } },
      ],
    }),
    'Init:1/3:devspaces-build',
  ],
  [
    pod({
      phase: 'Pending',
      initContainerStatuses: [{ name: 'a', state: { waiting: { reason: 'ImagePullBackOff' } } }],
    }),
    'Init:ImagePullBackOff',
  ],
  [
    pod(
      {
        phase: 'Running',
        initContainerStatuses: [{ name: 's', started: true, state: { running: {} } }],
      },
      [{ name: 's', restartPolicy: 'Always' }],
    ),
    'Running',
  ],
  [
    pod({
      phase: 'Running',
      containerStatuses: [{ name: 'a', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
    }),
    'CrashLoopBackOff',
  ],
  [pod({ phase: 'Failed', reason: 'Evicted' }), 'Evicted'],
])('the state of %j is %s', (one, text) => {
  expect(podStatus(one)).toBe(text)
})

const ownedBy = (kind: string, apiVersion: string, name: string, labels = {}): Pod =>
  ({
    metadata: {
      name: 'p',
      namespace: 'n',
      labels,
      ownerReferences: [{ apiVersion, kind, name, controller: true, uid: 'u' }],
    },
    spec: { containers: [] },
  }) as Pod

test.each<[string, Pod, object]>([
  [
    'a Deployment',
    ownedBy('ReplicaSet', 'apps/v1', 'web-abc', { 'pod-template-hash': 'abc' }),
    { how: 'template', path: '/apis/apps/v1/namespaces/n/deployments/web' },
  ],
  ['a bare ReplicaSet', ownedBy('ReplicaSet', 'apps/v1', 'web'), { how: 'pods' }],
  [
    'a DaemonSet',
    ownedBy('DaemonSet', 'apps/v1', 'd'),
    { how: 'template', path: '/apis/apps/v1/namespaces/n/daemonsets/d' },
  ],
  [
    'a Job',
    ownedBy('Job', 'batch/v1', 'j'),
    { how: 'none', next: expect.stringContaining('kubectl delete job j') },
  ],
  [
    'a CronJob',
    ownedBy('Job', 'batch/v1', 'c-28123456'),
    { how: 'none', next: 'its next run is made anew by itself' },
  ],
  [
    'an operator’s kind',
    ownedBy('Kafka', 'kafka.strimzi.io/v1', 'k'),
    { how: 'none', next: expect.stringContaining('of a kind that azds does not know') },
  ],
])('pods of %s are restarted by their own way', (_, one, way) => {
  expect(workloadsOf([one])[0]?.restart).toEqual(way)
})
