/** The row of latency at a fixed rate that is far below what any proxy can carry. */
import { runOk, SCRATCH_INSIDE } from '../../test/kernel/lab.ts'
import { APP_UID, TARGET } from '../backend.ts'
import { DIRECT } from '../contestant.ts'
import { HAPROXY } from '../contestants/haproxy.ts'
import { HTTP_PROXY } from '../contestants/http-proxy.ts'
import { NGINX } from '../contestants/nginx.ts'
import { underLoad } from '../load.ts'
import { type Measured, runPaired } from '../paired-rounds.ts'
import { readH2load, readPacedLog } from '../readers/h2load-output.ts'
import type { Goal, Row } from '../row.ts'
import { hostFor, type Seat } from '../stage.ts'
import { quantile } from '../statistics.ts'
import { ourselves, verifyHttp1 } from './http1.ts'

const RATE = 1000
const CONNECTIONS = 10
/** Each connection sends at this pace; they begin 1 ms apart, so that one request starts each millisecond. */
const PER_CONNECTION = RATE / CONNECTIONS
const INTERVAL_US = 1e6 / PER_CONNECTION
const LOG = `${SCRATCH_INSIDE}/latency.log`

const goal = (level: Goal['level'], metric: string, bound: number): Goal => ({
  level,
  metric,
  of: 'azds',
  against: ['nginx'],
  better: 'lower',
  bound,
})

export const LATENCY_ROW: Row = {
  name: 'latency',
  title: `latency at ${RATE} requests a second, open loop, ${CONNECTIONS} connections`,
  placements: ['redirect', 'loopback'],
  profilable: true,
  remark:
    'The requests start 1 ms apart, 10 connections in turn. A request that takes longer than the 10 ms to its connection’s next counts also for those that it held up.',
  metrics: [
    { key: 'p50Us', title: 'p50 µs', digits: 0 },
    { key: 'p99Us', title: 'p99 µs', digits: 0 },
  ],
  goals: [
    goal('must', 'p50Us', 1.5),
    goal('must', 'p99Us', 1.5),
    goal('aim', 'p50Us', 1.1),
    goal('aim', 'p99Us', 1.1),
  ],
  run: (run) =>
    runPaired(
      {
        contestants: [...ourselves(run.settings.baseline), NGINX, HAPROXY, HTTP_PROXY, DIRECT],
        target: TARGET.http1,
        verify: (seat) => verifyHttp1(seat, { path: '/', connections: CONNECTIONS }),
        measure: measureLatency,
      },
      run,
    ),
}

async function measureLatency(seat: Seat, seconds: number): Promise<Measured> {
  const { ip, port } = seat.address
  const requests = RATE * seconds
  const argv = [
    ...['h2load', '--h1', '-t1', '-m1', `-c${CONNECTIONS}`, `-n${requests}`],
    ...[`--rps=${PER_CONNECTION}`, '-r1', '--rate-period=1ms', `--log-file=${LOG}`],
    ...['-H', `:authority: ${hostFor(seat)}`, `http://${ip}:${port}/`],
  ]
  // h2load adds to a log that is there.
  await runOk(seat.place, ['rm', '-f', LOG])
  const { output } = await underLoad(seat, argv, seconds)
  const read = readH2load(output.stdout)
  if (!read.ok) return read
  const log = await runOk(seat.place, ['cat', LOG], { uid: APP_UID })
  const latencies = readPacedLog(log, INTERVAL_US)
  if (latencies === null || latencies.length < requests) {
    return {
      ok: false,
      problem: `the log has ${latencies?.length ?? 'bad'} answers of ${requests}`,
    }
  }
  const values = { p50Us: quantile(latencies, 0.5), p99Us: quantile(latencies, 0.99) }
  return { ok: true, exchanges: requests, values }
}
