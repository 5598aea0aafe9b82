/** The webhook's settings. */
import {
  dnsDomain,
  integer,
  logLevel,
  optionalText,
  optionalUrl,
  type Parsed,
  port,
  type Setting,
  type Settings,
  text,
} from '../core/config.ts'
import { CONTROLLER_SERVICE, ENV, SYSTEM_NAMESPACE, WEBHOOK_PORT } from '../core/names.ts'
import {
  type ContainerResources,
  DEFAULT_PROXY_RESOURCES,
  parseResources,
} from './inject/resources.ts'

export const settings = {
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
    default: String(WEBHOOK_PORT),
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
  buildImage: text({
    env: 'AZDS_BUILD_IMAGE',
    doc: 'Image of the init container devspaces-build.',
    default: 'azds/build-init:dev',
  }),
  controllerUrl: optionalUrl({
    env: ENV.controllerUrl,
    doc: `Where sidecars reach the controller; unset: http://${CONTROLLER_SERVICE}.${SYSTEM_NAMESPACE}.svc.<cluster domain>.`,
  }),
  clusterDomain: dnsDomain({
    env: ENV.clusterDomain,
    doc: "The cluster's DNS domain.",
    default: 'cluster.local',
  }),
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
