/** Rows of HTTP/1.1 under load: requests per CPU-second of the proxy. */
import { runOk } from '../../test/kernel/lab.ts'
import { APP_UID, ECHO_PATH, PATHS, TARGET } from '../backend.ts'
import type { Contestant } from '../contestant.ts'
import { DIRECT } from '../contestant.ts'
import { azds } from '../contestants/azds.ts'
import { HAPROXY } from '../contestants/haproxy.ts'
import { HTTP_PROXY } from '../contestants/http-proxy.ts'
import { NGINX } from '../contestants/nginx.ts'
import { NET_PIPE } from '../contestants/pipe.ts'
import { measureWrk, type WrkLoad } from '../load.ts'
import { runPaired } from '../paired-rounds.ts'
import type { Goal, Metric, Row } from '../row.ts'
import { hostFor, type Seat } from '../stage.ts'

export const HTTP_METRICS: Metric[] = [
  { key: 'perCpuSecond', title: 'requests per CPU-second', digits: 0 },
  { key: 'perSecond', title: 'requests per second', digits: 0 },
  { key: 'p50Us', title: 'p50 µs', digits: 0 },
  { key: 'p99Us', title: 'p99 µs', digits: 0 },
]

const CONNECTIONS = 64

export const HTTP1_ROWS: Row[] = [
  wrkRow({
    name: 'http1-get',
    title: 'HTTP/1.1 keep-alive GET, 64 connections',
    load: { path: '/', connections: CONNECTIONS },
    must: 0.9,
    aim: { bound: 1, against: ['nginx', 'haproxy'] },
    references: [NET_PIPE, HTTP_PROXY, DIRECT],
  }),
  wrkRow({
    name: 'http1-browser',
    title: 'browser heads of 780 bytes',
    load: { path: '/', kind: 'browser', connections: CONNECTIONS },
    must: 0.9,
    aim: { bound: 1, against: ['nginx', 'haproxy'] },
  }),
  wrkRow({
    name: 'http1-traced',
    title: 'GET with a new traceparent each time',
    load: { path: '/', kind: 'traced', connections: CONNECTIONS },
    remark:
      'As between two sidecars, and of every app with OpenTelemetry. There is no goal: it is to be seen beside the first row.',
  }),
  wrkRow({
    name: 'http1-16k',
    title: 'bodies of 16 KiB',
    load: { path: '/16k', connections: CONNECTIONS },
    must: 0.9,
    aim: { bound: 1.1, against: ['nginx'] },
  }),
  wrkRow({
    name: 'http1-chunked',
    title: 'chunked bodies of 1 KiB',
    load: { path: '/chunked', connections: CONNECTIONS },
    must: 0.9,
    aim: { bound: 1.1, against: ['nginx'] },
  }),
  wrkRow({
    name: 'http1-post',
    title: 'POST of 2 KiB',
    load: { path: '/post', kind: 'post', connections: CONNECTIONS },
    must: 0.9,
    aim: { bound: 1.1, against: ['nginx'] },
  }),
  wrkRow({
    name: 'http1-close',
    title: 'a new connection for each request',
    load: { path: '/', kind: 'close', connections: CONNECTIONS / 2 },
    must: 0.7,
    aim: { bound: 0.9, against: ['nginx'] },
  }),
]

interface WrkRow {
  name: string
  title: string
  load: WrkLoad
  /** The least ratio to nginx; none where the row only informs. */
  must?: number
  aim?: { bound: number; against: string[] }
  remark?: string
  /** Contestants that are only there to compare with. */
  references?: Contestant[]
}

function wrkRow({ name, title, load, must, aim, remark, references = [] }: WrkRow): Row {
  const goal = { metric: 'perCpuSecond', of: 'azds', better: 'higher' } as const
  const goals: Goal[] = []
  if (must !== undefined) goals.push({ ...goal, level: 'must', against: ['nginx'], bound: must })
  if (aim !== undefined) goals.push({ ...goal, level: 'aim', ...aim })
  return {
    name,
    title,
    placements: ['redirect', 'loopback'],
    profilable: true,
    metrics: HTTP_METRICS,
    goals,
    ...(remark && { remark }),
    run: (run) =>
      runPaired(
        {
          contestants: [...ourselves(run.settings.baseline), NGINX, HAPROXY, ...references],
          target: TARGET.http1,
          verify: (seat) => verifyHttp1(seat, load),
          measure: (seat, seconds) => measureWrk(seat, load, seconds),
        },
        run,
      ),
  }
}

/** Our proxy, and beside it another build of it where one was asked for. */
export function ourselves(baseline: string | null): Contestant[] {
  return baseline === null ? [azds()] : [azds(), azds({ name: 'baseline', bundle: baseline })]
}

/** One request by another client: the whole body comes, and the backend sees the inserted headers. */
export async function verifyHttp1(seat: Seat, { path, kind }: WrkLoad): Promise<string | null> {
  const { ip, port } = seat.address
  const curl = (url: string, ...more: string[]) =>
    runOk(seat.place, ['curl', '-s', '-H', `Host: ${hostFor(seat)}`, ...more, url], {
      uid: APP_UID,
    })
  const base = `http://${ip}:${port}`
  const body = kind === 'post' ? ['--data-binary', 'x'.repeat(2048)] : []
  const answer = await curl(`${base}${path}`, ...body, '-w', ' %{http_code} %{size_download}')
  const [status, length] = answer.split(' ').slice(-2)
  if (status !== '200' || Number(length) !== PATHS[path]) {
    return `answered ${status} with ${length} bytes instead of 200 with ${PATHS[path]}`
  }
  const echo = (await curl(`${base}${ECHO_PATH}`, ...body)).trim()
  if (kind === 'post' && !echo.endsWith(' 2048')) return `the backend saw "${echo}" of a POST`
  const marked = /^alice:1:00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]/.test(echo)
  return marked === (seat.contestant.ours === true) ? null : `the backend saw the headers "${echo}"`
}
