/** What a playground leaves on the machine that runs it: looked up from outside, by /proc and /tmp alone. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'

export interface MachineTraces {
  /** `azds-playground-…` directories. */
  directories: string[]
  mounts: string[]
  interfaces: string[]
}

export function machineTraces(): MachineTraces {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const ours = /^(cni0|veth\d+|azds\d+)$/
  return {
    directories: readdirSync(tmpdir()).filter((name) => name.startsWith('azds-playground-')),
    mounts: mounts.filter((line) => line.includes('azds-playground-')),
    interfaces: Object.keys(networkInterfaces()).filter((name) => ours.test(name)),
  }
}

/** A process, told apart from a later one of the same number by its start time. */
export interface ProcessId {
  pid: number
  startTime: string
  command: string
}

/** All processes below `pid`, itself not included. */
export function descendants(pid: number): ProcessId[] {
  const children = new Map<number, ProcessId[]>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const found = readProcess(Number(name))
    if (found) children.set(found.parent, [...(children.get(found.parent) ?? []), found])
  }
  const below = (parent: number): ProcessId[] =>
    (children.get(parent) ?? []).flatMap((child) => [child, ...below(child.pid)])
  return below(pid)
}

/** Those that still run. */
export function alive(processes: readonly ProcessId[]): ProcessId[] {
  return processes.filter(({ pid, startTime }) => readProcess(pid)?.startTime === startTime)
}

/** Number of different network namespaces that these processes are in. */
export function networkNamespaces(processes: readonly ProcessId[]): number {
  return new Set(processes.map(({ pid }) => readlinkSync(`/proc/${pid}/ns/net`))).size
}

function readProcess(pid: number): (ProcessId & { parent: number }) | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // After the name, which may hold anything but ends with the last bracket: state, parent, …, start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    // A zombie has ended; it only waits for its parent to look.
    if (fields[0] === 'Z') return null
    return { pid, startTime: fields[19] ?? '', command, parent: Number(fields[1]) }
  } catch {
    return null
  }
}
