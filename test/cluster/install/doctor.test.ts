/** Each fault that azds doctor names, provoked once on a cluster where the programs really run. */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { ownChart } from '../../../cli/chart/files.ts'
import type { Outcome } from '../../../cli/doctor/check.ts'
import { doctorFacts } from '../../../cli/doctor/facts.ts'
import { GROUPS } from '../../../cli/doctor/groups.ts'
import { runChecks } from '../../../cli/doctor/run.ts'
import { WEBHOOK_CONFIGURATION_PATH } from '../../../cli/install/installation.ts'
import { exec } from '../../../core/exec.ts'
import type { KubeClient } from '../../../core/kube/client.ts'
import { createKubeClient } from '../../../core/kube/kubeconfig.ts'
import type { CoreEvent } from '../../../core/kube/types.ts'
import { bringUp, type Playground } from '../../../playground/bring-up.ts'
import { describeCluster } from '../requirements.ts'

// The installation takes 6 s on an idle machine with two cores, and so does putting it back.
jest.setTimeout(300_000)

const AZDS = join(import.meta.dirname, '../../../dist/azds.mjs')
const DAY_MS = 86_400_000
/** Longest wait (ms) for a fault to show: well above what it takes. */
const SHOWS_MS = 90_000

describeCluster('azds doctor on an installation with faults', () => {
  let playground: Playground
  let client: KubeClient
  beforeAll(async () => {
    const uid = process.getuid?.() ?? -1
    playground = await bringUp({ env: process.env, uid, exec, controlPlane: 'none' })
    client = createKubeClient({ kubeconfig: playground.cluster.kubeconfigPath })
    await azds('use', '--space', 'dev', '-y', '--set', 'api.enabled=true')
    await kubectl('create', 'deployment', 'web', '-n', 'dev', '--image=azds-sample/web:v1')
    await kubectl('-n', 'dev', 'rollout', 'status', 'deployment/web', '--timeout=60s')
  })
  afterAll(async () => playground?.cluster.stop())

  const kubectl = (...args: string[]) => playground.kubectl(...args)
  const azds = async (...args: string[]): Promise<void> => {
    const all = [AZDS, ...args, '--kubeconfig', playground.cluster.kubeconfigPath]
    const { code, stdout, stderr } = await exec(process.execPath, all, { timeoutMs: 110_000 })
    if (code !== 0) throw new Error(`azds ${args.join(' ')}: ${code}\n${stdout}${stderr}`)
  }
  const scale = (name: string, replicas: number) =>
    kubectl('-n', 'azds', 'scale', `deployment/${name}`, `--replicas=${replicas}`)
  const rolledOut = (name: string) =>
    kubectl('-n', 'azds', 'rollout', 'status', `deployment/${name}`, '--timeout=60s')

  /** What each check answers now. @param later ms by which the clock is ahead */
  const doctor = async (later = 0): Promise<Map<string, Outcome>> => {
    const facts = doctorFacts({
      client,
      chart: ownChart(),
      target: 'azds',
      space: 'dev',
      now: () => Date.now() + later,
      elapsed: () => performance.now(),
    })
    const options = { pre: false, developer: false, onFinding: () => {} }
    const findings = await runChecks(GROUPS, facts, options)
    return new Map(findings.map(({ check, outcome }) => [check.id, outcome]))
  }
  /** Asks until the check has come to this result; fails with its last words. */
  const shows = async (id: string, result: Outcome['result'], text = ''): Promise<void> => {
    const end = Date.now() + SHOWS_MS
    for (;;) {
      const outcome = (await doctor()).get(id)
      const told = JSON.stringify(outcome)
      if (outcome?.result === result && told.includes(text)) return
      if (Date.now() > end) throw new Error(`${id} is not ${result} with "${text}": ${told}`)
      await sleep(300)
    }
  }

  test('time that runs out is told: of authority, certificate and clock', async () => {
    for (const id of ['leaf-age', 'api-certificate', 'api-ca-bundle']) await shows(id, 'ok')
    const later = await doctor(400 * DAY_MS)
    expect(later.get('ca-age')).toMatchObject({ result: 'error', cause: 'it has expired' })
    expect(later.get('leaf-age')).toMatchObject({ result: 'error', cause: 'it has expired' })
    expect(later.get('api-certificate')).toMatchObject({
      result: 'error',
      cause: expect.stringContaining('it has expired'),
    })
    expect(later.get('clock-skew')).toMatchObject({ result: 'warning' })
  })

  test('a space in which a pod is refused: by Pod Security, and by a quota', async () => {
    const level = 'pod-security.kubernetes.io/enforce'
    await kubectl('label', 'namespace', 'dev', `${level}=baseline`)
    await shows('webhook-canary', 'error', 'Pod Security level')
    await shows('pod-security', 'error', 'dev: baseline')
    await kubectl('label', 'namespace', 'dev', `${level}-`)
    await kubectl('create', 'quota', 'small', '-n', 'dev', '--hard=pods=1')
    await shows('quota', 'warning', 'dev: small: pods 1 of 1')
    await shows('webhook-canary', 'error', 'a quota of the space')
    await kubectl('delete', 'quota', 'small', '-n', 'dev')
    await shows('webhook-canary', 'ok')
  })

  test('images that nodes do not get', async () => {
    await azds('upgrade', '--no-wait', '--set', 'prepull.images={no.such.registry/image:1}')
    await shows('images', 'warning', 'no.such.registry/image:1')
  })

  test('a role that was taken, an API that is away, certificates that are left', async () => {
    await kubectl('delete', 'clusterrolebinding', 'azds-controller')
    await scale('azds-api', 0)
    await kubectl('create', 'namespace', 'plain')
    await kubectl('create', 'configmap', 'azds-ca', '-n', 'plain')
    await shows('rights-controller', 'error', 'tokenreviews')
    await shows('left-ca', 'warning', 'plain')
    await shows('apiservice-available', 'error', 'no namespace of the cluster can be deleted')
  })

  test('a webhook that is down, and a bundle that somebody has overwritten meanwhile', async () => {
    await scale('azds-webhook', 0)
    await shows('webhook-endpoints', 'error', '0 of')
    await shows('webhook-canary', 'error', 'cannot reach the webhook')
    // Replicas that are told to end go on for 15 s, and would put the bundle right.
    const webhooks = ['-l', 'app.kubernetes.io/name=azds-webhook']
    await kubectl('-n', 'azds', 'delete', 'pods', ...webhooks, '--grace-period=1')
    const patch = [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: 'bm9uZQ==' }]
    await client
      .patch(WEBHOOK_CONFIGURATION_PATH, 'application/json-patch+json', patch)
      .catch(() =>
        client.patch(WEBHOOK_CONFIGURATION_PATH, 'application/json-patch+json', [
          { op: 'remove', path: '/webhooks/0/clientConfig/caBundle' },
        ]),
      )
    await shows('ca-bundle', 'error', 'caBundle')
  })

  test('an upgrade puts all of it back', async () => {
    await azds('upgrade', '--reset-values', '--set', 'api.enabled=true')
    for (const name of ['azds-webhook', 'azds-api']) await rolledOut(name)
    for (const id of ['rights-controller', 'webhook-canary', 'ca-bundle', 'apiservice-available']) {
      await shows(id, 'ok')
    }
  })

  test('a Secret of another type in place of azds-api’s, until it is deleted', async () => {
    await scale('azds-controller', 0)
    const pods = ['-l', 'app.kubernetes.io/name=azds-controller']
    await kubectl('-n', 'azds', 'delete', 'pods', ...pods, '--grace-period=1')
    const secret = ['secret', 'azds-api-tls', '-n', 'azds']
    await kubectl('delete', ...secret)
    await shows('api-certificate', 'error', 'is gone')
    await kubectl('create', 'secret', 'generic', ...secret.slice(1), '--from-literal=who=somebody')
    await scale('azds-controller', 1)
    await rolledOut('azds-controller')
    await shows('api-certificate', 'error', 'is of type Opaque')
    const reasons = async () => {
      const { items } = await client.get<{ items: CoreEvent[] }>('/api/v1/namespaces/azds/events')
      return items.map(({ reason }) => reason)
    }
    const end = Date.now() + SHOWS_MS
    while (!(await reasons()).includes('CertificateNotHandedOver') && Date.now() < end)
      await sleep(300)
    expect(await reasons()).toContain('CertificateNotHandedOver')
    await kubectl('delete', ...secret)
    await shows('api-certificate', 'ok')
    await shows('apiservice-available', 'ok')
  })

  test('a configuration that is gone', async () => {
    await client.delete(WEBHOOK_CONFIGURATION_PATH)
    await shows('webhook-registered', 'error', 'no pod gets a sidecar')
    await shows('webhook-canary', 'error', 'would start without a sidecar')
  })
})
