/** Rows that compare our proxy with itself: what tracing costs, and what a large table does. */
import { TARGET } from '../backend.ts'
import type { Contestant } from '../contestant.ts'
import { azds } from '../contestants/azds.ts'
import { measureWrk } from '../load.ts'
import { measurePaced, type PacedLoad } from '../paced-load.ts'
import { type PairedRow, runPaired } from '../paired-rounds.ts'
import { type Figure, type Metric, mustAndAim, type Row } from '../row.ts'
import { HTTP_METRICS, verifyHttp1 } from './http1.ts'

const LOAD = { path: '/', connections: 64 } as const
/** A pod that is well used and still has time: every record is made and sent. */
const PACED: PacedLoad = { rate: 4000, connections: 40 }

/** Ratios of equal programs lie within 5 % of 1 on a quiet machine. */
const NOISE = 0.95

/** A sidecar that is busy puts off the sending of records; the main figure counts that work too. */
const DURING: Metric = {
  key: 'perCpuSecondDuring',
  title: 'requests per CPU-second while the load lasts',
  digits: 0,
}

const TRACED_AND_NOT = [
  azds(),
  azds({ name: 'azds-untraced', traced: false, env: { AZDS_TRACING: 'off' } }),
]

/** Costs of at most 10 % and 3 %: the rest of the speed without is 0.90 and 0.97. */
const TRACING_GOALS = mustAndAim(ratio('azds', 'azds-untraced'), 0.9, 0.97)

export const TRACING_ROW = comparison({
  name: 'tracing',
  title: 'tracing on against off, as many requests as there can be',
  remark:
    'A sidecar that is busy keeps at most 10,000 records, sends them when it has time, and counts the others as dropped. The main figure has the sending that is left after the load; the last column does not.',
  contestants: TRACED_AND_NOT,
  goals: TRACING_GOALS,
  metrics: [...HTTP_METRICS, DURING],
  measure: (seat, seconds) => measureWrk(seat, LOAD, seconds),
})

export const TRACING_PACED_ROW = comparison({
  name: 'tracing-paced',
  title: `tracing on against off at ${PACED.rate} requests a second`,
  remark: 'A rate at which no record is left out, so that each request pays for its own.',
  contestants: TRACED_AND_NOT,
  goals: TRACING_GOALS,
  metrics: HTTP_METRICS.filter(({ key }) => key !== 'perSecond'),
  measure: (seat, seconds) => measurePaced(seat, PACED, seconds),
})

export const TABLE_ROW = comparison({
  name: 'table',
  title: 'routing table of 10,000 services against 10, keep-alive GET',
  remark:
    'The same within noise: ratios of equal programs lie within 5 % of 1 on a quiet machine. How far two equal processes were apart this time, azds-10-again shows.',
  contestants: [
    azds({ name: 'azds-10000', services: 10_000 }),
    azds({ name: 'azds-10', services: 10 }),
    // A reference: each process is some percent faster or slower than its twin for as long as it lives.
    azds({ name: 'azds-10-again', services: 10 }),
  ],
  goals: [{ ...ratio('azds-10000', 'azds-10'), level: 'must', bound: NOISE }],
  metrics: [...HTTP_METRICS, DURING],
  measure: (seat, seconds) => measureWrk(seat, LOAD, seconds),
})

function ratio(of: string, against: string): Figure {
  return { metric: 'perCpuSecond', of, against: [against], better: 'higher' }
}

type Comparison = Pick<Row, 'name' | 'title' | 'goals' | 'remark' | 'metrics'> & {
  contestants: Contestant[]
  measure: PairedRow['measure']
}

function comparison({ contestants, measure, ...row }: Comparison): Row {
  const paired: PairedRow = {
    contestants,
    target: TARGET.http1,
    verify: (seat) => verifyHttp1(seat, LOAD),
    measure,
  }
  return {
    ...row,
    placements: ['redirect'],
    profilable: true,
    run: (run) => runPaired(paired, run),
  }
}
