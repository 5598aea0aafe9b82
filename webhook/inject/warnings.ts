/** What does not stop an injection but will surprise: sentences that `kubectl` prints as warnings. */
import type { Container, Pod } from '../../core/kube/types.ts'
import { ANNOTATION, type DirectPorts, LABEL } from '../../core/names.ts'
import { describeProblem } from '../../core/spaces.ts'
import type { InjectionFacts } from './facts.ts'
import type { Layout } from './layout.ts'
import { covers, rangesOf } from './port-ranges.ts'

export interface WarningSource {
  pod: Pod
  facts: InjectionFacts
  layout: Layout
  /** Inbound ports that reach the app itself. */
  direct: readonly DirectPorts[]
}

const WARNINGS: readonly ((source: WarningSource) => string[])[] = [
  chainFault,
  foreignDns,
  podSecurity,
  endlessJob,
  blindTcpProbes,
  oddOptOut,
]

export function warningsFor(source: WarningSource): string[] {
  return WARNINGS.flatMap((warning) => warning(source))
}

function chainFault({ facts }: WarningSource): string[] {
  const { problem, names } = facts.chain
  if (!problem) return []
  const known = names.join(', ')
  return [
    `${describeProblem(problem)}; then restart this pod, which until then finds services of ${known} only`,
  ]
}

/** With these two the kubelet writes search domains, through which names of services are found. */
const CLUSTER_DNS = ['ClusterFirst', 'ClusterFirstWithHostNet']

function foreignDns({ pod }: WarningSource): string[] {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst'
  if (CLUSTER_DNS.includes(policy)) return []
  return [
    `spec.dnsPolicy is ${policy}: the names of services in parent spaces may not resolve; use ClusterFirst`,
  ]
}

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/ allows NET_ADMIN in neither. */
function podSecurity({ facts }: WarningSource): string[] {
  const label = 'pod-security.kubernetes.io/enforce'
  const level = facts.namespace.labels[label]
  if (level !== 'baseline' && level !== 'restricted') return []
  return [
    `namespace "${facts.namespace.name}" enforces the Pod Security level ${level}, which forbids the capability NET_ADMIN: the pod will be refused; label the namespace ${label}=privileged`,
  ]
}

function endlessJob({ pod, layout }: WarningSource): string[] {
  const { restartPolicy } = pod.spec
  if (layout === 'native' || (restartPolicy ?? 'Always') === 'Always') return []
  return [
    `the pod will not complete: spec.restartPolicy is ${restartPolicy}, and in the classic layout the sidecar goes on; use nodes with Kubernetes 1.29 or later, or the label ${LABEL.noProxy}=true`,
  ]
}

/** The sidecar accepts a connection before it has reached the app, so such a probe always passes. */
function blindTcpProbes({ pod, direct }: WarningSource): string[] {
  const open = direct.flatMap(({ ports }) => rangesOf(ports))
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container, index) =>
      (['startupProbe', 'readinessProbe', 'livenessProbe'] as const).flatMap((probe) => {
        const port = tcpProbePort(container, probe)
        if (port === null || covers(open, port)) return []
        return [
          `spec.${list}[${index}].${probe}.tcpSocket only reaches the sidecar, which accepts every connection: use httpGet, grpc or exec, or list port ${port} in ${ANNOTATION.skipInboundPorts}`,
        ]
      }),
    ),
  )
}

/** Number of the port of a tcpSocket probe; null if there is none or its name leads nowhere. */
function tcpProbePort(container: Container, probe: string): number | null {
  const { tcpSocket } = (container[probe] ?? {}) as { tcpSocket?: { port?: number | string } }
  const port = tcpSocket?.port
  if (typeof port === 'number') return port
  return (
    container.ports?.find(({ name }) => name !== undefined && name === port)?.containerPort ?? null
  )
}

function oddOptOut({ pod }: WarningSource): string[] {
  const value = pod.metadata.labels?.[LABEL.noProxy]
  if (value === undefined || value === 'true' || value === 'false') return []
  return [`label ${LABEL.noProxy} is "${value}", which has no effect: only "true" opts out`]
}
