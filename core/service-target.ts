/**
 * Which ports of Services lead to a pod, by selector and target port as Kubernetes reads them. Pure, and
 * structural: whatever has these fields will do.
 * https://kubernetes.io/docs/concepts/services-networking/service/#defining-a-service
 */

export interface TargetedService {
  metadata: { name?: string }
  spec: {
    type?: string
    selector?: Record<string, string>
    ports?: ServicePort[]
  }
}

export interface ServicePort {
  name?: string
  port: number
  targetPort?: number | string
  protocol?: string
  appProtocol?: string
}

export interface TargetPod {
  metadata: { labels?: Record<string, string> | null }
  spec: { containers: PodContainer[]; initContainers?: PodContainer[] | null }
}

interface PodContainer {
  restartPolicy?: string | null
  ports?: ContainerPort[] | null
}

interface ContainerPort {
  name?: string | null
  containerPort: number
  protocol?: string | null
}

/** A port of a Service, and where in the pod it ends. */
export interface LeadingPort {
  service: string
  port: ServicePort
  targetPort: number
}

/**
 * The TCP ports that lead to the pod, sorted by Service and port. A named target port that no container
 * of the pod has leads nowhere and is left out.
 *
 * @param services the Services of the pod's namespace
 */
export function portsLeadingTo(pod: TargetPod, services: Iterable<TargetedService>): LeadingPort[] {
  const found: LeadingPort[] = []
  for (const { metadata, spec } of services) {
    if (spec.type === 'ExternalName' || !selects(spec.selector, pod.metadata.labels)) continue
    for (const port of tcpPorts(spec.ports)) {
      const targetPort = targetPortOf(port, pod)
      if (targetPort !== null) found.push({ service: metadata.name ?? '', port, targetPort })
    }
  }
  return found.sort((a, b) => a.service.localeCompare(b.service) || a.port.port - b.port.port)
}

/** Kubernetes' default for a port without a protocol, or with an empty one, is TCP. */
export function isTcp({ protocol }: { protocol?: string | null }): boolean {
  return (protocol || 'TCP') === 'TCP'
}

export function tcpPorts(ports: readonly ServicePort[] | undefined): ServicePort[] {
  return (ports ?? []).filter(isTcp)
}

/** Containers that run beside each other: the app's, and init containers that are native sidecars. */
export function runningContainers<C extends PodContainer>(spec: {
  containers: C[]
  initContainers?: C[] | null
}): C[] {
  const sidecars = (spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always')
  return [...spec.containers, ...sidecars]
}

/** An empty selector selects nothing: such a Service's endpoints are written by somebody else. */
function selects(
  selector: Record<string, string> | undefined,
  labels: Record<string, string> | null | undefined,
): boolean {
  const wanted = Object.entries(selector ?? {})
  return wanted.length > 0 && wanted.every(([key, value]) => labels?.[key] === value)
}

function targetPortOf({ port, targetPort }: ServicePort, pod: TargetPod): number | null {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port
  if (typeof targetPort === 'number') return targetPort
  for (const { ports } of runningContainers(pod.spec)) {
    const named = ports?.find((one) => one.name === targetPort && isTcp(one))
    if (named) return named.containerPort
  }
  return null
}
