/** Brings the playground up: the cluster, our control plane in it, the sample app in two spaces. */
import { join } from 'node:path'
import { type Exec, execOk } from '../core/exec.ts'
import type { Pod } from '../core/kube/types.ts'
import { API_GROUP, API_VERSION, GATEWAY_SERVICE, SYSTEM_NAMESPACE } from '../core/names.ts'
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import { type ControlPlane, installControlPlane } from './control-plane.ts'
import { kubernetesTools } from './kubectl.ts'
import { openViewer } from './viewer.ts'

const REPO = join(import.meta.dirname, '..')
const SAMPLE = join(REPO, 'playground', 'sample', 'manifests')

/** Ports of the host that are asked for first, so that addresses stay the same from run to run. */
const GATEWAY_HOST_PORT = 7080
const VIEWER_HOST_PORT = 7081

/** Longest wait for a Deployment (s); it takes about three on an idle machine with two cores. */
const ROLLOUT_SECONDS = 60

export interface Playground {
  cluster: Cluster
  /** Ports of the host; 0 without a control plane. */
  gatewayPort: number
  viewerPort: number
  kubectlPath: string
  helmPath: string
  /** Runs kubectl against this cluster; rejects unless it exits with 0. */
  kubectl(...args: string[]): Promise<string>
}

/** Hears of each step once it is done, with the milliseconds since the beginning. */
export type OnStep = (step: string, milliseconds: number) => void

export interface BringUpOptions extends ClusterOptions {
  exec: Exec
  /** False leaves the sample app out, as a cluster without a control plane does. */
  sample?: boolean
  /** Default `manifests`. */
  controlPlane?: ControlPlane
}

/** Starts everything; rejects with the step's own error, after taking down what had been started. */
export async function bringUp(
  options: BringUpOptions,
  onStep: OnStep = () => {},
): Promise<Playground> {
  const started = performance.now()
  const step = (name: string) => onStep(name, performance.now() - started)
  const { controlPlane = 'manifests', sample = controlPlane !== 'none' } = options
  const tools = await kubernetesTools()
  const cluster = await startCluster(options)
  try {
    step('cluster: API server, node, DNS')
    const kubectl = async (...args: string[]) => {
      const all = ['--kubeconfig', cluster.kubeconfigPath, ...args]
      const limit = { timeoutMs: (ROLLOUT_SECONDS + 10) * 1000 }
      return (await execOk(options.exec, tools.kubectl, all, limit)).stdout
    }
    const { kubeconfigPath } = cluster
    const how = { exec: options.exec, tools, kubeconfigPath, waitSeconds: ROLLOUT_SECONDS }
    await installControlPlane(controlPlane, how)
    if (controlPlane !== 'none') {
      await rolledOut(kubectl, SYSTEM_NAMESPACE)
      const api = `apiservice/${API_VERSION}.${API_GROUP}`
      await kubectl('wait', '--for=condition=Available', `--timeout=${ROLLOUT_SECONDS}s`, api)
      step('control plane: webhook, controller, azds.io, gateway')
    }
    if (sample) {
      await kubectl('apply', '-f', SAMPLE)
      await Promise.all([rolledOut(kubectl, 'dev'), rolledOut(kubectl, 'alice')])
      step('sample app: web, orders, stock, warehouse in dev; orders in dev/alice')
    }
    const isThere = controlPlane !== 'none'
    const viewer = isThere
      ? await openViewer({ kubeconfig: kubeconfigPath }, VIEWER_HOST_PORT)
      : null
    const stop = async () => {
      await viewer?.close()
      await cluster.stop()
    }
    return {
      cluster: { ...cluster, stop },
      gatewayPort: isThere ? (await forward(cluster, GATEWAY_SERVICE, GATEWAY_HOST_PORT)).port : 0,
      viewerPort: viewer?.port ?? 0,
      kubectlPath: tools.kubectl,
      helmPath: tools.helm,
      kubectl,
    }
  } catch (error) {
    const problem = await describe(cluster, options.exec, tools.kubectl)
    await cluster.stop()
    throw new Error(`${(error as Error).message}\n${problem}`, { cause: error })
  }
}

function rolledOut(kubectl: Playground['kubectl'], namespace: string): Promise<string> {
  const wait = ['wait', '--for=condition=Available', `--timeout=${ROLLOUT_SECONDS}s`]
  return kubectl(...wait, 'deployment', '--all', '-n', namespace)
}

/** Takes the preferred port of the host, or any free one if it is in use. */
async function forward(cluster: Cluster, service: string, port: number) {
  try {
    return await cluster.forward(SYSTEM_NAMESPACE, service, 80, port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return cluster.forward(SYSTEM_NAMESPACE, service, 80)
  }
}

/** What the cluster says of itself when something has failed: its pods, and why some are not ready. */
async function describe(cluster: Cluster, exec: Exec, kubectl: string): Promise<string> {
  const ask = async (...args: string[]) => {
    const answer = await exec(kubectl, ['--kubeconfig', cluster.kubeconfigPath, ...args])
    return answer.stdout + answer.stderr
  }
  try {
    const pods = await ask('get', 'pods', '--all-namespaces')
    const list = JSON.parse(await ask('get', 'pods', '--all-namespaces', '-o', 'json'))
    const reports = (list.items as Pod[]).filter(isUnready).map(async ({ metadata }) => {
      const { namespace = '', name = '' } = metadata
      const events = await ask(
        'get',
        'events',
        '-n',
        namespace,
        '--field-selector',
        `involvedObject.name=${name}`,
      )
      const log = await ask('logs', '-n', namespace, name, '--all-containers', '--tail=5')
      return `\n${namespace}/${name}\n${events}${log}`
    })
    return `${pods}${(await Promise.all(reports)).join('')}`
  } catch (error) {
    return `(the cluster could not be asked: ${(error as Error).message})`
  }
}

function isUnready({ status }: Pod): boolean {
  return !status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
}
