/** Services of the tests: what the sidecars are told about them, and their addresses in the kernel. */
import type { FeedMessage, FeedService } from '../../../core/routing-feed.ts'
import { formatAddress } from '../../../core/routing-table.ts'
import type { Space } from '../../../core/spaces.ts'
import { type Place, runOk } from '../lab.ts'

export interface TestService {
  space: string
  name: string
  /** Null for a headless Service, whose clients connect to the pod's own addresses. */
  clusterIp: string | null
  ports: { port: number; targetPort: number; appProtocol?: string }[]
  /** The pod behind it; null for a Service without a ready endpoint. */
  pod: Place | null
}

/** The pod's table: all services, and those that lead to the pod itself. */
export function tableFor(
  pod: Place,
  number: number,
  { spaces, services }: { spaces: Space[]; services: readonly TestService[] },
): FeedMessage {
  const own = services.filter((service) => service.pod?.name === pod.name)
  return {
    type: 'snapshot',
    version: { epoch: 'test', number },
    spaces,
    services: services.map(feedService),
    self: own.flatMap(({ name, ports }) =>
      ports.map(({ port, targetPort }) => ({ service: name, port, targetPort })),
    ),
  }
}

function feedService({ space, name, clusterIp, ports, pod }: TestService): FeedService {
  return {
    space,
    name,
    clusterIPs: clusterIp === null ? [] : [clusterIp],
    ports: ports.map(({ port, targetPort, appProtocol = '' }) => ({
      name: `p${port}`,
      port,
      appProtocol,
      ready: pod === null ? 0 : 1,
      endpoints: clusterIp === null && pod !== null ? endpointsOf(pod, targetPort) : [],
    })),
  }
}

function endpointsOf({ ipv4, ipv6 }: Place, port: number): string[] {
  return [ipv4, ...(ipv6 === null ? [] : [ipv6])].map((ip) => formatAddress({ ip, port }))
}

/**
 * Leads the cluster IPs to their pods, as a node's kube-proxy does. Masqueraded, because the pods are
 * on one bridge: an answer that did not come back this way would come from an unknown address.
 */
export async function programAddresses(
  node: Place,
  services: readonly TestService[],
): Promise<void> {
  const rules = services.flatMap(({ clusterIp, ports, pod }) =>
    pod === null || clusterIp === null
      ? []
      : ports.map(({ port, targetPort }) => {
          const to = `${pod.ipv4}:${targetPort}`
          return `-A PREROUTING -d ${clusterIp}/32 -p tcp --dport ${port} -j DNAT --to-destination ${to}`
        }),
  )
  const input = [
    '*nat',
    ':PREROUTING ACCEPT',
    ':POSTROUTING ACCEPT',
    ...rules,
    '-A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE',
    'COMMIT',
    '',
  ].join('\n')
  await runOk(node, ['iptables-nft-restore'], { input })
}
