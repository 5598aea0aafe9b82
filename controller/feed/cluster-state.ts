/** From Kubernetes objects to what the feed speaks of: spaces, services, and a pod's own ports. Pure. */
import type { EndpointSlice, Namespace, Pod, Service } from '../../core/kube/types.ts'
import type { FeedPort, FeedService, SelfPort } from '../../core/routing-feed.ts'
import { formatAddress } from '../../core/routing-table.ts'
import { type Space, spaceOf } from '../../core/spaces.ts'

type ServicePort = NonNullable<Service['spec']['ports']>[number]

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
 * The Service ports that lead to a pod: whose selector its labels match, with the port inside it.
 * A named target port that no container of the pod has leads nowhere and is left out.
 *
 * @param services the Services of the pod's namespace
 */
export function selfPortsOf(pod: Pod, services: Iterable<Service>): SelfPort[] {
  const ports: SelfPort[] = []
  for (const { metadata, spec } of services) {
    if (metadata.namespace !== pod.metadata.namespace || spec.type === 'ExternalName') continue
    if (!selects(spec.selector, pod.metadata.labels)) continue
    for (const port of tcpPorts(spec.ports)) {
      const targetPort = targetPortOf(port, pod)
      if (targetPort === null) continue
      ports.push({ service: metadata.name ?? '', port: port.port, targetPort })
    }
  }
  return ports.sort((a, b) => a.service.localeCompare(b.service) || a.port - b.port)
}

/** An empty selector selects nothing: such a Service's endpoints are written by somebody else. */
function selects(selector: Service['spec']['selector'], labels: Record<string, string> = {}) {
  const wanted = Object.entries(selector ?? {})
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value)
}

function targetPortOf({ port, targetPort }: ServicePort, pod: Pod): number | null {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port
  if (typeof targetPort === 'number') return targetPort
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
  for (const container of containers) {
    const named = container.ports?.find((one) => one.name === targetPort && isTcp(one))
    if (named) return named.containerPort
  }
  return null
}

function tcpPorts(ports: Service['spec']['ports']): ServicePort[] {
  return (ports ?? []).filter(isTcp)
}

function isTcp({ protocol }: { protocol?: string }): boolean {
  return protocol === undefined || protocol === 'TCP'
}
