/** The row of HTTP/2 without TLS: many streams on few connections, each routed and marked on its own. */
import { TARGET } from '../backend.ts'
import { DIRECT } from '../contestant.ts'
import { HAPROXY_H2 } from '../contestants/haproxy.ts'
import { underLoad } from '../load.ts'
import { type Measured, runPaired } from '../paired-rounds.ts'
import { readH2load } from '../readers/h2load-output.ts'
import { mustAndAim, type Row } from '../row.ts'
import { hostFor, type Seat } from '../stage.ts'
import { ourselves } from './http1.ts'

const CONNECTIONS = 10
const STREAMS = 10

export const HTTP2_ROW: Row = {
  name: 'h2c',
  title: `h2c, ${CONNECTIONS} connections with ${STREAMS} streams each, routed by stream`,
  placements: ['redirect', 'loopback'],
  profilable: true,
  metrics: [
    { key: 'perCpuSecond', title: 'requests per CPU-second', digits: 0 },
    { key: 'perSecond', title: 'requests per second', digits: 0 },
  ],
  goals: mustAndAim(
    { metric: 'perCpuSecond', of: 'azds', against: ['haproxy-h2'], better: 'higher' },
    0.5,
    0.9,
  ),
  run: (run) =>
    runPaired(
      {
        contestants: [...ourselves(run.settings.baseline), HAPROXY_H2, DIRECT],
        target: TARGET.h2,
        measure: measureH2,
      },
      run,
    ),
}

/** Ours has to pass the checked port: streams that are passed on unread arrive without our headers. */
async function measureH2(seat: Seat, seconds: number): Promise<Measured> {
  const { ip, port } = seat.address
  const argv = [
    ...['h2load', '-t1', `-c${CONNECTIONS}`, `-m${STREAMS}`, '-D', `${seconds}`],
    ...['-H', `:authority: ${hostFor(seat)}`, `http://${ip}:${port}/`],
  ]
  const { cpuSeconds, output } = await underLoad(seat, argv, seconds)
  const read = readH2load(output.stdout)
  if (!read.ok) return { ok: false, problem: explain(read.problem, seat) }
  const values = {
    perSecond: read.requests / read.seconds,
    ...(seat.process && { perCpuSecond: read.requests / cpuSeconds }),
  }
  return { ok: true, exchanges: read.requests, values }
}

function explain(problem: string, { contestant }: Seat): string {
  const unmarked = contestant.ours === true && problem.includes('4xx')
  return unmarked ? `not routed: the backend saw streams without the sidecar’s headers` : problem
}
