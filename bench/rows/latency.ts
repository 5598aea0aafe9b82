/** The row of latency at a fixed rate that is far below what any proxy can carry. */
import { TARGET } from '../backend.ts'
import { DIRECT } from '../contestant.ts'
import { HAPROXY } from '../contestants/haproxy.ts'
import { HTTP_PROXY } from '../contestants/http-proxy.ts'
import { NGINX } from '../contestants/nginx.ts'
import { measureWrk } from '../load.ts'
import { measurePaced, type PacedLoad } from '../paced-load.ts'
import { runPaired } from '../paired-rounds.ts'
import { type Goal, mustAndAim, type Row } from '../row.ts'
import { ourselves, verifyHttp1 } from './http1.ts'

const LOAD: PacedLoad = { rate: 1000, connections: 10 }
const WARM_UP = { path: '/', connections: LOAD.connections } as const

const goals = (metric: string): Goal[] =>
  mustAndAim({ metric, of: 'azds', against: ['nginx'], better: 'lower' }, 1.5, 1.1)

export const LATENCY_ROW: Row = {
  name: 'latency',
  title: `latency at ${LOAD.rate} requests a second, open loop, ${LOAD.connections} connections`,
  placements: ['redirect', 'loopback'],
  profilable: true,
  remark:
    'The requests start 1 ms apart, 10 connections in turn. A request that takes longer than the 10 ms to its connection’s next counts also for those that it held up. Before, each proxy has carried as many requests as it could for 5 s: V8 compiles a function for good after some 10,000 requests, and takes 1 to 30 ms of the proxy’s one core for each, which at this rate it would do while it is measured.',
  metrics: [
    { key: 'p50Us', title: 'p50 µs', digits: 0 },
    { key: 'p99Us', title: 'p99 µs', digits: 0 },
    { key: 'perCpuSecond', title: 'requests per CPU-second', digits: 0 },
  ],
  goals: [...goals('p50Us'), ...goals('p99Us')],
  run: (run) =>
    runPaired(
      {
        contestants: [...ourselves(run.settings.baseline), NGINX, HAPROXY, HTTP_PROXY, DIRECT],
        target: TARGET.http1,
        verify: (seat) => verifyHttp1(seat, WARM_UP),
        warmUp: (seat, seconds) => measureWrk(seat, WARM_UP, seconds),
        measure: (seat, seconds) => measurePaced(seat, LOAD, seconds),
      },
      run,
    ),
}
