/** The row `rollout`: pods go on starting while the webhook's authority changes and its replicas are replaced. */
import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import { exec } from '../../core/exec.ts'
import { createClient, type KubeClient } from '../../core/kube/client.ts'
import type { KubeObject, Pod } from '../../core/kube/types.ts'
import {
  ANNOTATION,
  CONTAINER,
  LABEL,
  SYSTEM_NAMESPACE,
  WEBHOOK_CA_SECRET,
} from '../../core/names.ts'
import { bringUp, type Playground } from '../../playground/bring-up.ts'
import type { ControlOutcome, ControlRow } from './row.ts'

const RATE = 100
const SECONDS = 60
/** When the second authority is asked for, and when all replicas are replaced (s from the first pod). */
const ROTATE_AT = 10
const RESTART_AT = 25
/** A real settle time is ten minutes; watches on one machine take milliseconds. */
const SETTLE_SECONDS = 5
/** Idle connections are closed before the API server's own 5 s: one that ends as it is used is no refusal. */
const IDLE_MS = 1000
const NAMESPACE = 'rollout'
const CONFIGURATION =
  '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azds-webhook'
const SECRET = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets/${WEBHOOK_CA_SECRET}`
const MERGE = 'application/merge-patch+json'

export const rolloutRow: ControlRow = {
  name: 'rollout',
  title: 'Pods during a change of certificates and a rolling restart of the webhook',
  how: `In a playground with the manifests and two replicas of the webhook, ${RATE} pods a second are created in a
space for ${SECONDS} s; a scheduler that does not exist keeps them from being run. After ${ROTATE_AT} s a new
authority is asked for by annotation (settle time ${SETTLE_SECONDS} s), after ${RESTART_AT} s \`kubectl rollout
restart\` replaces both replicas. Afterwards \`caBundle\` is emptied once.`,
  async run(progress, stop) {
    progress('starting a cluster')
    const uid = process.getuid?.() ?? -1
    const playground = await bringUp({ env: process.env, uid, exec, sample: false })
    const end = () => playground.cluster.stop()
    stop.addEventListener('abort', () => void end(), { once: true })
    try {
      return await measure(playground, progress, stop)
    } finally {
      await end()
    }
  },
}

async function measure(
  playground: Playground,
  progress: (text: string) => void,
  stop: AbortSignal,
): Promise<ControlOutcome> {
  const client = adminClient(playground.cluster.kubeconfigPath)
  const webhook = ['deployment/azds-webhook', '-n', SYSTEM_NAMESPACE]
  await playground.kubectl('set', 'env', ...webhook, `AZDS_CA_SETTLE_SECONDS=${SETTLE_SECONDS}`)
  await playground.kubectl('rollout', 'status', ...webhook, '--timeout=60s')
  await client.create('/api/v1/namespaces', {
    metadata: { name: NAMESPACE, labels: { [LABEL.space]: 'true' } },
  })
  const before = await authorities(client)
  const asides = Promise.all([
    sleep(ROTATE_AT * 1000).then(() =>
      client.patch(SECRET, MERGE, { metadata: { annotations: { [ANNOTATION.rotate]: 'bench' } } }),
    ),
    sleep(RESTART_AT * 1000).then(async () => {
      await playground.kubectl('rollout', 'restart', ...webhook)
      await playground.kubectl('rollout', 'status', ...webhook, '--timeout=60s')
      return performance.now()
    }),
  ])
  const begun = performance.now()
  const created = await createPods(client, progress, stop)
  const [, restarted] = await asides
  const pods = await injectedOf(client)
  const after = await authorities(client)
  return {
    figures: [
      { name: 'pods created', value: created.made, unit: '', must: { atLeast: RATE * SECONDS } },
      { name: 'pods refused', value: created.refused, unit: '', must: { atMost: 0 } },
      { name: 'pods without a sidecar', value: pods.without, unit: '', must: { atMost: 0 } },
      { name: 'p99 of a creation', value: created.p99Ms, unit: 'ms' },
      {
        name: 'authorities that signed',
        value: after === before ? 1 : 2,
        unit: '',
        must: { atLeast: 2 },
      },
      {
        name: 'caBundle put back after',
        value: await repairMs(client),
        unit: 'ms',
        must: { atMost: 1000 },
      },
    ],
    notes: [
      `${pods.all} pods are there; the last new replica was ready ${((restarted - begun) / 1000).toFixed(1)} s after the first pod`,
      ...(created.problem === null ? [] : [`first refusal: ${created.problem}`]),
    ],
  }
}

/** Over kept connections: a handshake a pod would be the load. */
function adminClient(kubeconfigPath: string): KubeClient {
  const { clusters, users } = parse(readFileSync(kubeconfigPath, 'utf8'))
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS, ca: Buffer.from(ca, 'base64') })
  const headers = { authorization: `Bearer ${users[0].user.token}` }
  const credentials = async () => ({ agent, headers })
  return createClient({ server, namespace: 'default', userAgent: 'azds-bench', credentials })
}

interface Created {
  made: number
  refused: number
  problem: string | null
  p99Ms: number
}

async function createPods(
  client: KubeClient,
  progress: (text: string) => void,
  stop: AbortSignal,
): Promise<Created> {
  const times: number[] = []
  const result: Created = { made: 0, refused: 0, problem: null, p99Ms: Number.NaN }
  const one = async (number: number) => {
    const begun = performance.now()
    try {
      await client.create(`/api/v1/namespaces/${NAMESPACE}/pods`, podAt(number))
      result.made += 1
      times.push(performance.now() - begun)
    } catch (error) {
      result.refused += 1
      result.problem ??= `at ${(number / RATE).toFixed(1)} s: ${(error as Error).message}`
    }
  }
  const open: Promise<void>[] = []
  const begun = performance.now()
  for (let number = 0; number < RATE * SECONDS && !stop.aborted; number += 1) {
    const wait = begun + (number * 1000) / RATE - performance.now()
    if (wait > 0) await sleep(wait)
    if (number % RATE === 0) progress(`${number} pods`)
    open.push(one(number))
  }
  await Promise.all(open)
  times.sort((a, b) => a - b)
  return { ...result, p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN }
}

function podAt(number: number): KubeObject & Pick<Pod, 'spec'> {
  return {
    metadata: { name: `pod-${number}`, labels: { app: `app-${number % 100}` } },
    spec: {
      schedulerName: 'nobody',
      containers: [
        { name: 'app', image: 'registry.example/app:1', ports: [{ containerPort: 8080 }] },
      ],
    },
  }
}

async function injectedOf(client: KubeClient): Promise<{ all: number; without: number }> {
  const { items } = await client.get<{ items: Pod[] }>(`/api/v1/namespaces/${NAMESPACE}/pods`)
  const has = ({ spec }: Pod) =>
    [...(spec.initContainers ?? []), ...spec.containers].some(
      ({ name }) => name === CONTAINER.proxy,
    )
  return { all: items.length, without: items.filter((pod) => !has(pod)).length }
}

/** The certificate that signs now, as the Secret has it. */
async function authorities(client: KubeClient): Promise<string> {
  const { data } = await client.get<{ data: Record<string, string> }>(SECRET)
  return data['current.crt'] ?? ''
}

/** Empties `caBundle` and measures how long it stays so. */
async function repairMs(client: KubeClient): Promise<number> {
  const path = '/webhooks/0/clientConfig/caBundle'
  await client.patch(CONFIGURATION, 'application/json-patch+json', [{ op: 'remove', path }])
  const begun = performance.now()
  for (let tries = 0; tries < 2000; tries += 1) {
    const { webhooks } = await client.get<{
      webhooks: { clientConfig: { caBundle?: string } }[]
    }>(CONFIGURATION)
    if (webhooks[0]?.clientConfig.caBundle) return performance.now() - begun
    await sleep(5)
  }
  return Number.NaN
}
