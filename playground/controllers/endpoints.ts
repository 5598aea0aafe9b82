/** Which pods a service sends to, and on which ports: the pure part of the slice controller. */
import type { JsonObject } from '../apiserver/object.ts'
import { matchesSelector } from '../apiserver/selectors.ts'
import { isReady, type PodObject, type ServiceObject } from './kinds.ts'

export interface SlicePort {
  name: string
  port: number
  protocol: string
  appProtocol?: string
}

/** Pods that have the same port numbers for the service's ports. */
export interface EndpointGroup {
  ports: SlicePort[]
  endpoints: JsonObject[]
}

/**
 * The service's endpoints. Pods of one service may give a named port different numbers: each such
 * set of numbers is a group of its own. There is always a group, so that watchers see an empty
 * service too.
 */
export function endpointGroups(
  service: ServiceObject,
  pods: readonly PodObject[],
): EndpointGroup[] {
  const groups = new Map<string, EndpointGroup>()
  const selected = pods.filter(
    (pod) =>
      canServe(pod) &&
      matchesSelector({ matchLabels: service.spec.selector ?? {} }, pod.metadata.labels),
  )
  for (const pod of selected) {
    const ports = portsOf(service, pod)
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    group.endpoints.push(endpointOf(service, pod))
    groups.set(key, group)
  }
  if (groups.size === 0) return [{ ports: [], endpoints: [] }]
  return [...groups.values()]
}

function canServe({ status }: PodObject): boolean {
  return Boolean(status?.podIP) && status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}

/** A named port that the pod lacks is left out. */
function portsOf(service: ServiceObject, pod: PodObject): SlicePort[] {
  return (service.spec.ports ?? []).flatMap((one) => {
    const protocol = one.protocol ?? 'TCP'
    const port = numberOf(one.targetPort ?? one.port, pod)
    if (port === null) return []
    const { name = '', appProtocol } = one
    return [{ name, port, protocol, ...(appProtocol && { appProtocol }) }]
  })
}

function numberOf(targetPort: number | string, { spec }: PodObject): number | null {
  if (typeof targetPort === 'number') return targetPort
  // Native sidecars are init containers and may serve ports too.
  const containers = [...spec.containers, ...(spec.initContainers ?? [])]
  for (const { ports = [] } of containers) {
    const found = ports.find(({ name }) => name === targetPort)
    if (found) return found.containerPort
  }
  return null
}

function endpointOf({ spec, metadata }: ServiceObject, pod: PodObject): JsonObject {
  const serving = isReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = spec.publishNotReadyAddresses === true || (serving && !terminating)
  const { hostname, subdomain, nodeName } = pod.spec
  const named = hostname && subdomain === metadata.name
  return {
    addresses: [pod.status?.podIP],
    conditions: { ready, serving, terminating },
    ...(named && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: {
      kind: 'Pod',
      name: pod.metadata.name,
      namespace: pod.metadata.namespace,
      uid: pod.metadata.uid,
    },
  }
}
