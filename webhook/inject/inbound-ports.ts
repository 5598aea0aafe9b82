/**
 * Which inbound ports of a pod are not redirected, so that the app itself accepts the connection and
 * sees the real address of its client. The first row that holds decides about a port.
 *
 * | the port …                                                             | goes …          | reason                 |
 * |------------------------------------------------------------------------|-----------------|------------------------|
 * | is in the pod's azds.io/skip-inbound-ports                             | to the app      | skip-inbound-ports     |
 * | is in the pod's azds.io/opaque-ports                                   | to the app      | opaque-ports           |
 * | is the target of a Service port whose appProtocol is one of HTTP       | to the sidecar  |                        |
 * | is the target of a Service port whose appProtocol is tcp, tls or alike | to the app      | app-protocol           |
 * | is the target of a Service port, or a container port, named http… or grpc… | to the sidecar |                     |
 * | is in the namespace's azds.io/opaque-ports, and the pod has none       | to the app      | namespace-opaque-ports |
 * | is well known, and neither pod nor namespace has azds.io/opaque-ports  | to the app      | well-known             |
 * | is any other                                                           | to the sidecar  |                        |
 *
 * What stands nearer to the pod is stronger. An appProtocol is stronger than a name. A name never makes a
 * port opaque: `tcp` is a name that people also give to ports of HTTP.
 */

import type { DirectReason } from '../../core/injection/reasons.ts'
import type { Pod } from '../../core/kube/types.ts'
import type { DirectPorts } from '../../core/names.ts'
import {
  isTcp,
  type LeadingPort,
  portsLeadingTo,
  runningContainers,
  type TargetedService,
} from '../../core/service-target.ts'
import type { PodSettings } from './annotations.ts'
import { covers, formatRanges, type PortRange, rangesOf, single, without } from './port-ranges.ts'
import { WELL_KNOWN_PORTS } from './well-known-ports.ts'

export interface InboundPorts {
  /** Each port once, grouped by reason, in the order of the table. */
  direct: DirectPorts[]
  /** All of `direct` but skip-inbound-ports as one list; null if there are none. */
  opaquePorts: string | null
  /** Ports that a later row would have sent to the app. */
  declaredHttp: DeclaredHttp[]
}

export interface DeclaredHttp {
  port: number
  /** Who says so: `Service "web", appProtocol http`. */
  by: string
}

/** Values of appProtocol, in lower case: IANA's names, Kubernetes' own, and what Istio and GKE read. */
export const HTTP_PROTOCOLS: readonly string[] = [
  ...['http', 'https', 'http2', 'h2c', 'grpc', 'grpc-web', 'ws', 'wss'],
  ...['kubernetes.io/h2c', 'kubernetes.io/ws', 'kubernetes.io/wss'],
]
/** Of no HTTP: the transports alone, Linkerd's word for that, and the names of well-known protocols. */
export const OPAQUE_PROTOCOLS: readonly string[] = [
  ...['tcp', 'tls', 'linkerd.io/opaque'],
  ...WELL_KNOWN_PORTS.flatMap(({ appProtocols }) => appProtocols),
]
/** Istio's convention for the names of ports is `<protocol>[-<anything>]`. */
const HTTP_NAME = /^(http|grpc|h2c)/i

type PortLists = Pick<PodSettings, 'skipInboundPorts' | 'opaquePorts' | 'namespaceOpaquePorts'>

/** @param services those of the pod's namespace, as they are known now */
export function decideInboundPorts(
  pod: Pod,
  settings: PortLists,
  services: readonly TargetedService[],
): InboundPorts {
  const leading = portsLeadingTo(pod, services).filter(({ targetPort }) => isPort(targetPort))
  const skipped = without(rangesOf(settings.skipInboundPorts ?? ''), [])
  const own = without(rangesOf(settings.opaquePorts ?? ''), skipped)
  const byPod = [...skipped, ...own]
  const httpByProtocol = httpProtocols(leading)
  const opaqueByProtocol = opaqueProtocols(leading)
  const httpByName = httpNames(pod, leading)
  const byService = [...opaqueByProtocol].filter(
    ([port]) => !covers(byPod, port) && !httpByProtocol.has(port),
  )
  const http = new Map([...httpByName].filter(([port]) => !opaqueByProtocol.has(port)))
  for (const [port, by] of httpByProtocol) http.set(port, by)

  const defaults = defaultsOf(settings)
  const declared = [...byService.map(([port]) => port), ...http.keys()].map(single)
  const direct = [
    ...group('skip-inbound-ports', skipped),
    ...group('opaque-ports', own),
    ...serviceGroups(byService),
    ...group(defaults.reason, without(defaults.ranges, [...byPod, ...declared])),
  ]
  const opaque = direct.filter(({ reason }) => reason !== 'skip-inbound-ports')
  const inVain = [...defaults.ranges, ...[...opaqueByProtocol.keys()].map(single)]
  return {
    direct,
    opaquePorts:
      formatRanges(
        without(
          opaque.flatMap(({ ports }) => rangesOf(ports)),
          [],
        ),
      ) || null,
    declaredHttp: [...http]
      .filter(([port]) => covers(inVain, port) && !covers(byPod, port))
      .map(([port, by]) => ({ port, by }))
      .sort((a, b) => a.port - b.port),
  }
}

/** `6379 (app-protocol: Service cache, tcp)`. */
export function describeDirect({ ports, reason, service, appProtocol }: DirectPorts): string {
  const by = service === undefined ? '' : `: Service ${service}, ${appProtocol}`
  return `${ports} (${reason}${by})`
}

function defaultsOf(settings: PortLists): { reason: DirectReason; ranges: PortRange[] } {
  const { opaquePorts, namespaceOpaquePorts } = settings
  if (opaquePorts !== null) return { reason: 'well-known', ranges: [] }
  if (namespaceOpaquePorts !== null)
    return { reason: 'namespace-opaque-ports', ranges: rangesOf(namespaceOpaquePorts) }
  return { reason: 'well-known', ranges: WELL_KNOWN_PORTS.map(({ port }) => single(port)) }
}

interface Declaration {
  service: string
  appProtocol: string
}

function opaqueProtocols(leading: readonly LeadingPort[]): Map<number, Declaration> {
  const found = new Map<number, Declaration>()
  for (const { service, port, targetPort } of leading) {
    const { appProtocol = '' } = port
    if (!OPAQUE_PROTOCOLS.includes(appProtocol.toLowerCase()) || found.has(targetPort)) continue
    found.set(targetPort, { service, appProtocol })
  }
  return found
}

function httpProtocols(leading: readonly LeadingPort[]): Map<number, string> {
  const found = new Map<number, string>()
  for (const { service, port, targetPort } of leading) {
    const { appProtocol = '' } = port
    if (!HTTP_PROTOCOLS.includes(appProtocol.toLowerCase()) || found.has(targetPort)) continue
    found.set(targetPort, `Service "${service}", appProtocol ${appProtocol}`)
  }
  return found
}

function httpNames(pod: Pod, leading: readonly LeadingPort[]): Map<number, string> {
  const found = new Map<number, string>()
  for (const { service, port, targetPort } of leading) {
    const { name = '', appProtocol = '' } = port
    if (appProtocol !== '' || !HTTP_NAME.test(name) || found.has(targetPort)) continue
    found.set(targetPort, `Service "${service}", port name ${name}`)
  }
  for (const container of runningContainers(pod.spec)) {
    for (const port of container.ports ?? []) {
      const { name, containerPort } = port
      if (!isPort(containerPort) || !isTcp(port) || !HTTP_NAME.test(name ?? '')) continue
      if (found.has(containerPort)) continue
      found.set(containerPort, `container "${container.name}", port name ${name}`)
    }
  }
  return found
}

function group(reason: DirectReason, ranges: readonly PortRange[]): DirectPorts[] {
  return ranges.length === 0 ? [] : [{ ports: formatRanges(ranges), reason }]
}

/** One entry for each Service and protocol, in the order of the Services. */
function serviceGroups(found: readonly (readonly [number, Declaration])[]): DirectPorts[] {
  const groups = Map.groupBy(found, ([, { service, appProtocol }]) => `${service} ${appProtocol}`)
  return [...groups.values()].flatMap((entries) => {
    const [, declaration] = entries[0] ?? []
    const ranges = without(
      entries.map(([port]) => single(port)),
      [],
    )
    return group('app-protocol', ranges).map((entry) => ({ ...entry, ...declaration }))
  })
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}
