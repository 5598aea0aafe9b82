/** Where the proxy's time goes: it runs under Node's CPU profiler, and the functions are ranked. */
import { runOk, SCRATCH_INSIDE } from '../test/kernel/lab.ts'
import type { Contestant } from './contestant.ts'
import type { Seat } from './stage.ts'

/** The parts of a .cpuprofile file that are read here. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  /** Ids of nodes, one for each sample, and the microseconds before each. */
  samples: number[]
  timeDeltas: number[]
}

export interface HotFunction {
  /** Share of the time in which the process did anything, 0 to 1. */
  share: number
  name: string
  /** `file:line`; empty for what is no JavaScript of ours. */
  where: string
}

const FOLDER = `${SCRATCH_INSIDE}/profile`
const FLAGS = ['--cpu-prof', `--cpu-prof-dir=${FOLDER}`, '--cpu-prof-interval=500']
/** The profile is written at the end of the process, which must not wait for a drain. */
const END_AT_ONCE = { AZDS_DRAIN_QUIET_MS: '0', AZDS_DRAIN_DEADLINE_MS: '200' }
const SHOWN = 12

/** The same contestant under the profiler. */
export function profiled(contestant: Contestant): Contestant {
  const { launch } = contestant
  if (!launch) return contestant
  return {
    ...contestant,
    launch: (surroundings) => {
      const { argv, env, ...rest } = launch(surroundings)
      const [node = '', ...program] = argv
      return { ...rest, argv: [node, ...FLAGS, ...program], env: { ...env, ...END_AT_ONCE } }
    },
  }
}

/** Ends the process and reads what the profiler has written: one line of text for each function. */
export async function profileLines({ place, process }: Seat): Promise<string[]> {
  await process?.stop()
  const text = await runOk(place, ['sh', '-c', `cat ${FOLDER}/*.cpuprofile`])
  return hotFunctions(JSON.parse(text) as CpuProfile)
    .slice(0, SHOWN)
    .map(({ share, name, where }) => `${(share * 100).toFixed(1).padStart(5)} %  ${name}  ${where}`)
}

/** Functions by self time, the hottest first; idle time is left out. */
export function hotFunctions({ nodes, samples, timeDeltas }: CpuProfile): HotFunction[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, { micros: number; name: string; where: string }>()
  let total = 0
  for (const [index, id] of samples.entries()) {
    const { functionName = '', url = '', lineNumber = -1 } = frames.get(id) ?? {}
    if (functionName === '(idle)') continue
    const name = functionName === '' ? '(anonymous)' : functionName
    const where = url === '' ? '' : `${url.split('/').at(-1)}:${lineNumber + 1}`
    const micros = timeDeltas[index] ?? 0
    const entry = times.get(`${name} ${where}`) ?? { micros: 0, name, where }
    entry.micros += micros
    total += micros
    times.set(`${name} ${where}`, entry)
  }
  return [...times.values()]
    .toSorted((a, b) => b.micros - a.micros)
    .map(({ micros, name, where }) => ({ share: total === 0 ? 0 : micros / total, name, where }))
}
