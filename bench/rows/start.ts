/** The row of the start: from the spawn to the first 200 of /ready, with a controller that answers, by TLS. */
import { PORT, PROXY_UID } from '../../core/names.ts'
import { NODE_INSIDE, REPO_INSIDE, run, SCRATCH_INSIDE } from '../../test/kernel/lab.ts'
import { TARGET } from '../backend.ts'
import type { Contestant } from '../contestant.ts'
import { pinned } from '../cores.ts'
import { mustAndAim, type Row, type RowOutcome, type RowRun, type Sample } from '../row.ts'
import { openStage, placeFiles, preparePod, type Stage, surroundingsOf } from '../stage.ts'
import { ourselves } from './http1.ts'

/** Each takes a quarter of a second. */
const STARTS = 9
const TIMEOUT_MS = 120_000
const OPTIONS = { target: TARGET.http1 }

export const START_ROW: Row = {
  name: 'start',
  title: `start to ready, ${STARTS} starts, table of 1,000 services`,
  placements: ['redirect'],
  profilable: false,
  remark:
    'From the spawn of Node to the first 200 of `/ready`, which is asked for every millisecond and waits for the routing table, which comes by TLS.',
  metrics: [{ key: 'readyMs', title: 'ms to ready', digits: 0 }],
  goals: mustAndAim({ metric: 'readyMs', of: 'azds', against: null, better: 'lower' }, 250, 100),
  run: runStart,
}

async function runStart({ placement, settings, progress }: RowRun): Promise<RowOutcome> {
  const stage = await openStage(placement)
  try {
    const samples: Record<string, Sample[]> = {}
    for (const contestant of ourselves(settings.baseline)) {
      progress(`starts ${contestant.name} ${STARTS} times`)
      samples[contestant.name] = await measureStarts(stage, contestant)
    }
    return { samples, notes: [] }
  } finally {
    await stage.close()
  }
}

async function measureStarts(stage: Stage, contestant: Contestant): Promise<Sample[]> {
  const place = await preparePod(stage, contestant, OPTIONS)
  const surroundings = surroundingsOf(stage, place, OPTIONS)
  const launch = contestant.launch?.(surroundings) ?? { argv: [] }
  const { argv, env = {} } = launch
  await placeFiles(place, launch)
  const timer = [NODE_INSIDE, `${REPO_INSIDE}/bench/programs/time-start.ts`]
  const args = [`${STARTS}`, `${PORT.admin}`, `${PROXY_UID}`, ...pinned('proxy', argv)]
  const { code, stdout, stderr } = await run(place, pinned('load', [...timer, ...args]), {
    env,
    cwd: SCRATCH_INSIDE,
    timeoutMs: TIMEOUT_MS,
  })
  if (code !== 0) return [{ ok: false, problem: stderr.trim().slice(-300) }]
  const starts = JSON.parse(stdout) as number[]
  return starts.map((readyMs) => ({ ok: true, values: { readyMs } }))
}
