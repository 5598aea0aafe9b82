/** Settings of the controller. */
import { type Config, integer, logLevel, optionalText, port, text } from '../core/config.ts'
import { CONTROLLER_PORT, ENV } from '../core/names.ts'

export const settings = {
  port: port({
    env: 'AZDS_CONTROLLER_PORT',
    doc: 'TCP port of the HTTP API and the viewer; 0 lets the kernel choose.',
    default: String(CONTROLLER_PORT),
  }),
  host: text({
    env: 'AZDS_CONTROLLER_HOST',
    doc: 'Address to listen on; `::` takes IPv4 too, and becomes 0.0.0.0 where there is no IPv6.',
    default: '::',
  }),
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
  logLevel: logLevel({ env: ENV.logLevel, doc: 'Least level that is logged.', default: 'info' }),
}

export type ControllerConfig = Config<typeof settings>
