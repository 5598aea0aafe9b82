/** One of our bundles as a process beside a playground API server, with the account of a pod. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ApiServer } from '../../playground/apiserver/server.ts'
import { pinned } from '../cores.ts'
import { cpuSecondsOf } from '../process-tree.ts'

const ROOT = join(import.meta.dirname, '../..')
/** A program that does not end when it is told to is killed after this time (ms). */
const END_MS = 10_000

export interface ProgramOptions {
  /** File of dist/, e.g. `webhook.mjs`. */
  bundle: string
  /** Flags of Node. */
  flags?: readonly string[]
  env: Readonly<Record<string, string>>
  api: ApiServer
  /** Namespace and service account that it runs as; both must exist. */
  namespace: string
  account: string
}

export interface Program {
  readonly pid: number
  /** Waits for a line of the log with this message, and returns it; rejects if the program ends before. */
  logged(message: string): Promise<Record<string, unknown>>
  cpuSeconds(): number
  /** Most bytes that were ever resident. */
  peakBytes(): number
  /** Bytes resident now. */
  residentBytes(): number
  stop(signal?: NodeJS.Signals): Promise<void>
}

export function startProgram(options: ProgramOptions): Program {
  const { bundle, flags = [], env, api, namespace, account } = options
  const directory = mkdtempSync(join(tmpdir(), 'azds-bench-'))
  writeFileSync(join(directory, 'token'), api.tokenFor(namespace, account))
  writeFileSync(join(directory, 'ca.crt'), api.caPem)
  const { hostname, port } = new URL(api.url)
  // taskset becomes the program, so that the pid is the program's own.
  const command = pinned('proxy', [process.execPath, ...flags, join(ROOT, 'dist', bundle)])
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: {
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      AZDS_SERVICE_ACCOUNT_DIR: directory,
      AZDS_NAMESPACE: namespace,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = followLines(child)
  const pid = child.pid ?? 0
  const status = () => readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status())?.[1] ?? Number.NaN) * 1024
  return {
    pid,
    logged: lines.waitFor,
    cpuSeconds: () => cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, 'utf8')),
    peakBytes: () => field('VmHWM'),
    residentBytes: () => field('VmRSS'),
    async stop(signal = 'SIGTERM') {
      rmSync(directory, { recursive: true, force: true })
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
      await once(child, 'exit')
      clearTimeout(timer)
    },
  }
}

/** Lines that were seen are remembered up to this many: those of the start. */
const MAX_LINES = 200

function followLines(child: ChildProcess) {
  const seen: string[] = []
  const waiting = new Set<{ message: string; found: (line: string) => void }>()
  let errors = ''
  let rest = ''
  child.stdout?.on('data', (chunk) => {
    const parts = (rest + String(chunk)).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) {
      if (seen.length < MAX_LINES) seen.push(line)
      for (const one of waiting) if (line.includes(`"msg":"${one.message}"`)) one.found(line)
    }
  })
  child.stderr?.on('data', (chunk) => {
    errors = (errors + String(chunk)).slice(-2000)
  })
  return {
    async waitFor(message: string): Promise<Record<string, unknown>> {
      const known = seen.find((line) => line.includes(`"msg":"${message}"`))
      if (known) return JSON.parse(known)
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      const one = { message, found: resolve }
      const onExit = () =>
        reject(new Error(`it ended early: ${errors || seen.slice(-3).join('\n')}`))
      waiting.add(one)
      child.once('exit', onExit)
      try {
        return JSON.parse(await promise)
      } finally {
        waiting.delete(one)
        child.off('exit', onExit)
      }
    },
  }
}
