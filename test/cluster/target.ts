/**
 * The cluster that scenarios run on: the playground, made for them, or with AZDS_E2E_KUBECONFIG any cluster on which we are
 * installed. On the latter kubectl is the only way in, and every namespace has a prefix of this run's own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { type ExecResult, exec, execOk } from '../../core/exec.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import { createKubeClient } from '../../core/kube/kubeconfig.ts'
import { GATEWAY_SERVICE, SYSTEM_NAMESPACE } from '../../core/names.ts'
import { bringUp, type Playground } from '../../playground/bring-up.ts'
import { kubernetesTools } from '../../playground/kubectl.ts'
import { openViewer } from '../../playground/viewer.ts'

export interface ClusterTarget {
  /** Null where the cluster is somebody's own. */
  playground: Playground | null
  client: KubeClient
  /** Before every namespace that scenarios make, and after it in nothing else. Empty in the playground. */
  prefix: string
  /** `<registry>/azds/sample:<tag>`; null where the playground's own names stand for programs. */
  sampleImage: string | null
  /** Longest wait (ms) for anything: well above what it takes, also on a busy machine, or with images to be pulled. */
  waitLimitMs: number
  /** Ports of this machine that lead to the gateway (0 where there is none), and to what answers for traces. */
  gatewayPort: number
  viewerPort: number
  /** Runs kubectl and says how it ended. */
  kubectl(args: readonly string[], input?: string): Promise<ExecResult>
  /** Runs a command in a running container. */
  exec(namespace: string, pod: string, container: string, command: string[]): Promise<ExecResult>
  /** Takes down what was made for the scenarios; on somebody's own cluster these namespaces. */
  stop(namespaces: readonly string[]): Promise<void>
}

/** What `npm run e2e` passes on. */
export interface ForeignOptions {
  kubeconfig: string
  context: string | null
  /** Program that is called as kubectl; null: the one that tests have. */
  kubectl: string | null
  systemNamespace: string
  sampleImage: string
  keep: boolean
  /** Parts that the installation does without. */
  lacks: readonly string[]
}

/** Null where scenarios make the playground. */
export function foreignOptions(env: Record<string, string | undefined>): ForeignOptions | null {
  const kubeconfig = env['AZDS_E2E_KUBECONFIG']
  if (!kubeconfig) return null
  return {
    kubeconfig,
    context: env['AZDS_E2E_CONTEXT'] || null,
    kubectl: env['AZDS_E2E_KUBECTL'] || null,
    systemNamespace: env['AZDS_E2E_NAMESPACE'] || SYSTEM_NAMESPACE,
    sampleImage: env['AZDS_E2E_SAMPLE_IMAGE'] ?? '',
    keep: env['AZDS_E2E_KEEP'] === 'true',
    lacks: (env['AZDS_E2E_LACKS'] ?? '').split(',').filter((part) => part !== ''),
  }
}

const PLAYGROUND_WAIT_MS = 60_000
/** An image may have to be pulled, on a node that has to be added first. */
const FOREIGN_WAIT_MS = 180_000

export async function startTarget(options: { sample: boolean }): Promise<ClusterTarget> {
  const foreign = foreignOptions(process.env)
  return foreign ? startForeign(foreign) : startPlayground(options)
}

async function startPlayground(options: { sample: boolean }): Promise<ClusterTarget> {
  const uid = process.getuid?.() ?? -1
  const playground = await bringUp({ env: process.env, uid, exec, ...options })
  const { kubeconfigPath } = playground.cluster
  return {
    ...{ playground, prefix: '', sampleImage: null, waitLimitMs: PLAYGROUND_WAIT_MS },
    client: createKubeClient({ kubeconfig: kubeconfigPath }),
    gatewayPort: playground.gatewayPort,
    viewerPort: playground.viewerPort,
    kubectl: kubectlOf(
      playground.kubectlPath,
      ['--kubeconfig', kubeconfigPath],
      PLAYGROUND_WAIT_MS,
    ),
    exec: (...call) => playground.cluster.exec(...call),
    stop: () => playground.cluster.stop(),
  }
}

function kubectlOf(program: string, flags: readonly string[], waitLimitMs: number) {
  return (args: readonly string[], input?: string) => {
    // kubectl's own time-outs come first, so that its words are heard.
    const limits = { timeoutMs: 2 * waitLimitMs, ...(input !== undefined && { input }) }
    return exec(program, [...flags, ...args], limits)
  }
}

async function startForeign(options: ForeignOptions): Promise<ClusterTarget> {
  const { kubeconfig, context, systemNamespace, sampleImage } = options
  const program = options.kubectl ?? (await kubernetesTools()).kubectl
  const flags = ['--kubeconfig', kubeconfig, ...(context ? ['--context', context] : [])]
  const kubectl = kubectlOf(program, flags, FOREIGN_WAIT_MS)
  const forwards: ChildProcess[] = []
  const forward = (service: string) =>
    portForward(
      program,
      [...flags, 'port-forward', '-n', systemNamespace, `service/${service}`],
      forwards,
    )
  try {
    const access = { kubeconfig, ...(context && { context }) }
    const client = createKubeClient(access)
    const gatewayPort = options.lacks.includes('gateway') ? 0 : await forward(GATEWAY_SERVICE)
    const viewer = await openViewer(access)
    // Different from run to run: a namespace of the last one may still be going.
    const prefix = `azds-e2e-${Date.now().toString(36).slice(-5)}-`
    return {
      ...{ playground: null, prefix, sampleImage, waitLimitMs: FOREIGN_WAIT_MS },
      ...{ client, gatewayPort, viewerPort: viewer.port, kubectl },
      exec: (namespace, pod, container, command) =>
        kubectl(['exec', '-n', namespace, pod, '-c', container, '--', ...command]),
      stop: async (namespaces) => {
        for (const child of forwards) child.kill()
        await viewer.close()
        if (options.keep || namespaces.length === 0) return
        const remove = ['delete', 'namespace', '--ignore-not-found', '--wait=false']
        await execOk(exec, program, [...flags, ...remove, ...namespaces])
      },
    }
  } catch (error) {
    for (const child of forwards) child.kill()
    throw error
  }
}

/** kubectl chooses a free port of this machine, and says which. */
function portForward(program: string, args: string[], children: ChildProcess[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, ':80'], { stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(child)
    let said = ''
    const hear = (chunk: Buffer) => {
      said += chunk.toString()
      const port = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1]
      if (port !== undefined) resolve(Number(port))
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`${args.join(' ')} ended: ${said}`)))
  })
}
