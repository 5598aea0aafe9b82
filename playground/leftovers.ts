/** What a run must not leave on the host: processes, interfaces, namespaces, rules, mounts. */
import { readdir, readFile } from 'node:fs/promises'
import type { Exec } from '../core/exec.ts'

/** Lines that describe the host, by subject. */
export type HostState = Record<string, string[]>

const SUBJECTS: Record<string, [file: string, ...args: string[]]> = {
  interfaces: ['ip', '-brief', 'link'],
  'named network namespaces': ['ip', 'netns', 'list'],
  routes: ['ip', 'route'],
  'iptables rules': ['iptables-save'],
}

export async function hostState(exec: Exec): Promise<HostState> {
  const state: HostState = {}
  for (const [subject, [file, ...args]] of Object.entries(SUBJECTS)) {
    const { stdout } = await exec(file, args)
    // Comments hold the time, and counters grow with any traffic.
    const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    state[subject] = lines.map((line) => line.replace(/\[\d+:\d+\]/, '').trim())
  }
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  state['mounts'] = mounts.split('\n').map((line) => line.split(' ').slice(4, 5).join())
  return state
}

/** What is there now and was not before, as `subject: line`. */
export function leftovers(before: HostState, after: HostState): string[] {
  return Object.entries(after).flatMap(([subject, lines]) => {
    const known = new Set(before[subject])
    return lines.filter((line) => !known.has(line)).map((line) => `${subject}: ${line}`)
  })
}

/**
 * Processes of one run: those that were started with its directory in their command line or
 * environment. Others, of another playground on the same machine, are none of its business.
 */
export async function processesOf(directory: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
    const command = (await read('cmdline')).replaceAll('\0', ' ')
    if (`${command}${await read('environ')}`.includes(directory)) found.push(`${pid} ${command}`)
  }
  return found
}
