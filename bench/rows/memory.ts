/** The row of memory: a proxy that is idle, and one that holds connections which are. */
import { NODE_INSIDE, REPO_INSIDE, spawnIn } from '../../test/kernel/lab.ts'
import { APP_UID, TARGET } from '../backend.ts'
import type { Contestant } from '../contestant.ts'
import { HAPROXY } from '../contestants/haproxy.ts'
import { HTTP_PROXY } from '../contestants/http-proxy.ts'
import { NGINX } from '../contestants/nginx.ts'
import { NET_PIPE } from '../contestants/pipe.ts'
import { pinned } from '../cores.ts'
import {
  type Figure,
  mustAndAim,
  type Row,
  type RowOutcome,
  type RowRun,
  type Sample,
} from '../row.ts'
import { hostFor, openStage, type Seat, type Stage, seat } from '../stage.ts'
import { ourselves } from './http1.ts'

const CONNECTIONS = 3000
const MIB = 1024 * 1024
const KIB = 1024
/** A start's garbage is collected, or not, by then. */
const IDLE_MS = 3000
/** Our own gives memory back once it has rested for 10 s to 20 s. */
const OWN_IDLE_MS = 23_000
/** Opening them takes 0.5 s to 3 s. */
const HOLD_TIMEOUT_MS = 60_000
/** Every round starts the programs anew; more rounds than these show nothing new. */
const MOST_ROUNDS = 3

const figure = (metric: string): Figure => ({
  metric,
  of: 'azds',
  against: null,
  better: 'lower',
})

export const MEMORY_ROW: Row = {
  name: 'memory',
  title: `resident memory, idle and with ${CONNECTIONS} keep-alive connections after a request each`,
  placements: ['redirect'],
  profilable: false,
  remark:
    'Resident memory of all processes of the proxy, shared pages included; each connection has one to the backend beside it. Ours is connected to its controller by TLS, at an address: where that has a name, libc’s resolver comes on top.',
  metrics: [
    { key: 'idleMib', title: 'idle MiB', digits: 1 },
    { key: 'kibPerConnection', title: 'KiB per connection', digits: 2 },
    { key: 'heldMib', title: 'MiB with all', digits: 1 },
  ],
  goals: [
    ...mustAndAim(figure('idleMib'), 55, 46),
    ...mustAndAim(figure('kibPerConnection'), 8, 5),
  ],
  run: runMemory,
}

async function runMemory(run: RowRun): Promise<RowOutcome> {
  const contestants = [...ourselves(run.settings.baseline), NGINX, HAPROXY, HTTP_PROXY, NET_PIPE]
  const samples: Record<string, Sample[]> = Object.fromEntries(
    contestants.map(({ name }) => [name, []]),
  )
  const rounds = Math.min(run.settings.rounds, MOST_ROUNDS)
  for (let round = 0; round < rounds; round++) {
    run.progress(`round ${round + 1} of ${rounds}`)
    const stage = await openStage(run.placement)
    try {
      for (const contestant of contestants) {
        samples[contestant.name]?.push(await measureMemory(stage, contestant))
      }
    } finally {
      await stage.close()
    }
  }
  return { samples, notes: [] }
}

async function measureMemory(stage: Stage, contestant: Contestant): Promise<Sample> {
  const seated = await seat(stage, contestant, { target: TARGET.http1 })
  const idleMs = contestant.ours ? OWN_IDLE_MS : IDLE_MS
  await sleep(idleMs)
  const idle = seated.residentBytes()
  const held = await whileHeld(seated, async () => {
    await sleep(idleMs)
    return seated.residentBytes()
  })
  if (!held.ok) return held
  return {
    ok: true,
    values: {
      idleMib: idle / MIB,
      heldMib: held.value / MIB,
      kibPerConnection: (held.value - idle) / CONNECTIONS / KIB,
    },
  }
}

type Held = { ok: true; value: number } | { ok: false; problem: string }

async function whileHeld(seated: Seat, look: () => Promise<number>): Promise<Held> {
  const { ip, port } = seated.address
  const program = `${REPO_INSIDE}/bench/programs/hold-connections.ts`
  const args = [ip, `${port}`, hostFor(seated), `${CONNECTIONS}`]
  const holder = spawnIn(seated.place, pinned('load', [NODE_INSIDE, program, ...args]), {
    uid: APP_UID,
  })
  const deadline = Date.now() + HOLD_TIMEOUT_MS
  while (!holder.output.stdout.includes('held')) {
    if (holder.child.exitCode !== null || Date.now() > deadline) {
      return { ok: false, problem: `not all connections were held: ${holder.output.stderr.trim()}` }
    }
    await sleep(20)
  }
  const value = await look()
  holder.child.stdin.end()
  const end = await holder.ended
  return end === 0 ? { ok: true, value } : { ok: false, problem: holder.output.stderr.trim() }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
