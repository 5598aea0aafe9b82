/**
 * The server behind every proxy: nginx with one worker. Each kind of answer is a location; the ports
 * marked `checked` refuse a request that lacks what our sidecar inserts, so that every single request
 * of a run is known to have been routed and marked.
 */
import {
  type LabProcess,
  type Place,
  run,
  SCRATCH_INSIDE,
  spawnIn,
  waitForPort,
} from '../test/kernel/lab.ts'
import { pinned } from './cores.ts'
import { SPACE } from './service-table.ts'

/** Ports of the backend. */
export const BACKEND = {
  http: 8080,
  httpChecked: 8081,
  h2: 8082,
  h2Checked: 8083,
  /** iperf3's server. */
  bulk: 5201,
  /** A server that speaks first, reached through the sidecar, and past it. */
  greeting: 9001,
  greetingDirect: 9002,
} as const

/** What a row asks for: the port to which the peers lead, and the one that ours is held to. */
export interface Target {
  peers: number
  ours: number
}

export const TARGET = {
  http1: { peers: BACKEND.http, ours: BACKEND.httpChecked },
  h2: { peers: BACKEND.h2, ours: BACKEND.h2Checked },
  bulk: { peers: BACKEND.bulk, ours: BACKEND.bulk },
  greeting: { peers: BACKEND.greeting, ours: BACKEND.greeting },
} as const satisfies Record<string, Target>

/** Paths of the backend and the length of the body that each gives. */
export const PATHS = {
  '/': 27,
  '/16k': 16_384,
  '/chunked': 1024,
  '/post': 27,
} as const

export type BackendPath = keyof typeof PATHS

/** What `/echo` answers: the headers as they came, for a look before the measurement. */
export const ECHO_PATH = '/echo'

/** The sidecar's headers on a first hop: route-as, hop and traceparent. */
const MARKED = `^${SPACE}:1:00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$`

/** One worker, no logs, connections that never end: the backend must not be what is measured. */
export function backendConfig(scratch: string): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const server = (listen: string, checked: boolean) => `
  server {
    listen ${listen} backlog=4096;
    root ${scratch}/www;
    default_type text/plain;
    ${checked ? 'if ($marked = 0) { return 412 "not marked by a sidecar\\n"; }' : ''}
    location = / { return 200 "a short answer of 27 bytes\\n"; }
    location = /post { return 200 "a short answer of 27 bytes\\n"; }
    location = /16k { }
    location = /chunked { ssi on; ssi_types *; }
    location = ${ECHO_PATH} { return 200 "$http_azds_route_as:$http_azds_hop:$http_traceparent $content_length\\n"; }
  }`
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${scratch}/backend.pid;
error_log stderr warn;
events { worker_connections 16000; }
http {
  access_log off;
  ${temp.map((name) => `${name}_temp_path ${scratch}/backend-${name};`).join('\n  ')}
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=100;
  http2_max_concurrent_streams 128;
  map "$http_azds_route_as:$http_azds_hop:$http_traceparent" $marked { "~${MARKED}" 1; default 0; }
${server(`${BACKEND.http}`, false)}
${server(`${BACKEND.httpChecked}`, true)}
${server(`${BACKEND.h2} http2`, false)}
${server(`${BACKEND.h2Checked} http2`, true)}
}
`
}

/** Starts the backend in a place and waits until it listens. */
export async function startBackend(place: Place): Promise<LabProcess> {
  const www = `${SCRATCH_INSIDE}/www`
  const text = 'All work and no play makes a dull benchmark; this line has 64 bytes.'.slice(0, 63)
  await writeInside(place, `${SCRATCH_INSIDE}/backend.conf`, backendConfig(SCRATCH_INSIDE))
  await run(place, ['mkdir', '-p', www])
  await writeInside(place, `${www}/16k`, `${text}\n`.repeat(PATHS['/16k'] / 64))
  await writeInside(place, `${www}/chunked`, `${text}\n`.repeat(PATHS['/chunked'] / 64))
  const argv = pinned('load', ['nginx', '-c', `${SCRATCH_INSIDE}/backend.conf`])
  const server = spawnIn(place, argv, { uid: APP_UID })
  await waitForPort(place, BACKEND.http, { server })
  return server
}

/** The uid as which clients and backends run: not the proxies', whose traffic is not redirected. */
export const APP_UID = 1000

/** Writes a file inside the namespaces of a place; it goes away with them. */
export async function writeInside(place: Place, path: string, text: string): Promise<void> {
  const { code, stderr } = await run(place, ['sh', '-c', `cat > ${path} && chmod 644 ${path}`], {
    input: text,
  })
  if (code !== 0) throw new Error(`${path} could not be written: ${stderr.trim()}`)
}
