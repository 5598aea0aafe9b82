/** From Kubernetes objects to what the feed speaks of: spaces, services, and a pod's own ports. Pure. */
import type { EndpointSlice, Namespace, Pod, Service } from '../../core/kube/types.ts'
import type { FeedPort, FeedService, SelfPort } from '../../core/routing-feed.ts'
import { formatAddress } from '../../core/routing-table.ts'
import { isTcp, portsLeadingTo, type ServicePort, tcpPorts } from '../../core/service-target.ts'
import { type Space, spaceOf } from '../../core/spaces.ts'

/** All namespaces that are spaces, by name. */
export function spacesOf(namespaces: Iterable<Namespace>): Map<string, Space> {
  const spaces = new Map<string, Space>()
  for (const { metadata } of namespaces) {
    const space = spaceOf(metadata.name ?? '', metadata.labels)
    if (space) spaces.set(space.name, space)
  }
  return spaces
}

/**
 * A Service as sidecars see it; null for an ExternalName, which has no addresses to route by.
 *
 * | Service           | clusterIPs    | ports      | endpoints          |
 * |-------------------|---------------|------------|--------------------|
 * | ClusterIP         | of each family| TCP only   | counted            |
 * | without selector  | of each family| TCP only   | counted (whoever wrote its slices) |
 * | headless          | none          | TCP only   | counted and listed |
 * | ExternalName      | –             | –          | –                  |
 *
 * @param slices the EndpointSlices that name this Service
 */
export function feedServiceOf(
  service: Service,
  slices: readonly EndpointSlice[],
): FeedService | null {
  const { metadata, spec } = service
  if (spec.type === 'ExternalName') return null
  const clusterIPs = clusterIPsOf(spec)
  return {
    space: metadata.namespace ?? '',
    name: metadata.name ?? '',
    clusterIPs,
    ports: tcpPorts(spec.ports).map((port) => feedPort(port, slices, clusterIPs.length === 0)),
  }
}

function feedPort(
  { name = '', port, appProtocol = '' }: ServicePort,
  slices: readonly EndpointSlice[],
  headless: boolean,
): FeedPort {
  const v4 = readyAddresses(slices, 'IPv4', name)
  const v6 = readyAddresses(slices, 'IPv6', name)
  return {
    name,
    port,
    appProtocol,
    // A dual-stack pod is in a slice of each family; it is one endpoint all the same.
    ready: Math.max(v4.length, v6.length),
    endpoints: headless ? [...v4, ...v6].sort() : [],
  }
}

/** `ip:port` of the endpoints that take new connections, each once. */
function readyAddresses(
  slices: readonly EndpointSlice[],
  family: EndpointSlice['addressType'],
  portName: string,
): string[] {
  const addresses = new Set<string>()
  for (const slice of slices) {
    if (slice.addressType !== family) continue
    const port = slice.ports?.find((one) => (one.name ?? '') === portName && isTcp(one))?.port
    if (port === undefined) continue
    for (const { addresses: [ip] = [], conditions } of slice.endpoints ?? []) {
      // Absent conditions mean ready (EndpointConditions of discovery.k8s.io/v1).
      const ready = conditions?.ready !== false && conditions?.terminating !== true
      if (ip !== undefined && ready) addresses.add(formatAddress({ ip, port }))
    }
  }
  return [...addresses]
}

function clusterIPsOf({ clusterIPs, clusterIP }: Service['spec']): string[] {
  const listed = clusterIPs?.length ? clusterIPs : [clusterIP ?? '']
  return listed.filter((ip) => ip !== '' && ip !== 'None')
}

/**
 * The Service ports that lead to a pod, with the port inside it.
 *
 * @param services of any namespace; those of the pod's count
 */
export function selfPortsOf(pod: Pod, services: Iterable<Service>): SelfPort[] {
  const near = [...services].filter(({ metadata }) => metadata.namespace === pod.metadata.namespace)
  return portsLeadingTo(pod, near).map(({ service, port, targetPort }) => ({
    service,
    port: port.port,
    targetPort,
  }))
}
