/** The row of protocols whose server speaks first: what the sidecar adds to the time to first byte. */
import {
  NODE_INSIDE,
  type Place,
  REPO_INSIDE,
  spawnIn,
  waitForPort,
} from '../../test/kernel/lab.ts'
import { APP_UID, BACKEND, TARGET } from '../backend.ts'
import { HAPROXY_TCP } from '../contestants/haproxy.ts'
import { pinned } from '../cores.ts'
import { underLoad } from '../load.ts'
import { type Measured, runPaired } from '../paired-rounds.ts'
import type { Row } from '../row.ts'
import type { Seat } from '../stage.ts'
import { quantile } from '../statistics.ts'
import { ourselves } from './http1.ts'

/** Three connections, of which one goes through the sidecar, take 1.5 ms or less. */
const ROUNDS_A_SECOND = 500

export const SERVER_FIRST_ROW: Row = {
  name: 'server-first',
  title: 'server-first protocol, time to first byte that is added',
  placements: ['redirect'],
  profilable: true,
  remark:
    'Connections through the proxy, past it, and past it again, in turn. What is added is the difference between a quantile through the proxy and the same one past it, in the same seconds: a machine that stands still for a moment does so for all of them. The fourth column is what that says of the direct connections, of one half against the other, and the fifth the p99 of the differences between neighbours, to which each standstill adds itself. The first connection to an unknown port waits for the client to speak.',
  metrics: [
    { key: 'p99Ms', title: 'added p99 ms', digits: 3 },
    { key: 'p50Ms', title: 'added p50 ms', digits: 3 },
    { key: 'firstMs', title: 'first connection, added ms', digits: 3 },
    { key: 'noiseMs', title: 'direct against direct, p99 ms', digits: 3 },
    { key: 'pairsMs', title: 'p99 of differences, ms', digits: 3 },
  ],
  goals: [{ level: 'must', metric: 'p99Ms', of: 'azds', against: null, better: 'lower', bound: 1 }],
  run: (run) =>
    runPaired(
      {
        contestants: [...ourselves(run.settings.baseline), HAPROXY_TCP],
        target: TARGET.greeting,
        serve: startGreeter,
        measure: measureGreeting,
      },
      run,
    ),
}

async function startGreeter(place: Place): Promise<void> {
  const program = `${REPO_INSIDE}/bench/programs/greeting-server.ts`
  const ports = [BACKEND.greeting, BACKEND.greetingDirect]
  const argv = pinned('load', [NODE_INSIDE, program, ...ports.map(String)])
  const server = spawnIn(place, argv, { uid: APP_UID })
  for (const port of ports) await waitForPort(place, port, { server })
}

async function measureGreeting(seat: Seat, seconds: number): Promise<Measured> {
  const program = `${REPO_INSIDE}/bench/programs/time-greeting.ts`
  const { ip } = seat.address
  const rounds = ROUNDS_A_SECOND * seconds
  const args = [ip, BACKEND.greeting, BACKEND.greetingDirect, rounds].map(String)
  const { output } = await underLoad(seat, [NODE_INSIDE, program, ...args], seconds)
  if (output.code !== 0) return { ok: false, problem: output.stderr.trim().slice(-300) }
  const { through, past, again } = JSON.parse(output.stdout) as Record<string, number[]>
  if (!isWhole(through, rounds) || !isWhole(past, rounds) || !isWhole(again, rounds)) {
    return { ok: false, problem: 'not every connection was greeted' }
  }
  return { ok: true, exchanges: rounds, values: whatIsAdded({ through, past, again }) }
}

function isWhole(times: number[] | undefined, count: number): times is number[] {
  return times?.length === count && times.every(Number.isFinite)
}

/** Times to first byte in the order in which they were measured, ms: through the proxy, and twice past it. */
interface Greetings {
  through: readonly number[]
  past: readonly number[]
  again: readonly number[]
}

/** What the way through takes longer, ms, and how much of that can be chance. */
export function whatIsAdded({ through, past, again }: Greetings): Record<string, number> {
  const direct = [...past, ...again]
  const added = (part: number) => quantile(through, part) - quantile(direct, part)
  return {
    p50Ms: added(0.5),
    p99Ms: added(0.99),
    firstMs: (through[0] as number) - (past[0] as number),
    noiseMs: Math.abs(quantile(past, 0.99) - quantile(again, 0.99)),
    pairsMs: quantile(
      through.map((took, at) => took - (past[at] as number)),
      0.99,
    ),
  }
}
