/** Our own proxy, as it runs in a pod. */
import { ENV, PROXY_NODE_FLAGS } from '../../core/names.ts'
import { NODE_INSIDE, REPO_INSIDE } from '../../test/kernel/lab.ts'
import type { Contestant, Surroundings } from '../contestant.ts'
import { SPACE, SPACE_CHAIN } from '../service-table.ts'

/** Services in the table of a cluster that is large for a development cluster. */
const SERVICES = 1000

export interface AzdsOptions {
  /** Default `azds`. */
  name?: string
  services?: number
  /** Path of the bundle in the repository; default `dist/proxy.mjs`. */
  bundle?: string
  /** More environment. */
  env?: Record<string, string>
  /** False where tracing is off. */
  traced?: boolean
  /** Flags for Node, besides those of the image. */
  flags?: readonly string[]
  /** The sidecar also on loopback, where the gateway is the default. */
  sidecar?: boolean
}

export function azds(options: AzdsOptions = {}): Contestant {
  const { name = 'azds', services = SERVICES, bundle = 'dist/proxy.mjs', flags = [] } = options
  return {
    name,
    services,
    ours: true,
    traced: options.traced ?? true,
    launch: (surroundings) => ({
      argv: [NODE_INSIDE, ...PROXY_NODE_FLAGS, ...flags, `${REPO_INSIDE}/${bundle}`],
      env: { ...sidecarEnv(surroundings), ...modeEnv(surroundings, options), ...options.env },
      files: identityFiles(surroundings),
    }),
  }
}

/** What the webhook writes into the container. */
export function sidecarEnv(surroundings: Surroundings): Record<string, string> {
  const { pod, podIp, controller, port, scratch } = surroundings
  return {
    [ENV.podName]: pod,
    [ENV.podNamespace]: SPACE,
    [ENV.podIps]: podIp,
    [ENV.workload]: 'bench',
    [ENV.spaceChain]: SPACE_CHAIN,
    [ENV.controllerUrl]: controller.url,
    AZDS_IDENTITY_DIR: scratch,
    [ENV.outboundPort]: `${port}`,
  }
}

/** What the kubelet keeps in the volume of a pod's identity; tokens have about this length. */
function identityFiles({ controller }: Surroundings): Record<string, string> {
  return { token: 'token'.repeat(200), 'ca.crt': controller.authority }
}

/** On plain loopback there is no original destination to ask for: the gateway reads the host instead. */
function modeEnv({ placement, port }: Surroundings, { sidecar }: AzdsOptions) {
  if (placement === 'redirect' || sidecar) return {}
  return { AZDS_MODE: 'gateway', AZDS_GATEWAY_PORT: `${port}` }
}
