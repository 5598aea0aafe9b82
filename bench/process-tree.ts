/** What a process and its descendants have used: CPU time and resident memory, from /proc. */
import { readFileSync } from 'node:fs'

/** Clock ticks per second in /proc/PID/stat: USER_HZ, which is 100 on every Linux architecture that Node has. */
const USER_HZ = 100

/** User and system time of a process, in seconds, from the text of its /proc/PID/stat. */
export function cpuSecondsOf(stat: string): number {
  // The name stands in parentheses and may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [utime, stime] = [fields[11], fields[12]].map(Number)
  return ((utime ?? Number.NaN) + (stime ?? Number.NaN)) / USER_HZ
}

/** Resident memory in bytes, from the text of /proc/PID/status; 0 of a process that is ending. */
export function residentBytesOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

/** The processes below `pid`, as the kernel lists them now; `pid` itself is not among them. */
export function descendantsOf(pid: number): number[] {
  const children = (readOrNothing(`/proc/${pid}/task/${pid}/children`).match(/\d+/g) ?? []).map(
    Number,
  )
  return children.flatMap((child) => [child, ...descendantsOf(child)])
}

/** CPU seconds of all processes below `pid`. */
export function cpuSecondsBelow(pid: number): number {
  return sum(
    descendantsOf(pid).map((each) => `/proc/${each}/stat`),
    cpuSecondsOf,
  )
}

/** Resident bytes of all processes below `pid`. */
export function residentBytesBelow(pid: number): number {
  return sum(
    descendantsOf(pid).map((each) => `/proc/${each}/status`),
    residentBytesOf,
  )
}

function sum(paths: string[], read: (text: string) => number): number {
  return paths
    .map(readOrNothing)
    .filter((text) => text !== '')
    .reduce((total, text) => total + read(text), 0)
}

/** Processes come and go while they are looked at. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
