/** One run of a container: a process tree in the pod's namespaces with a file system of its own. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { type Exec, type ExecResult, execOk } from '../../core/exec.ts'
import type { ContainerLog } from './container-log.ts'
import { type RootfsPlan, rootfsScript } from './rootfs.ts'

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
  /** The same with its streams open, until it ends; null if the container has ended. */
  attach(command: readonly string[]): Promise<ChildProcessWithoutNullStreams | null>
}

export interface ContainerStart {
  /** The sandbox's process. */
  sandboxPid: number
  rootfs: RootfsPlan
  log: ContainerLog
  exec: Exec
}

/**
 * Starts it; resolves once its file system is there and its command about to run, so that nothing can be
 * run beside it in a wrong place. A command that cannot be run shows as exit code 126 or 127 with a line
 * in the log.
 */
export async function startContainer(start: ContainerStart): Promise<ContainerProcess> {
  const { sandboxPid, rootfs, log } = start
  await mkdir(rootfs.root, { recursive: true })
  // In a file that only the node can read: arguments are for everyone's eyes, and variables hold secrets.
  const script = `${rootfs.root}.sh`
  await writeFile(script, rootfsScript(rootfs), { mode: 0o600 })
  const output = await openPipe(`${rootfs.root}.output`, start.exec)
  const child = spawn(
    'nsenter',
    [
      ...['-t', String(sandboxPid), '--net', '--uts', '--ipc'],
      ...['unshare', '--mount', '--pid', '--fork', '--kill-child'],
      ...['sh', script],
    ],
    { stdio: ['ignore', output.write.fd, output.write.fd, 'pipe'] },
  )
  const exit = exitOf(child, output.read)
  log.collect(output.read)
  void exit.then(() => log.end())
  await rootReady(child)
  await output.write.close()
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
      return start.exec('nsenter', besides(pid, rootfs, command), { timeoutMs })
    },
    attach: async (command) => {
      const pid = await firstChild(child.pid ?? 0)
      return pid === null ? null : spawn('nsenter', besides(pid, rootfs, command))
    },
  }
}

/** Arguments of nsenter that run a command in the namespaces of a container, as its user. */
function besides(pid: number, rootfs: RootfsPlan, command: readonly string[]): string[] {
  const into = ['-t', String(pid), '-m', '-n', '-u', '-i', '-p', 'setpriv', ...rootfs.setpriv]
  return [...into, 'env', '-i', ...rootfs.variables, ...command]
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

interface OutputPipe {
  read: Socket
  write: FileHandle
}

/**
 * A pipe for a container's output. Node's own are sockets, which a container could not open again by
 * /dev/stdout or /proc/1/fd/1, as hooks and many images do.
 */
async function openPipe(path: string, exec: Exec): Promise<OutputPipe> {
  await execOk(exec, 'mkfifo', ['-m', '666', path])
  // Read end first, without waiting for a writer: then the write end opens at once too. A plain
  // descriptor, because the socket closes it.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const read = new Socket({ fd, readable: true, writable: false })
  const write = await open(path, constants.O_WRONLY)
  await rm(path)
  return { read, write }
}

/** The rootfs script writes to descriptor 3 as its last step; if it fails before, it ends. */
function rootReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const report = child.stdio[3] as Socket
    report.once('close', () => resolve())
    report.once('data', () => report.destroy())
    child.once('error', reject)
  })
}

/** Resolves after the output has ended too, so that the log is whole. */
function exitOf(child: ChildProcess, output: Socket): Promise<Exit> {
  const ended = new Promise<void>((resolve) => output.once('close', () => resolve()))
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signalName) => {
      if (signalName === null) return resolve({ code: code ?? 0, signal: null })
      const signal = SIGNAL_NUMBER[signalName] ?? 0
      resolve({ code: 128 + signal, signal })
    })
    child.once('error', () => resolve({ code: 128, signal: null }))
  })
  return ended.then(() => exited)
}

/** unshare's only child is the container's process 1. */
async function firstChild(pid: number): Promise<number | null> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const first = Number(children.trim().split(' ')[0])
  return first > 0 ? first : null
}
