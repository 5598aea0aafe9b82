/** What the proxy reads from its environment: what the webhook writes, and its own limits. */
import {
  type Config,
  integer,
  list,
  logLevel,
  oneOf,
  optionalText,
  port,
  text,
  url,
} from '../core/config.ts'
import { isSpaceName } from '../core/context.ts'
import {
  CONTROLLER_SERVICE,
  ENV,
  GATEWAY_PORT,
  IDENTITY_DIR,
  PORT,
  PROXY_UID,
  SYSTEM_NAMESPACE,
} from '../core/names.ts'
import { TRANSPORTS, type TransportSetting } from './choose-transport.ts'
import { PASS_AFTER_BYTES } from './pipes.ts'
import { CONNECT_TIMEOUT_MS } from './transport.ts'

/** `sidecar`: between an app and the network. `gateway`: the address that browsers open. */
export const MODES = ['sidecar', 'gateway'] as const
export type Mode = (typeof MODES)[number]

export const settings = {
  mode: oneOf(
    { env: 'AZDS_MODE', doc: 'What this proxy is.', default: 'sidecar' satisfies Mode },
    MODES,
  ),
  podName: text({ env: ENV.podName, doc: 'Name of the pod that this proxy serves.' }),
  podNamespace: text({ env: ENV.podNamespace, doc: 'Namespace of the pod, that is, its space.' }),
  podIps: list(
    { env: ENV.podIps, doc: 'IP addresses of the pod.', default: '' },
    'a comma-separated list of IP addresses',
    (ip) => ({ ok: true, value: ip }),
  ),
  workload: optionalText({
    env: ENV.workload,
    doc: 'Name of what owns the pod; the pod’s own name if unset.',
  }),
  spaceChain: list(
    {
      env: ENV.spaceChain,
      doc: 'The space and its ancestors, nearest first; used until the first routing table comes.',
      default: '',
    },
    'a comma-separated list of namespace names',
    (name) =>
      isSpaceName(name) ? { ok: true, value: name } : { ok: false, expected: 'a namespace name' },
  ),
  clusterDomain: text({
    env: ENV.clusterDomain,
    doc: 'DNS domain of the cluster.',
    default: 'cluster.local',
  }),
  controllerUrl: url({
    env: ENV.controllerUrl,
    doc: 'Where the controller answers.',
    default: `https://${CONTROLLER_SERVICE}.${SYSTEM_NAMESPACE}.svc.cluster.local`,
  }),
  identityDir: text({
    env: 'AZDS_IDENTITY_DIR',
    doc: 'Folder with `token` and `ca.crt`, by which the controller and the proxy know each other; used where the controller’s URL is https.',
    default: IDENTITY_DIR,
  }),
  proxyUid: integer(
    {
      env: ENV.proxyUid,
      doc: 'The uid as which the proxy runs; sockets of other uids are the app’s.',
      default: String(PROXY_UID),
    },
    0,
    2 ** 31 - 1,
  ),
  outboundPort: port({
    env: ENV.outboundPort,
    doc: 'Port to which connections that leave the pod are redirected.',
    default: String(PORT.outbound),
  }),
  inboundPort: port({
    env: ENV.inboundPort,
    doc: 'Port to which connections that come to the pod are redirected.',
    default: String(PORT.inbound),
  }),
  adminPort: port({
    env: ENV.adminPort,
    doc: 'Port of /live, /ready, /metrics, /routes and /tcp/<port>.',
    default: String(PORT.admin),
  }),
  tcpProbes: list(
    {
      env: ENV.tcpProbes,
      doc: 'Ports of the app about which TCP probes ask; /tcp/<port> dials no others.',
      default: '',
    },
    'a comma-separated list of port numbers',
    (item) =>
      /^[1-9]\d{0,4}$/.test(item) && Number(item) <= 65535
        ? { ok: true, value: Number(item) }
        : { ok: false, expected: 'a port number' },
  ),
  gatewayPort: port({
    env: 'AZDS_GATEWAY_PORT',
    doc: 'Port on which a gateway listens.',
    default: String(GATEWAY_PORT),
  }),
  logLevel: logLevel({ env: ENV.logLevel, doc: 'Least level that is logged.', default: 'info' }),

  // A client that speaks first has nearly always spoken within 1 ms of connecting, so 2 ms saves a
  // wasted connection for HTTP that is routed elsewhere. A server that speaks first is 2 ms late (3
  // with the timer's grain) until it is known to do so. 0 dials at once, as the inbound side always
  // does: were both sides to wait, two sidecars would add more than 5 ms.
  dialDelayMs: integer(
    {
      env: 'AZDS_DIAL_DELAY_MS',
      doc: 'How long to wait for the app’s first bytes before the original destination is dialled, in milliseconds; what comes in is dialled on at once.',
      default: '2',
    },
    0,
    1000,
  ),
  connectTimeoutMs: integer(
    {
      env: 'AZDS_CONNECT_TIMEOUT_MS',
      doc: 'How long a target may take to accept a connection, in milliseconds.',
      default: String(CONNECT_TIMEOUT_MS),
    },
    100,
    120_000,
  ),
  transport: oneOf(
    {
      env: 'AZDS_TRANSPORT',
      doc: 'How connections are carried: `raw` is the fast way, on the inside of Node; `net` is the way of node:net; `auto` is raw where it works, else net.',
      default: 'auto' satisfies TransportSetting,
    },
    TRANSPORTS,
  ),
  passAfterBytes: integer(
    {
      env: 'AZDS_PASS_AFTER_BYTES',
      doc: 'How many bytes a connection that is not HTTP carries before the kernel is to pass on what follows without a copy (splice), where it can; 0: never.',
      default: String(PASS_AFTER_BYTES),
    },
    0,
    Number.MAX_SAFE_INTEGER,
  ),
  // The controller is normally reached in well under 1 s. Pods must start with it down, and a
  // startupProbe polls once a second, so 5 s costs such a start a few polls and no more.
  firstTableWaitMs: integer(
    {
      env: 'AZDS_FIRST_TABLE_WAIT_MS',
      doc: 'How long readiness waits for the first routing table, in milliseconds.',
      default: '5000',
    },
    0,
    60_000,
  ),
  // Kubernetes kills after 30 s by default; 25 s leaves 5 s for the last traces and slow machines.
  drainDeadlineMs: integer(
    {
      env: 'AZDS_DRAIN_DEADLINE_MS',
      doc: 'Longest time from SIGTERM to the end, in milliseconds.',
      default: '25000',
    },
    0,
    3_600_000,
  ),
  // Other nodes’ kube-proxies learn of a pod’s end a little later than the pod itself.
  drainQuietMs: integer(
    {
      env: 'AZDS_DRAIN_QUIET_MS',
      doc: 'How long nothing must be in flight, and the app be gone, before a drain ends, in milliseconds.',
      default: '1000',
    },
    0,
    60_000,
  ),
  tracing: oneOf(
    {
      env: 'AZDS_TRACING',
      doc: 'Whether exchanges are recorded; without, metrics are counted all the same.',
      default: 'on',
    },
    ['on', 'off'],
  ),
  traceBodyBytes: integer(
    {
      env: ENV.traceBodyBytes,
      doc: 'How many bytes of each body a trace keeps.',
      default: '0',
    },
    0,
    65_536,
  ),
  // A usual record takes 2 to 3 kB, so that the bytes bind first: 10 MB, a tenth of a sidecar’s memory, are
  // some 4000 records, 10 s without a controller at 400 requests a second.
  traceQueueRecords: integer(
    {
      env: 'AZDS_TRACE_QUEUE_RECORDS',
      doc: 'How many trace records wait for the controller at most; the oldest are dropped.',
      default: '10000',
    },
    1,
    1_000_000,
  ),
  traceQueueBytes: integer(
    {
      env: 'AZDS_TRACE_QUEUE_BYTES',
      doc: 'How many bytes of trace records wait for the controller at most.',
      default: '10485760',
    },
    1024,
    1_073_741_824,
  ),
  // A person who watches the list does not notice 200 ms, and at 1000 requests a second it makes
  // batches of 200 records out of 200 posts.
  traceFlushMs: integer(
    {
      env: 'AZDS_TRACE_FLUSH_MS',
      doc: 'How long a trace record waits for company before it is sent, in milliseconds.',
      default: '200',
    },
    0,
    60_000,
  ),
  // 100 bytes an entry: 2 MB at most. Ten minutes outlast any request; the count covers 33 tagged
  // requests a second for that long.
  traceMemoryEntries: integer(
    {
      env: 'AZDS_TRACE_MEMORY_ENTRIES',
      doc: 'How many trace ids of tagged requests are remembered.',
      default: '20000',
    },
    1,
    1_000_000,
  ),
  traceMemoryMs: integer(
    {
      env: 'AZDS_TRACE_MEMORY_MS',
      doc: 'How long the trace id of a tagged request is remembered, in milliseconds.',
      default: '600000',
    },
    1000,
    86_400_000,
  ),
}

/** What the subcommand `wait` reads. */
export const waitSettings = { adminPort: settings.adminPort }

export type ProxyConfig = Config<typeof settings>
