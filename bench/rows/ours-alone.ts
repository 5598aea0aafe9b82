/** Rows that compare our proxy with itself: what tracing costs, and what a large table does. */
import { TARGET } from '../backend.ts'
import type { Contestant } from '../contestant.ts'
import { azds } from '../contestants/azds.ts'
import { measureWrk } from '../load.ts'
import { runPaired } from '../paired-rounds.ts'
import type { Goal, Row } from '../row.ts'
import { HTTP_METRICS, verifyHttp1 } from './http1.ts'

const LOAD = { path: '/', connections: 64 } as const

/** Costs at most 10 % and 3 %: the rest of the speed without is 0.90 and 0.97. */
const TRACING = { must: 0.9, aim: 0.97 }
/** Ratios of equal programs lie within 5 % of 1 on a quiet machine. */
const NOISE = 0.95

/** A sidecar that is busy puts off the sending of records; the main figure counts that work too. */
const DURING = {
  key: 'perCpuSecondDuring',
  title: 'requests per CPU-second while the load lasts',
  digits: 0,
}

export const TRACING_ROW = comparison({
  name: 'tracing',
  title: 'tracing on against off, keep-alive GET',
  remark:
    'A sidecar that is busy keeps at most 10,000 records and sends them when it has time: with the load of two seconds, that work after its end is some percent of the main figure, and of a longer load it is less.',
  contestants: [
    azds(),
    azds({ name: 'azds-untraced', traced: false, env: { AZDS_TRACING: 'off' } }),
  ],
  goals: [
    goal('must', 'azds', 'azds-untraced', TRACING.must),
    goal('aim', 'azds', 'azds-untraced', TRACING.aim),
  ],
})

export const TABLE_ROW = comparison({
  name: 'table',
  title: 'routing table of 10,000 services against 10, keep-alive GET',
  remark: 'The same within noise: ratios of equal programs lie within 5 % of 1 on a quiet machine.',
  contestants: [
    azds({ name: 'azds-10000', services: 10_000 }),
    azds({ name: 'azds-10', services: 10 }),
  ],
  goals: [goal('must', 'azds-10000', 'azds-10', NOISE)],
})

function goal(level: Goal['level'], of: string, against: string, bound: number): Goal {
  return { level, metric: 'perCpuSecond', of, against: [against], better: 'higher', bound }
}

function comparison(
  row: Pick<Row, 'name' | 'title' | 'goals' | 'remark'> & { contestants: Contestant[] },
): Row {
  const { name, title, goals, remark = '', contestants } = row
  return {
    name,
    title,
    goals,
    remark,
    placements: ['redirect'],
    profilable: true,
    metrics: [...HTTP_METRICS, DURING],
    run: (run) =>
      runPaired(
        {
          contestants,
          target: TARGET.http1,
          verify: (seat) => verifyHttp1(seat, LOAD),
          measure: (seat, seconds) => measureWrk(seat, LOAD, seconds),
        },
        run,
      ),
  }
}
