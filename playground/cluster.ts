/**
 * The playground's cluster as its host sees it: starts the node, opens ports into it, and ends it. All
 * of the cluster lives in namespaces of one process tree, so that ending the tree ends everything.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, open, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecResult } from '../core/exec.ts'
import { dial, type Forward, openForward } from './bridge/forward.ts'
import { namespaceCommand, searchPath } from './cluster-support.ts'
import { NETWORK } from './node/addresses.ts'

export interface ClusterOptions {
  /** Environment of the host, for PATH. */
  env: Record<string, string | undefined>
  uid: number
  /** Port on 127.0.0.1 for the API server; 0 (default) lets the kernel choose. */
  apiPort?: number
  logLevel?: string
}

export interface Cluster {
  kubeconfigPath: string
  apiUrl: string
  /** What the node's parts log, as JSON lines. */
  logPath: string
  /** Opens 127.0.0.1:`hostPort` (0: any) to a port of a Service. */
  forward(
    namespace: string,
    service: string,
    port: number,
    hostPort?: number,
  ): Promise<{ host: string; port: number }>
  /** Runs a command in a running container. */
  exec(namespace: string, pod: string, container: string, command: string[]): Promise<ExecResult>
  /** Resolves if the node ends by itself, which it never should. */
  readonly ended: Promise<void>
  /** Ends the node and everything in it; may be called more than once. */
  stop(): Promise<void>
}

/** The node must be up within this time (ms); it takes about a second on an idle machine. */
const START_LIMIT_MS = 30_000
/** After its orders to end the node is given this long (ms) before it is killed. */
const STOP_LIMIT_MS = 2_000

const REPO = dirname(dirname(fileURLToPath(import.meta.url)))

/** Starts the cluster; resolves once the API server, the node and DNS answer. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'azds-playground-'))
  const janitor = startJanitor(dir)
  const socketPath = join(dir, 'node.sock')
  const forwards: Forward[] = []
  let node: ChildProcess | null = null
  let stopping: Promise<void> | null = null
  const stop = () => {
    stopping ??= (async () => {
      for (const forward of forwards) forward.close()
      if (node) await endNode(node)
      await rm(dir, { recursive: true, force: true })
      const gone = exited(janitor)
      // Otherwise it does not keep this process alive, which now waits for its end.
      janitor.ref()
      janitor.kill('SIGKILL')
      await gone
    })()
    return stopping
  }
  try {
    const toApi = { want: 'tcp', ip: NETWORK.apiIp, port: NETWORK.apiPort } as const
    const api = await openForward(socketPath, toApi, options.apiPort ?? 0)
    forwards.push(api)
    const apiUrl = `https://127.0.0.1:${api.port}`
    const logPath = join(dir, 'node.log')
    node = await spawnNode(options, { dir, apiUrl, logPath })
    const ended = exited(node)
    await started(node, ended, logPath)
    return {
      kubeconfigPath: join(dir, 'kubeconfig'),
      apiUrl,
      logPath,
      forward: async (namespace, name, port, hostPort = 0) => {
        const target = { want: 'service', namespace, name, port } as const
        const forward = await openForward(socketPath, target, hostPort)
        forwards.push(forward)
        return { host: forward.host, port: forward.port }
      },
      exec: async (namespace, pod, container, command) => {
        const target = { want: 'exec', namespace, pod, container, command } as const
        const { socket, result } = await dial(socketPath, target)
        socket.destroy()
        return result as ExecResult
      },
      ended,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * A process that does nothing until this one has gone, then removes the directory: nobody else is left to do
 * it if this process is killed.
 */
function startJanitor(dir: string): ChildProcess {
  // Nobody writes: read returns when this process ends. The second removal is for what the dying node
  // may have made during the first.
  const script = 'read -r _; rm -rf -- "$0"; sleep 1; rm -rf -- "$0"'
  const janitor = spawn('sh', ['-c', script, dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  janitor.unref()
  return janitor
}

interface NodePlace {
  dir: string
  apiUrl: string
  logPath: string
}

/**
 * Its standard input stays open as long as this process lives, and it ends when that ends; its fourth
 * descriptor tells when it is ready. It has a session of its own, so that Ctrl-C reaches this process alone.
 */
async function spawnNode(options: ClusterOptions, place: NodePlace): Promise<ChildProcess> {
  const nodeBinary = await realpath(join(REPO, 'node_modules/.bin/node'))
  const [file = '', ...args] = namespaceCommand(options.uid)
  const log = await open(place.logPath, 'a')
  try {
    return spawn(file, [...args, nodeBinary, join(REPO, 'playground/node/main.ts')], {
      env: {
        PATH: searchPath(options.env['PATH'] ?? ''),
        AZDS_PLAYGROUND_DIR: place.dir,
        AZDS_PLAYGROUND_REPO: REPO,
        AZDS_PLAYGROUND_API_URL: place.apiUrl,
        AZDS_LOG_LEVEL: options.logLevel ?? 'info',
      },
      stdio: ['pipe', log.fd, log.fd, 'pipe'],
      detached: true,
    })
  } finally {
    await log.close()
  }
}

function exited(node: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    node.once('exit', () => resolve())
    node.once('error', () => resolve())
  })
}

async function started(node: ChildProcess, ended: Promise<void>, logPath: string): Promise<void> {
  const report = node.stdio[3] as NodeJS.ReadableStream
  const ready = new Promise<string>((resolve) => report.once('data', () => resolve('ready')))
  const tooLate = new Promise<string>((resolve) => {
    setTimeout(() => resolve(`was not up after ${START_LIMIT_MS} ms`), START_LIMIT_MS).unref()
  })
  const outcome = await Promise.race([ready, tooLate, ended.then(() => 'ended')])
  if (outcome === 'ready') return
  const log = await readFile(logPath, 'utf8').catch(() => '')
  throw new Error(`the playground's node ${outcome}; its last words:\n${log.slice(-4000)}`)
}

async function endNode(node: ChildProcess): Promise<void> {
  if (node.exitCode !== null || node.signalCode !== null || node.pid === undefined) return
  const gone = exited(node)
  node.stdin?.on('error', () => {})
  node.stdin?.end()
  const timer = setTimeout(() => node.kill('SIGKILL'), STOP_LIMIT_MS)
  await gone
  clearTimeout(timer)
}
