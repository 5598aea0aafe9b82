/**
 * TCP probes of the app. The kubelet's connection to a redirected port ends at the sidecar, which takes
 * every connection, so that such a probe would pass whatever the app does. It is rewritten to ask
 * the sidecar, which dials the app itself and answers 200 or 503. HTTP and gRPC probes pass through
 * the sidecar to the app, and stay.
 *
 * | a tcpSocket probe …                                              | is        |
 * |------------------------------------------------------------------|-----------|
 * | that names a host, which need not be the pod                     | left      |
 * | whose port is a name that its container does not have            | left      |
 * | of a port that is not redirected, or is one of the sidecar's own | left      |
 * | of an init container, classic layout: startup, liveness          | left      |
 * | of any other container that runs beside the others               | rewritten |
 *
 * Classic: an app's own sidecar starts before the redirection and before ours. To ask ours would keep the pod
 * in its init containers for ever, or kill the sidecar again and again.
 */

import type { Container, Pod } from '../../core/kube/types.ts'
import { PORT, type RewrittenProbe, TCP_PROBE_PATH } from '../../core/names.ts'
import { isObject, type JsonObject } from './json.ts'
import type { Layout } from './layout.ts'
import { covers, type PortRange } from './port-ranges.ts'

export const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const
type ProbeName = (typeof PROBES)[number]

const SIDECAR_PORTS: readonly number[] = Object.values(PORT)

/** A probe that asks about a TCP port of the pod, as it is or as it was rewritten. */
export interface TcpProbe extends RewrittenProbe {
  list: 'initContainers' | 'containers'
  index: number
  /** Whom it is to ask: the sidecar, or the app itself because the port is direct or because it is too early. */
  asks: 'sidecar' | 'direct' | 'too-early'
}

/**
 * The TCP probes of a pod in the order of its containers, also those that are rewritten already: in a copy of
 * a pod that was injected, possibly with other ports.
 *
 * @param direct ports that reach the app itself
 */
export function tcpProbesOf(pod: Pod, layout: Layout, direct: readonly PortRange[]): TcpProbe[] {
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container, index) => {
      if (list === 'initContainers' && container.restartPolicy !== 'Always') return []
      return PROBES.flatMap((probe) => {
        const port = askedPort(container, probe)
        if (port === null) return []
        const early = isTooEarly(list, probe, layout) ? 'too-early' : 'sidecar'
        const asks = covers(direct, port) ? 'direct' : early
        return [{ container: container.name, probe, port, list, index, asks }]
      })
    }),
  )
}

function isTooEarly(list: TcpProbe['list'], probe: ProbeName, layout: Layout): boolean {
  return layout === 'classic' && list === 'initContainers' && probe !== 'readinessProbe'
}

/** Lets each ask whom it is to ask, in place; all that a probe says besides stays. */
export function rewriteTcpProbes(pod: Pod, probes: readonly TcpProbe[]): void {
  for (const { list, index, probe, port, asks } of probes) {
    const container = pod.spec[list]?.[index]
    const before = container?.[probe]
    if (!container || !isObject(before)) continue
    const isRewritten = portOfOurs(before) !== null
    if (isRewritten === (asks === 'sidecar')) continue
    const { tcpSocket: _, httpGet: __, ...rest } = before
    container[probe] = isRewritten
      ? { ...rest, tcpSocket: { port } }
      : {
          ...rest,
          httpGet: { path: `${TCP_PROBE_PATH}${port}`, port: PORT.admin, scheme: 'HTTP' },
        }
  }
}

/** As the status annotation has them. */
export function rewrittenOf(probes: readonly TcpProbe[]): RewrittenProbe[] {
  return probes
    .filter(({ asks }) => asks === 'sidecar')
    .map(({ container, probe, port }) => ({ container, probe, port }))
}

/** The ports that the sidecar may be asked about, `8080,9090`; null if there are none. */
export function probedPorts(probes: readonly RewrittenProbe[]): string | null {
  const ports = new Set(probes.map(({ port }) => port))
  return [...ports].toSorted((a, b) => a - b).join() || null
}

function askedPort(container: Container, probe: ProbeName): number | null {
  const value = container[probe]
  if (!isObject(value)) return null
  const port = portOfOurs(value) ?? portOfTcpSocket(value, container)
  return port !== null && isPort(port) && !SIDECAR_PORTS.includes(port) ? port : null
}

function portOfTcpSocket(probe: JsonObject, container: Container): number | null {
  const { tcpSocket, httpGet, grpc, exec } = probe
  // With two kinds at once the API server refuses the pod, and its words should be about what is there.
  if (!isObject(tcpSocket) || httpGet || grpc || exec || tcpSocket['host']) return null
  const { port } = tcpSocket
  if (typeof port !== 'string') return typeof port === 'number' ? port : null
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? null
}

/** The port that a rewritten probe asks about; null for any other probe. */
function portOfOurs({ httpGet }: JsonObject): number | null {
  if (!isObject(httpGet) || httpGet['port'] !== PORT.admin || httpGet['host']) return null
  const { path } = httpGet
  if (typeof path !== 'string' || !path.startsWith(TCP_PROBE_PATH)) return null
  const port = path.slice(TCP_PROBE_PATH.length)
  return /^[1-9]\d{0,4}$/.test(port) ? Number(port) : null
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535
