/** A cluster for one test file, with the few questions that its tests ask again and again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { exec, execOk } from '../../core/exec.ts'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import { createKubeClient } from '../../core/kube/kubeconfig.ts'
import { type Cluster, startCluster } from '../../playground/cluster.ts'
import { kubernetesTools } from '../../playground/kubectl.ts'
import type { PodView } from '../../playground/node/pod-view.ts'

export interface TestCluster {
  cluster: Cluster
  client: KubeClient
  /** Runs kubectl; rejects unless it exits with 0. `input` is its standard input. */
  kubectl(args: readonly string[], input?: string): Promise<string>
  createPod(name: string, spec: PodView['spec'], labels?: Record<string, string>): Promise<void>
  /** Waits until the pod (null: gone) passes the test; fails with the last state and the pod's events. */
  podWhen(name: string, holds: (pod: PodView | null) => boolean): Promise<PodView>
  log(name: string, container: string): Promise<string>
  /** Runs a command in a pod's container and returns its standard output; rejects unless it exits with 0. */
  inPod(name: string, container: string, command: string[]): Promise<string>
}

/** Waits end after this time (ms): well above anything that takes place here, also on a busy machine. */
const WAIT_LIMIT_MS = 60_000

export async function startTestCluster(): Promise<TestCluster> {
  const tools = await kubernetesTools()
  const cluster = await startCluster({ env: process.env, uid: process.getuid?.() ?? -1 })
  const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath })
  const podPath = (name: string) => `/api/v1/namespaces/default/pods/${name}`
  return {
    cluster,
    client,
    kubectl: async (args, input) => {
      const all = ['--kubeconfig', cluster.kubeconfigPath, ...args]
      const limits = { timeoutMs: 90_000, ...(input !== undefined && { input }) }
      return (await execOk(exec, tools.kubectl, all, limits)).stdout
    },
    createPod: async (name, spec, labels = {}) => {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, labels },
        spec,
      }
      await client.create('/api/v1/namespaces/default/pods', pod)
    },
    podWhen: async (name, holds) => {
      const deadline = Date.now() + WAIT_LIMIT_MS
      for (;;) {
        const pod = await client.get<PodView>(podPath(name)).catch(absent)
        if (holds(pod)) return pod as PodView
        if (Date.now() > deadline) {
          throw new Error(
            `pod ${name} did not get there: ${JSON.stringify(pod?.status, null, 2)}\n${await eventsOf(client, name)}`,
          )
        }
        await sleep(50)
      }
    },
    log: (name, container) => client.text(`${podPath(name)}/log?container=${container}`),
    inPod: async (name, container, command) => {
      const { code, stdout, stderr } = await cluster.exec('default', name, container, command)
      if (code !== 0) throw new Error(`in ${name}: ${command.join(' ')}: ${code}: ${stderr}`)
      return stdout
    },
  }
}

function absent(error: Error): null {
  if (error instanceof KubeError && error.status === 404) return null
  throw error
}

async function eventsOf(client: KubeClient, name: string): Promise<string> {
  const { items } = await client.get<{
    items: { reason: string; message: string; involvedObject: { name: string } }[]
  }>('/api/v1/namespaces/default/events')
  return items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`)
    .join('\n')
}

export interface ContainerStatus {
  name: string
  ready: boolean
  started: boolean
  restartCount: number
  state: Record<
    string,
    {
      reason?: string
      message?: string
      exitCode?: number
      signal?: number
      startedAt?: string
      finishedAt?: string
    }
  >
  lastState: Record<string, { reason?: string; exitCode?: number }>
}

/** A container's status by name, also an init container's. */
export function statusOf(pod: PodView | null, container: string): ContainerStatus | undefined {
  const lists = ['initContainerStatuses', 'containerStatuses'] as const
  const all = lists.flatMap((list) => (pod?.status?.[list] ?? []) as ContainerStatus[])
  return all.find(({ name }) => name === container)
}

export function isReady(pod: PodView | null): boolean {
  const conditions = (pod?.status?.['conditions'] ?? []) as { type: string; status: string }[]
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** Asks until the answer is the expected one; fails with the last that came. */
export async function eventually(expected: string, ask: () => Promise<string>): Promise<void> {
  const deadline = Date.now() + WAIT_LIMIT_MS
  for (;;) {
    const answer = await ask().catch((error: Error) => error.message)
    if (answer === expected) return
    if (Date.now() > deadline)
      throw new Error(`expected ${expected}, the last answer was ${answer}`)
    await sleep(100)
  }
}

export const phaseIs =
  (phase: string) =>
  (pod: PodView | null): boolean =>
    pod?.status?.phase === phase

/** Waits for an Event with this text: they are written beside the status that they are about. */
export async function told(on: TestCluster, text: string): Promise<void> {
  await eventually(text, async () => {
    const events = await on.kubectl(['get', 'events'])
    return events.includes(text) ? text : events
  })
}

/**
 * What a container that keeps ending has printed, in its last run and the one before: asked again if it has
 * started meanwhile, because the last becomes the one before then.
 */
export async function lastLogs(
  on: TestCluster,
  pod: string,
  container: string,
): Promise<[now: string, before: string]> {
  for (;;) {
    const now = await on.kubectl(['logs', pod])
    const before = await on.kubectl(['logs', pod, '--previous'])
    if (now !== '' && (await on.log(pod, container)) === now) return [now, before]
  }
}
