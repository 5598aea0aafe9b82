/** One run of a container: a process tree in the pod's namespaces with a file system of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import type { Exec, ExecResult } from '../../core/exec.ts'
import type { ContainerLog } from './container-log.ts'
import { DEFAULT_PATH, type RootfsPlan, rootfsScript } from './rootfs.ts'

export interface Exit {
  code: number
  /** Number of the signal that ended it, or null. */
  signal: number | null
}

export interface ContainerProcess {
  readonly exit: Promise<Exit>
  /** Sends a signal to the container's process 1. */
  signal(name: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Runs a command beside it, in the same namespaces and as the same user. */
  exec(command: readonly string[], timeoutMs: number): Promise<ExecResult>
}

export interface ContainerStart {
  /** The sandbox's process. */
  sandboxPid: number
  rootfs: RootfsPlan
  env: ReadonlyMap<string, string>
  command: readonly string[]
  log: ContainerLog
  exec: Exec
}

/** Starts it; a command that cannot be run shows as exit code 126 or 127 with a line in the log. */
export async function startContainer(start: ContainerStart): Promise<ContainerProcess> {
  const { sandboxPid, rootfs, log } = start
  await mkdir(rootfs.root, { recursive: true })
  const variables = [...new Map([['PATH', DEFAULT_PATH], ...start.env])].map(
    ([k, v]) => `${k}=${v}`,
  )
  const child = spawn(
    'nsenter',
    [
      ...['-t', String(sandboxPid), '--net', '--uts', '--ipc'],
      ...['unshare', '--mount', '--pid', '--fork', '--kill-child'],
      ...['sh', '-c', rootfsScript(rootfs), 'sh', ...variables, ...start.command],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  log.collect(child.stdout)
  log.collect(child.stderr)
  const exit = exitOf(child)
  void exit.then(() => log.end())
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  return {
    exit,
    signal: async (name) => {
      const pid = await firstChild(child.pid ?? 0)
      // Before process 1 exists, ending its parent ends it too (--kill-child).
      try {
        process.kill(pid ?? child.pid ?? 0, name)
      } catch {
        // It has ended meanwhile.
      }
    },
    exec: async (command, timeoutMs) => {
      const pid = await firstChild(child.pid ?? 0)
      if (pid === null) return { code: 126, stdout: '', stderr: 'the container is not running' }
      const args = ['-t', String(pid), '-m', '-n', '-u', '-i', '-p', 'setpriv', ...rootfs.setpriv]
      return start.exec('nsenter', [...args, 'env', '-i', ...variables, ...command], { timeoutMs })
    },
  }
}

/** Numbers of the signals that end containers in practice (signal(7)). */
const SIGNAL_NUMBER: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
}

/** Resolves after the streams have ended too, so that the log is whole. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('close', (code, signalName) => {
      if (signalName === null) return resolve({ code: code ?? 0, signal: null })
      const signal = SIGNAL_NUMBER[signalName] ?? 0
      resolve({ code: 128 + signal, signal })
    })
    child.once('error', () => resolve({ code: 128, signal: null }))
  })
}

/** unshare's only child is the container's process 1. */
async function firstChild(pid: number): Promise<number | null> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const first = Number(children.trim().split(' ')[0])
  return first > 0 ? first : null
}
