/** Runs programs inside a place of the lab, as any uid and with fewer capabilities. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Exec, type ExecResult, exec } from '../../core/exec.ts'
import {
  enterArguments,
  forget,
  isListening,
  type Namespaces,
  PROGRAM_PATH,
  SCRATCH_INSIDE,
} from './namespaces.ts'

export interface RunOptions {
  /** Default 0. */
  uid?: number
  /** Default: the uid. */
  gid?: number
  /** The whole environment besides PATH and HOME. */
  env?: Record<string, string>
  cwd?: string
  /** Capabilities that the program must not have, e.g. `net_admin`. */
  withoutCapabilities?: readonly string[]
  /** What `run` gives the program on standard input. */
  input?: string
  /** Longest time for `run`, in milliseconds; default 30000. */
  timeoutMs?: number
}

export interface LabProcess {
  /** Of the outer process; the program itself has another pid inside. */
  child: ChildProcessWithoutNullStreams
  /** What the program has printed so far. */
  output: { stdout: string; stderr: string }
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>
  /** Sends the program itself a signal and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

/** How long output that is under way may take to arrive after a program's end: only daemons make it wait. */
const OUTPUT_GRACE_MS = 1000

type Inside = Pick<Namespaces, 'holder'>

/** Runs a program to its end; resolves whatever the exit code. */
export function run(
  place: Inside,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<ExecResult> {
  return exec('nsenter', [...enterArguments(place), '--', ...prefix(options), ...argv], {
    env: { PATH: PROGRAM_PATH },
    ...(options.input !== undefined && { input: options.input }),
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  })
}

/** `run` for one place, in the form that the sources take. */
export const execIn =
  (place: Inside, options: RunOptions = {}): Exec =>
  (file, args, { input, timeoutMs, env } = {}) =>
    run(place, [file, ...args], {
      ...options,
      ...(input !== undefined && { input }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      env: { ...options.env, ...env },
    })

/** Runs a program to its end and rejects, with what it printed, on any exit code but 0. */
export async function runOk(
  place: Inside,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(place, argv, options)
  if (code === 0) return stdout
  throw new Error(`${argv.join(' ')} exited with ${code}: ${stderr.trim() || stdout.trim()}`)
}

/** Starts a program that stays; it ends with the place at the latest. */
export function spawnIn(
  place: Inside,
  argv: readonly string[],
  options: RunOptions = {},
): LabProcess {
  const args = [...enterArguments(place), '--', ...prefix(options), ...argv]
  const child = spawn('nsenter', args, { env: { PATH: PROGRAM_PATH } })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text
  })
  child.stdin.on('error', () => {
    // The program has gone; `ended` tells.
  })
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    const end = (code: number | null, signal: string | null) => resolve(signal ?? code ?? 'unknown')
    child.once('close', end)
    // A daemon that it left behind may hold its output open for ever. What has come by the end of the time is
    // read first, also where the whole machine has stood still meanwhile.
    child.once('exit', (code, signal) =>
      setTimeout(() => setImmediate(end, code, signal), OUTPUT_GRACE_MS),
    )
  })
  forget(child)
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    for (const pid of childrenOf(child.pid)) tell(pid, signal)
    return ended
  }
  return { child, output, ended, stop }
}

/**
 * Waits until something listens on the port. Looks into the kernel's table and does not connect,
 * so that a server sees no connection but those of the test.
 * @throws Error with the output of `server` if it ends, or if the time is over
 */
export async function waitForPort(
  place: Inside,
  port: number,
  options: { server?: LabProcess; timeoutMs?: number } = {},
): Promise<void> {
  const { server, timeoutMs = 20_000 } = options
  const deadline = Date.now() + timeoutMs
  while (!isListening(place, port)) {
    const gone = server !== undefined && server.child.exitCode !== null
    if (gone || Date.now() > deadline) {
      const said = server ? `; it said: ${server.output.stderr}${server.output.stdout}` : ''
      const why = gone ? 'the server has ended' : `nothing listens after ${timeoutMs} ms`
      throw new Error(`port ${port}: ${why}${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** setpriv changes who the program is, env what it sees. */
function prefix({ uid = 0, gid = uid, env = {}, cwd, withoutCapabilities = [] }: RunOptions) {
  const dropped = withoutCapabilities.map((capability) => `-${capability}`).join(',')
  return [
    'setpriv',
    '--pdeathsig',
    'KILL',
    ...['--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups'],
    ...(dropped === '' ? [] : ['--bounding-set', dropped, '--inh-caps', dropped]),
    ...['env', '-i', ...(cwd === undefined ? [] : ['-C', cwd])],
    ...[`PATH=${PROGRAM_PATH}`, `HOME=${SCRATCH_INSIDE}`],
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
  ]
}

/** Sends a signal to a process that may just have ended by itself. */
function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function childrenOf(pid: number | undefined): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
