/** The playground for one test file: its cluster with our control plane, and the calls that its tests make. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ExecResult, exec, execOk } from '../../../core/exec.ts'
import type { KubeClient } from '../../../core/kube/client.ts'
import { createKubeClient } from '../../../core/kube/kubeconfig.ts'
import type { KubeObject, Pod } from '../../../core/kube/types.ts'
import { bringUp, type Playground } from '../../../playground/bring-up.ts'

export interface SpaceCluster {
  playground: Playground
  client: KubeClient
  /** Runs kubectl and says how it ended; `input` is its standard input. */
  kubectl(args: readonly string[], input?: string): Promise<ExecResult>
  /** Applies objects with kubectl and waits until their Deployments are rolled out. */
  apply(objects: readonly KubeObject[]): Promise<void>
  /** Runs a command in the first container of the pod with the label `app`; rejects unless it exits with 0. */
  inPod(namespace: string, app: string, command: string[]): Promise<string>
  /** The pods with the label `app`. */
  pods(namespace: string, app: string): Promise<Pod[]>
  /** @param selector one label: `job-name=report` */
  podsBy(namespace: string, selector: string): Promise<Pod[]>
}

/** Longest wait (ms) for anything here: well above what it takes, also on a busy machine. */
const WAIT_LIMIT_MS = 30_000

/** @param sample whether the sample app of `npm start` is to run in `dev` and `alice` */
export async function startSpaceCluster(options: { sample: boolean }): Promise<SpaceCluster> {
  const uid = process.getuid?.() ?? -1
  const playground = await bringUp({ env: process.env, uid, exec, ...options })
  const { kubeconfigPath } = playground.cluster
  const client = createKubeClient({ kubeconfig: kubeconfigPath })
  const call = (args: readonly string[], input?: string) => {
    const limits = { timeoutMs: 2 * WAIT_LIMIT_MS, ...(input !== undefined && { input }) }
    return [playground.kubectlPath, ['--kubeconfig', kubeconfigPath, ...args], limits] as const
  }
  const podsBy = async (namespace: string, selector: string) => {
    const query = `labelSelector=${encodeURIComponent(selector)}`
    const path = `/api/v1/namespaces/${namespace}/pods?${query}`
    return (await client.get<{ items: Pod[] }>(path)).items
  }
  const pods = (namespace: string, app: string) => podsBy(namespace, `app=${app}`)
  return {
    playground,
    client,
    pods,
    podsBy,
    kubectl: (args, input) => exec(...call(args, input)),
    apply: async (objects) => {
      const documents = objects.map((object) => JSON.stringify(object)).join('\n---\n')
      await execOk(exec, ...call(['apply', '-f', '-'], documents))
      const deployments = objects.filter(({ kind }) => kind === 'Deployment')
      await Promise.all(
        deployments.map(({ metadata: { namespace = '', name = '' } }) => {
          const status = ['rollout', 'status', `deployment/${name}`, '-n', namespace]
          return execOk(exec, ...call([...status, `--timeout=${WAIT_LIMIT_MS / 1000}s`]))
        }),
      )
    },
    inPod: async (namespace, app, command) => {
      const [pod] = await pods(namespace, app)
      if (!pod) throw new Error(`no pod with the label app=${app} in ${namespace}`)
      const { name = '' } = pod.metadata
      const container = pod.spec.containers[0]?.name ?? ''
      const result = await playground.cluster.exec(namespace, name, container, command)
      if (result.code === 0) return result.stdout
      throw new Error(`in ${namespace}/${name}: ${command.join(' ')}: ${result.stderr}`)
    },
  }
}

/**
 * Asks until the answer passes; fails with the last one. Returns it with the time that it took (ms).
 * What is asked for must come by itself: nothing else is tried.
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  passes: (answer: T) => boolean,
  pauseMs = 20,
): Promise<{ answer: T; ms: number }> {
  const began = performance.now()
  for (;;) {
    const answer = await ask()
    const ms = performance.now() - began
    if (passes(answer)) return { answer, ms }
    if (ms > WAIT_LIMIT_MS) throw new Error(`not so after ${ms} ms: ${JSON.stringify(answer)}`)
    await sleep(pauseMs)
  }
}

export function isReady({ status }: Pod): boolean {
  return Boolean(
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  )
}
