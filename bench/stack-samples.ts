/** Samples of a contestant's stacks while it is under load, by perf(1). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Exec, execOk } from '../core/exec.ts'
import { descendantsOf } from './process-tree.ts'
import type { Sample } from './row.ts'
import type { Seat } from './stage.ts'
import { type SplitColumn, splitOf } from './time-split.ts'

/** Samples a second of CPU time: no divisor of the kernel's clock, so that the two do not march in step. */
const FREQUENCY = 1999
/** For the load's own start, and what the proxy does when the load is over, in seconds. */
const AROUND_SECONDS = 1

/** How a row's main figure becomes the CPU time of one of what it counts. */
const UNITS = [
  { key: 'perCpuSecond', unit: 'µs of CPU per request', factor: 1e6 },
  { key: 'gbPerCpuSecond', unit: 'ms of CPU per GB', factor: 1e3 },
] as const

export interface Sampled {
  unit: string
  column: SplitColumn
}

/**
 * Loads the contestant and samples it meanwhile; null where the row has no figure that could be split.
 * @throws where perf is missing or may not look, or the load has failed
 */
export async function sampleStacks(
  seat: Seat,
  exec: Exec,
  { seconds, load }: { seconds: number; load: () => Promise<Sample> },
): Promise<Sampled | null> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-perf-'))
  try {
    const file = join(folder, 'samples')
    const pids = descendantsOf(seat.process?.child.pid as number).join()
    const lasting = ['--', 'sleep', `${seconds + AROUND_SECONDS}`]
    const how = ['-e', 'cpu-clock', '-F', `${FREQUENCY}`, '-g']
    const recording = ['record', '-q', ...how, '-p', pids, '-o', file, ...lasting]
    const [measured] = await Promise.all([load(), execOk(exec, 'perf', recording)])
    if (!measured.ok) throw new Error(measured.problem)
    const fields = ['-F', 'pid,tid,ip,sym,dso']
    const { stdout } = await execOk(exec, 'perf', ['script', '-i', file, ...fields])
    const unit = UNITS.find(({ key }) => key in measured.values)
    if (unit === undefined) return null
    const whole = unit.factor / (measured.values[unit.key] as number)
    const { name } = seat.contestant
    return { unit: unit.unit, column: { name, split: splitOf(stdout), whole } }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
