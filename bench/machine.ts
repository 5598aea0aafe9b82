/** Facts about the machine and the programs that a result depends on. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, getPriority, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Exec } from '../core/exec.ts'

export interface MachineFacts {
  cpu: string
  cores: number
  memoryGib: number
  kernel: string
  system: string
  /** Versions by program, as each says it. */
  programs: Record<string, string>
}

/** What changes while a run lasts. */
export interface Moment {
  /** ISO 8601, UTC, to the second. */
  at: string
  /** Load averages over 1, 5 and 15 minutes. */
  load: number[]
}

const GIB = 1024 ** 3
const ROOT = join(import.meta.dirname, '..')

/** Each program, how it is asked, and where in its answer the version stands. */
const VERSIONS: Record<string, { argv: [string, ...string[]]; version: RegExp }> = {
  nginx: { argv: ['nginx', '-v'], version: /nginx\/(\S+)/ },
  haproxy: { argv: ['haproxy', '-v'], version: /version (\S+)/ },
  wrk: { argv: ['wrk', '-v'], version: /wrk (\S+)/ },
  h2load: { argv: ['h2load', '--version'], version: /nghttp2\/(\S+)/ },
  iperf3: { argv: ['iperf3', '--version'], version: /iperf (\S+)/ },
  iptables: { argv: ['iptables', '--version'], version: /v(\S+)/ },
}

export async function machineFacts(exec: Exec): Promise<MachineFacts> {
  const programs: Record<string, string> = {
    Node: process.versions.node,
    'http-proxy-3': versionOfPackage('http-proxy-3'),
  }
  for (const [name, { argv, version }] of Object.entries(VERSIONS)) {
    const [file, ...args] = argv
    const { stdout, stderr } = await exec(file, args)
    programs[name] = version.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown'
  }
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / GIB),
    kernel: release(),
    system: /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown',
    programs,
  }
}

export function moment(): Moment {
  return { at: `${new Date().toISOString().slice(0, 19)}Z`, load: loadavg() }
}

/** What would make the figures of this machine, now, worth less; empty if nothing. */
export function doubts({ load }: Moment, cores: number): string[] {
  const [lastMinute = 0] = load
  const found = []
  if (lastMinute > cores / 2) {
    found.push(
      `the load average is ${lastMinute.toFixed(2)} on ${cores} cores: something else is running`,
    )
  }
  if (cores < 2) found.push('with one core the load takes the proxy’s time')
  if (getPriority() !== 0) found.push(`the priority is ${getPriority()} instead of 0`)
  return found
}

function versionOfPackage(name: string): string {
  const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
