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

/** A pair of connections takes 1 ms or less. */
const PAIRS_A_SECOND = 500

export const SERVER_FIRST_ROW: Row = {
  name: 'server-first',
  title: 'server-first protocol, time to first byte that is added',
  placements: ['redirect'],
  profilable: true,
  remark:
    'Connections through the proxy and past it in turn; the difference of each pair. The first connection to an unknown port waits for the client to speak.',
  metrics: [
    { key: 'p99Ms', title: 'added p99 ms', digits: 3 },
    { key: 'p50Ms', title: 'added p50 ms', digits: 3 },
    { key: 'firstMs', title: 'first connection, added ms', digits: 3 },
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
  const pairs = PAIRS_A_SECOND * seconds
  const args = [ip, BACKEND.greeting, BACKEND.greetingDirect, pairs].map(String)
  const { output } = await underLoad(seat, [NODE_INSIDE, program, ...args], seconds)
  if (output.code !== 0) return { ok: false, problem: output.stderr.trim().slice(-300) }
  const added = JSON.parse(output.stdout) as number[]
  if (added.length !== pairs || added.some(Number.isNaN)) {
    return { ok: false, problem: 'not every connection was greeted' }
  }
  return {
    ok: true,
    exchanges: pairs,
    values: {
      p50Ms: quantile(added, 0.5),
      p99Ms: quantile(added, 0.99),
      firstMs: added[0] as number,
    },
  }
}
