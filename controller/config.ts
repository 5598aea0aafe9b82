/** Settings of the controller's program, in both of its roles. */
import { authoritySettings, MOST_SECONDS } from '../core/authority/settings.ts'
import {
  type Config,
  integer,
  logLevel,
  oneOf,
  optionalText,
  optionalUrl,
  port,
  text,
} from '../core/config.ts'
import {
  API_SERVER_FACING_PORT,
  CONTROLLER_PORT,
  CONTROLLER_SERVICE,
  CONTROLLER_TLS_PORT,
  ENV,
} from '../core/names.ts'
import { placeSettings } from '../core/place.ts'

export const settings = {
  role: oneOf(
    {
      env: 'AZDS_ROLE',
      doc: '`controller`: feed, traces and viewer; `api`: serves the group azds.io to the API server.',
      default: 'controller',
    },
    ['controller', 'api'],
  ),
  ...placeSettings,
  port: port({
    env: 'AZDS_CONTROLLER_PORT',
    doc: 'TCP port of the viewer’s page, of health and metrics; 0 lets the kernel choose.',
    default: String(CONTROLLER_PORT),
  }),
  tlsPort: port({
    env: 'AZDS_CONTROLLER_TLS_PORT',
    doc: 'TCP port of the routing feed, of trace records and of what azds-api asks for (TLS, with sign-in).',
    default: String(CONTROLLER_TLS_PORT),
  }),
  plainData: oneOf(
    {
      env: 'AZDS_PLAIN_DATA',
      doc: '`on`: feed and traces are served without TLS and sign-in too; for benchmarks and tests of single programs.',
      default: 'off',
    },
    ['on', 'off'],
  ),
  apiPort: port({
    env: 'AZDS_API_PORT',
    doc: 'Role api: TCP port (TLS); the API server must reach it.',
    default: String(API_SERVER_FACING_PORT),
  }),
  host: text({
    env: 'AZDS_CONTROLLER_HOST',
    doc: 'Address to listen on; `::` takes IPv4 too, and becomes 0.0.0.0 where there is no IPv6.',
    default: '::',
  }),
  controllerUrl: optionalUrl({
    env: ENV.controllerUrl,
    doc: `Role api: where the controller is; unset: https://${CONTROLLER_SERVICE}.<namespace>.svc.`,
  }),
  // Beside the API server's own token, which lies where Kubernetes mounts it.
  controllerTokenFile: text({
    env: 'AZDS_CONTROLLER_TOKEN_FILE',
    doc: 'Role api: file with the token that it shows the controller (projected volume).',
    default: '/var/run/secrets/azds.io/controller/token',
  }),
  apiCertificate: oneOf(
    {
      env: 'AZDS_API_CERTIFICATE',
      doc: '`on`: the controller signs the certificate of azds-api and hands it over in Secret azds-api-tls.',
      default: 'off',
    },
    ['on', 'off'],
  ),
  // 30 days, of which the controller may be away for 20. A shorter life would protect nothing: who can read the Secret
  // that holds it, as an admin or in a backup, can read that of the authority beside it.
  apiLeafSeconds: integer(
    {
      env: 'AZDS_API_LEAF_SECONDS',
      doc: 'Life of the certificate that is handed to azds-api, in seconds; renewed after a third of it.',
      default: String(30 * 24 * 60 * 60),
    },
    1,
    MOST_SECONDS,
  ),
  ...authoritySettings,
  // As often as a person looks twice; each space costs one list of its uninjected pods.
  sweepSeconds: integer(
    {
      env: 'AZDS_SWEEP_SECONDS',
      doc: 'How often each space is looked through for pods without a sidecar, in seconds.',
      default: '60',
    },
    1,
    86_400,
  ),
  dataDirectory: text({
    env: 'AZDS_DATA_DIR',
    doc: 'Directory of the trace store’s SQLite file; `:memory:` keeps nothing over a restart.',
    default: '/data',
  }),
  viewerDirectory: text({
    env: 'AZDS_VIEWER_DIR',
    doc: 'Directory of the built viewer, served at `/`.',
    default: 'dist/viewer',
  }),
  // A team of 20 that makes 500 traces a day each looks back five days.
  maxTraces: integer(
    {
      env: 'AZDS_MAX_TRACES',
      doc: 'Most traces that are kept; the oldest go first.',
      default: '50000',
    },
    1,
    10_000_000,
  ),
  // Half of the chart's 1 GiB volume: SQLite's write-ahead log and free pages need room beside it.
  maxBytes: integer(
    {
      env: 'AZDS_MAX_TRACE_BYTES',
      doc: 'Most bytes of trace records that are kept; the oldest traces go first.',
      default: String(512 * 1024 * 1024),
    },
    64 * 1024,
    1024 ** 4,
  ),
  kubeconfig: optionalText({
    env: 'KUBECONFIG',
    doc: 'Path of a kubeconfig; unset: the service account of the pod, or ~/.kube/config.',
  }),
  // Kubernetes kills after 30 s; nothing here takes longer than one database transaction.
  drainMs: integer(
    {
      env: 'AZDS_DRAIN_MS',
      doc: 'Longest time that ending may take, in milliseconds.',
      default: '5000',
    },
    0,
    600_000,
  ),
  // An API server uses a replica that ends for as long as its connection and the endpoint are known to it:
  // 10 to 15 s (kubernetes#127335).
  apiDrainSeconds: integer(
    {
      env: 'AZDS_DRAIN_SECONDS',
      doc: 'Role api: how long it goes on serving after SIGTERM, in seconds.',
      default: '15',
    },
    0,
    300,
  ),
  logLevel: logLevel({ env: ENV.logLevel, doc: 'Least level that is logged.', default: 'info' }),
}

export type ControllerConfig = Config<typeof settings>
