/** The life of an installation by azds alone: use, look, heal, upgrade, and gone without a trace, with the controller down. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { UpRow } from '../../../cli/commands/list-up.ts'
import type { JsonReport } from '../../../cli/doctor/render.ts'
import { type ExecResult, exec } from '../../../core/exec.ts'
import type { Pod } from '../../../core/kube/types.ts'
import { CONTAINER } from '../../../core/names.ts'
import { bringUp, type Playground } from '../../../playground/bring-up.ts'
import { describeCluster } from '../requirements.ts'

// The longest step restarts the workloads of two spaces: some 8 s on an idle machine with two cores.
jest.setTimeout(300_000)

/** Longest wait (ms) for all to be well: what is not by then is wrong for good. */
const WELL_MS = 60_000
const AZDS = join(import.meta.dirname, '../../../dist/azds.mjs')

describeCluster('an installation by azds', () => {
  let playground: Playground
  beforeAll(async () => {
    const uid = process.getuid?.() ?? -1
    playground = await bringUp({ env: process.env, uid, exec, controlPlane: 'none' })
    await kubectl('create', 'namespace', 'dev')
    await kubectl('create', 'deployment', 'web', '-n', 'dev', '--image=azds-sample/web:v1')
    await rolledOut('web')
  })
  afterAll(async () => playground?.cluster.stop())

  const kubectl = (...args: string[]) => playground.kubectl(...args)
  const rolledOut = (name: string) =>
    kubectl('-n', 'dev', 'rollout', 'status', `deployment/${name}`, '--timeout=60s')
  const azds = (...args: string[]): Promise<ExecResult> => {
    const all = [AZDS, ...args, '--kubeconfig', playground.cluster.kubeconfigPath]
    return exec(process.execPath, all, { timeoutMs: 110_000 })
  }
  const done = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await azds(...args)
    expect([args.join(' '), code, code === 0 ? '' : stdout + stderr]).toEqual([
      args.join(' '),
      0,
      '',
    ])
    return stdout
  }
  /** Those that are told to end go on serving for 15 s. */
  const pods = async (): Promise<Pod[]> => {
    const { items } = JSON.parse(await kubectl('get', 'pods', '-n', 'dev', '-o', 'json'))
    return (items as Pod[]).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  }
  const injected = ({ spec }: Pod) =>
    spec.initContainers?.some(({ name }) => name === CONTAINER.proxy) ?? false
  const up = async () =>
    (JSON.parse(await done('list-up', '--space', 'dev', '-o', 'json')) as UpRow[]).filter(
      ({ type }) => type === 'Pod',
    )

  test('the cluster is fit for it, and nothing of it is there', async () => {
    expect(await done('doctor', '--pre')).toContain('All is well.')
    expect(await done('uninstall', '-y')).toContain('nothing')
  })

  test('as one file it can be called by its name, and tells a Node that is too old so', async () => {
    expect(statSync(AZDS).mode & 0o111).toBe(0o111)
    const old =
      "Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.9.0'}})"
    const { code, stderr } = await exec(
      process.execPath,
      ['--import', `data:text/javascript,${old}`, AZDS, 'version'],
      { timeoutMs: 30_000 },
    )
    expect(stderr).toMatch(/^azds needs Node 24 or later; this is v[\d.]+\n$/)
    expect(code).toBe(1)
  })

  test('one command installs it and makes the first space', async () => {
    const said = await done('use', '--space', 'dev', '-y', '--set', 'api.enabled=true')
    expect(said).toContain('√ azds-webhook     2 of 2 ready')
    expect(said).toContain('is ready for development in space dev')
    await kubectl('wait', '--for=condition=Available', 'apiservice/v1.azds.io', '--timeout=60s')
    expect((await kubectl('auth', 'can-i', 'get', 'traces.azds.io', '-n', 'dev')).trim()).toBe(
      'yes',
    )
    expect((await azds('trace', '--space', 'dev')).code).toBe(0)
  })

  test('pods that were there before are shown, and healed', async () => {
    expect((await up()).map(({ sidecar }) => sidecar)).toEqual(['before-space'])
    const said = await done('space', 'heal', 'dev', '-y')
    expect(said).toContain('√ restarted        Deployment web')
    expect(said).toContain('√ looked again     every pod has its sidecar')
    expect((await pods()).every(injected)).toBe(true)
    expect((await up()).filter(({ fault }) => fault)).toEqual([])
  })

  test('all is well then, and doctor says so', async () => {
    // A sidecar has 30 s to connect, an authority a moment to be published; what is wrong stays wrong.
    const end = Date.now() + WELL_MS
    let wrong: string[] = ['not asked']
    while (wrong.length > 0 && Date.now() < end) {
      const { stdout } = await azds('doctor', '-o', 'json')
      const checks = (JSON.parse(stdout) as JsonReport).categories.flatMap((group) => group.checks)
      wrong = checks
        .filter(({ result }) => !['ok', 'skipped'].includes(result))
        .map(({ id, error }) => `${id}: ${error}`)
      if (wrong.length > 0) await sleep(500)
    }
    expect(wrong).toEqual([])
  })

  test('pods that came while no webhook answered are found, and healed when it is back', async () => {
    await done('upgrade', '--set', 'webhook.failurePolicy=Ignore')
    const webhook = 'deployment/azds-webhook'
    await kubectl('-n', 'azds', 'scale', webhook, '--replicas=0')
    // Until it is known that none is wanted, one that goes is followed by another.
    await kubectl('-n', 'azds', 'rollout', 'status', webhook, '--timeout=60s')
    // They would go on for 15 s.
    const webhooks = ['-l', 'app.kubernetes.io/name=azds-webhook']
    await kubectl('-n', 'azds', 'delete', 'pods', ...webhooks, '--grace-period=1')
    await kubectl('create', 'deployment', 'late', '-n', 'dev', '--image=azds-sample/orders:v1')
    await rolledOut('late')
    expect((await up()).find(({ name }) => name.startsWith('late'))).toMatchObject({
      sidecar: 'missed',
      status: 'Running, no sidecar (missed)',
    })
    // The upgrade brings the replicas back, too.
    expect(await done('upgrade', '--reset-values', '--set', 'api.enabled=true')).toContain(
      'webhook.failurePolicy: "Ignore" -> "Fail"',
    )
    expect(await done('space', 'heal', 'dev', '-y')).toContain('Deployment late')
    expect((await pods()).every(injected)).toBe(true)
  })

  test('everything goes, with the controller down, and no sidecar is left', async () => {
    await kubectl(
      '-n',
      'azds',
      'scale',
      'deployment/azds-controller',
      'deployment/azds-api',
      '--replicas=0',
    )
    const plan = await done('uninstall', '--dry-run')
    expect(plan).toContain('Nothing was changed.')
    expect(plan).toContain('ConfigMap dev/azds-ca')
    const said = await done('uninstall', '-y', '--unlabel', '--restart-workloads')
    expect(said).toContain('√ looked again     0 objects left')
    expect((await pods()).filter(injected)).toEqual([])
    const labelled = ['-A', '-l', 'app.kubernetes.io/part-of=azds', '-o', 'name']
    const kinds = 'all,configmaps,secrets,clusterroles,clusterrolebindings,apiservices,namespaces'
    expect((await kubectl('get', kinds, ...labelled)).trim()).toBe('')
    expect(await kubectl('get', 'namespace', 'dev', '--show-labels')).not.toContain('azds.io')
  })
})
