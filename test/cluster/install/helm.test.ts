/** The real chart by the real helm: installed, upgraded, rolled back and removed, and read back by kubectl. */
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type ExecResult, exec } from '../../../core/exec.ts'
import type { KubeObject, Pod } from '../../../core/kube/types.ts'
import { CONTAINER, NAMESPACE_MARK, PART_OF, PART_OF_LABEL } from '../../../core/names.ts'
import { bringUp, type Playground } from '../../../playground/bring-up.ts'
import { describeCluster } from '../requirements.ts'

// The longest step, the installation, takes 6 s on an idle machine with two cores.
jest.setTimeout(300_000)

const CHART = join(import.meta.dirname, '../../../deploy/chart')
const CONFIGURATION = ['mutatingwebhookconfiguration', 'azds-webhook'] as const
const WAIT = ['--wait', '--timeout', '90s']

describeCluster('the chart, installed by helm', () => {
  let playground: Playground
  beforeAll(async () => {
    const uid = process.getuid?.() ?? -1
    playground = await bringUp({ env: process.env, uid, exec, controlPlane: 'none' })
  })
  afterAll(async () => playground?.cluster.stop())

  const tryHelm = (...args: string[]): Promise<ExecResult> => {
    const { kubeconfigPath } = playground.cluster
    const home = join(dirname(kubeconfigPath), 'home')
    const env = {
      ...{ KUBECONFIG: kubeconfigPath, HELM_CACHE_HOME: home },
      ...{ HELM_CONFIG_HOME: home, HELM_DATA_HOME: home },
    }
    return exec(playground.helmPath, [...args, '--namespace', 'azds'], { env, timeoutMs: 100_000 })
  }
  const helm = async (...args: string[]) => {
    const { code, stdout, stderr } = await tryHelm(...args)
    expect([code, code === 0 ? '' : stderr]).toEqual([0, ''])
    return stdout
  }
  const kubectl = (...args: string[]) => playground.kubectl(...args)
  const get = async (...args: string[]) => JSON.parse(await kubectl('get', ...args, '-o', 'json'))
  const caBundle = async (): Promise<string> =>
    (await get(...CONFIGURATION)).webhooks[0].clientConfig.caBundle
  const replicasOf = async (name: string) =>
    (await get('deployment', name, '-n', 'azds')).status.readyReplicas

  const rolledOut = (namespace: string, workload: string) =>
    kubectl('-n', namespace, 'rollout', 'status', workload, '--timeout=60s')

  /** Everything in the cluster with our label, and what belongs to us without it. */
  const ours = async (): Promise<string[]> => {
    const kinds = (await kubectl('api-resources', '--verbs=list', '-o', 'name')).trim().split('\n')
    const list = kinds.filter((kind) => !kind.includes('events')).join(',')
    const labelled = await get(list, '--all-namespaces', '-l', `${PART_OF_LABEL}=${PART_OF}`)
    const secrets = await get('secrets,configmaps,replicasets,pods', '-n', 'azds')
    return (
      [...labelled.items, ...secrets.items]
        // By the second the next installation knows the namespace again.
        .filter(({ metadata }) => !['kube-root-ca.crt', NAMESPACE_MARK].includes(metadata.name))
        // Pods that are told to end go on serving for 15 s.
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`)
    )
  }

  test('a namespace that exists and is not ours is refused with what to do, and stays as it was', async () => {
    await kubectl('create', 'namespace', 'azds')
    const { code, stderr } = await tryHelm('install', 'azds', CHART)
    expect(code).toBe(1)
    expect(stderr).toContain('namespace azds exists and is not marked as ours')
    expect(stderr).toContain('kubectl label namespace azds app.kubernetes.io/part-of=azds')
    expect(await ours()).toEqual([])
    await kubectl('delete', 'namespace', 'azds')
  })

  test('it installs into a namespace that helm makes, and all of it becomes ready', async () => {
    const said = await helm('install', 'azds', CHART, '--create-namespace', ...WAIT)
    expect(said).toContain('is installed in the namespace azds')
    for (const [name, replicas] of [
      ...([
        ['azds-webhook', 2],
        ['azds-api', 2],
        ['azds-controller', 1],
      ] as const),
      ['azds-gateway', 1] as const,
    ]) {
      expect([name, await replicasOf(name)]).toEqual([name, replicas])
    }
    await kubectl('wait', '--for=condition=Available', 'apiservice/v1.azds.io', '--timeout=60s')
    await kubectl(
      '-n',
      'azds',
      'rollout',
      'status',
      'daemonset/azds-image-prepull',
      '--timeout=60s',
    )
    expect(await caBundle()).toMatch(/^LS0tLS1CRUdJTi/)
    expect((await get('apiservice', 'v1.azds.io')).spec.caBundle).toMatch(/^LS0tLS1CRUdJTi/)
  })

  test('labelling a namespace with kubectl is enough: its pods get a sidecar, and may be traced', async () => {
    await kubectl('create', 'namespace', 'dev')
    await kubectl('label', 'namespace', 'dev', 'azds.io/space=true')
    await kubectl('create', 'deployment', 'web', '-n', 'dev', '--image=azds-sample/web:v1')
    await rolledOut('dev', 'deployment/web')
    const [pod] = ((await get('pods', '-n', 'dev')) as { items: Pod[] }).items
    expect(pod?.spec.initContainers?.map(({ name }) => name)).toEqual([
      CONTAINER.proxyInit,
      CONTAINER.proxy,
    ])
    const [proxyInit, proxy] = pod?.spec.initContainers ?? []
    expect([proxyInit?.image, proxy?.image]).toEqual(['azds/proxy-init:0.1.0', 'azds/proxy:0.1.0'])
    expect((await kubectl('auth', 'can-i', 'get', 'traces.azds.io', '-n', 'dev')).trim()).toBe(
      'yes',
    )
  })

  test('an upgrade changes what it is told, and leaves alone what the programs have written', async () => {
    const before = await caBundle()
    await helm('upgrade', 'azds', CHART, '--set', 'gateway.replicas=2')
    await rolledOut('azds', 'deployment/azds-gateway')
    expect(await replicasOf('azds-gateway')).toBe(2)
    expect(await caBundle()).toBe(before)
    const [first, second] = JSON.parse(await helm('history', 'azds', '-o', 'json'))
    expect([first.status, second.status]).toEqual(['superseded', 'deployed'])
  })

  test('a rollback takes it back, and spaces go on getting pods', async () => {
    const before = await caBundle()
    await helm('rollback', 'azds', '1')
    await rolledOut('azds', 'deployment/azds-gateway')
    expect((await get('deployment', 'azds-gateway', '-n', 'azds')).spec.replicas).toBe(1)
    expect(await caBundle()).toBe(before)
    await kubectl('-n', 'dev', 'rollout', 'restart', 'deployment/web')
    await rolledOut('dev', 'deployment/web')
  })

  test('a second release in another namespace is refused: there is one installation a cluster', async () => {
    const { code, stderr } = await tryHelm('install', 'other', CHART)
    expect(code).toBe(1)
    expect(stderr).toMatch(/marked as ours|invalid ownership metadata|exists/)
  })

  test('after its removal nothing of it is left, and namespaces can go', async () => {
    const first = ['mutatingwebhookconfiguration/azds-webhook', 'apiservice/v1.azds.io']
    await kubectl('delete', ...first)
    await helm('uninstall', 'azds')
    await gone(ours)
    await kubectl('delete', 'namespace', 'dev', '--timeout=60s')
    expect((await kubectl('get', 'namespaces', '-o', 'name')).includes('dev')).toBe(false)
  })

  test('into the namespace that it has left it installs again', async () => {
    await helm('install', 'azds', CHART)
    await helm('uninstall', 'azds')
    await gone(ours)
  })

  test('what kubectl has installed, helm takes over', async () => {
    const manifests = join(CHART, '../manifests')
    await kubectl('apply', '-f', manifests)
    const take = ['--install', '--take-ownership', '--force-conflicts']
    await helm('upgrade', 'azds', CHART, ...take, ...WAIT)
    const { metadata } = await get('deployment', 'azds-webhook', '-n', 'azds')
    expect(metadata.labels['app.kubernetes.io/managed-by']).toBe('Helm')
    expect(await replicasOf('azds-webhook')).toBe(2)
  })
})

/** Waits until a list is empty: garbage collection follows on removal by itself. */
async function gone(list: () => Promise<string[]>): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const left = await list()
    if (left.length === 0) return
    if (Date.now() > deadline) throw new Error(`still there: ${left.join(', ')}`)
  }
}
