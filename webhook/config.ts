/** The webhook's settings. */
import { authoritySettings } from '../core/authority/settings.ts'
import {
  integer,
  logLevel,
  oneOf,
  optionalText,
  optionalUrl,
  type Parsed,
  port,
  type Setting,
  type Settings,
  text,
} from '../core/config.ts'
import {
  API_SERVER_FACING_PORT,
  CONTROLLER_SERVICE,
  ENV,
  WEBHOOK_METRICS_PORT,
} from '../core/names.ts'
import { placeSettings } from '../core/place.ts'
import {
  type ContainerResources,
  DEFAULT_PROXY_RESOURCES,
  parseResources,
} from './inject/resources.ts'

export const settings = {
  ...placeSettings,
  ...authoritySettings,
  logLevel: logLevel({
    env: ENV.logLevel,
    doc: "The webhook's own log level.",
    default: 'info',
  }),
  address: text({
    env: 'AZDS_LISTEN_ADDRESS',
    doc: 'Address to listen on; `::` takes all addresses of both families.',
    default: '::',
  }),
  port: port({
    env: 'AZDS_WEBHOOK_PORT',
    doc: 'Port to listen on (TLS).',
    default: String(API_SERVER_FACING_PORT),
  }),
  metricsPort: port({
    env: 'AZDS_METRICS_PORT',
    doc: 'Port of /metrics, apart from admission so that a NetworkPolicy can tell them apart; 0 lets the kernel choose.',
    default: String(WEBHOOK_METRICS_PORT),
  }),
  proxyImage: text({
    env: 'AZDS_PROXY_IMAGE',
    doc: 'Image of the sidecar devspaces-proxy.',
    default: 'azds/proxy:dev',
  }),
  proxyInitImage: text({
    env: 'AZDS_PROXY_INIT_IMAGE',
    doc: 'Image of the init container devspaces-proxy-init.',
    default: 'azds/proxy-init:dev',
  }),
  // No default: nothing may ever ask a registry for an image that nobody has made.
  buildImage: optionalText({
    env: 'AZDS_BUILD_IMAGE',
    doc: 'Image of the init container devspaces-build; unset: pods that ask for a build are refused.',
  }),
  controllerUrl: optionalUrl({
    env: ENV.controllerUrl,
    doc: `Where sidecars reach the controller; unset: https://${CONTROLLER_SERVICE}.<own namespace>.svc.<cluster domain>.`,
  }),
  layout: oneOf(
    {
      env: 'AZDS_SIDECAR_LAYOUT',
      doc: 'How pods get the sidecar that do not say so themselves by azds.io/sidecar-layout; auto: native where every kubelet knows that.',
      default: 'auto',
    },
    ['auto', 'native', 'classic'],
  ),
  proxyResources: resources({
    env: 'AZDS_PROXY_RESOURCES',
    doc: 'Resources of the sidecar where a pod has no annotation azds.io/proxy-resources; same form.',
    default: DEFAULT_PROXY_RESOURCES,
  }),
  proxyLogLevel: logLevel({
    env: 'AZDS_PROXY_LOG_LEVEL',
    doc: 'Log level of sidecars where neither pod nor namespace has the annotation azds.io/proxy-log-level.',
    default: 'info',
  }),
  kubeconfig: optionalText({
    env: 'KUBECONFIG',
    doc: 'Path of a kubeconfig; unset: the service account of the pod, or ~/.kube/config.',
  }),
  // An API server uses a terminating replica for as long as its connection and the endpoint are
  // known to it: 10 to 15 s (https://github.com/kubernetes/kubernetes/issues/127335).
  drainSeconds: integer(
    {
      env: 'AZDS_DRAIN_SECONDS',
      doc: 'How long the webhook goes on serving after SIGTERM, in seconds.',
      default: '15',
    },
    0,
    300,
  ),
} as const satisfies Settings

function resources(head: {
  env: string
  doc: string
  default: string
}): Setting<ContainerResources> {
  const parse = (value: string): Parsed<ContainerResources> => {
    const result = parseResources(value, null)
    if (!result.ok) return { ok: false, expected: `resources, but it ${result.message}` }
    return { ok: true, value: result.resources }
  }
  return { ...head, form: 'JSON such as {"Limits":{"cpu":"1"},"Requests":{"cpu":"20m"}}', parse }
}
