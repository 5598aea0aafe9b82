/** What does not stop an injection but will surprise: sentences that `kubectl` prints as warnings. */
import type { Pod } from '../../core/kube/types.ts'
import { ANNOTATION, LABEL } from '../../core/names.ts'
import { describeProblem } from '../../core/spaces.ts'
import type { InjectionFacts } from './facts.ts'
import type { Layout } from './layout.ts'
import { limitRangeWarnings } from './limit-range.ts'
import { qualityOf } from './pod-usage.ts'
import { quotaWarnings } from './quota.ts'
import type { TcpProbe } from './tcp-probes.ts'

export interface WarningSource {
  /** As it came. */
  pod: Pod
  /** As it will be. */
  injected: Pod
  facts: InjectionFacts
  layout: Layout
  probes: readonly TcpProbe[]
}

const WARNINGS: readonly ((source: WarningSource) => string[])[] = [
  chainFault,
  foreignDns,
  podSecurity,
  refusedByQuota,
  refusedByLimitRange,
  lostGuarantee,
  endlessJob,
  blindProbes,
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
  const policy = pod.spec.dnsPolicy || 'ClusterFirst'
  if (CLUSTER_DNS.includes(policy)) return []
  return [
    `spec.dnsPolicy is ${policy}: the names of services in parent spaces may not resolve; use ClusterFirst`,
  ]
}

/** A namespace's label with the level that its pods must keep to. */
export const POD_SECURITY_LABEL = 'pod-security.kubernetes.io/enforce'

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/ allows NET_ADMIN in neither. */
function podSecurity({ facts }: WarningSource): string[] {
  const label = POD_SECURITY_LABEL
  const level = facts.namespace.labels[label]
  if (level !== 'baseline' && level !== 'restricted') return []
  return [
    `namespace "${facts.namespace.name}" enforces the Pod Security level ${level}, which forbids the capability NET_ADMIN: the pod will be refused; label the namespace ${label}=privileged`,
  ]
}

function refusedByQuota({ pod, injected, facts }: WarningSource): string[] {
  return quotaWarnings(pod, injected, facts.quotas ?? [], facts.limitRanges ?? [])
}

function refusedByLimitRange({ pod, injected, facts }: WarningSource): string[] {
  return limitRangeWarnings(pod, injected, facts.limitRanges ?? [])
}

/** Such a pod may have cores of its own, and is the last to be evicted. */
function lostGuarantee({ pod, injected }: WarningSource): string[] {
  if (qualityOf(pod) !== 'Guaranteed' || qualityOf(injected) === 'Guaranteed') return []
  return [
    `with the sidecar the pod's quality of service is Burstable instead of Guaranteed: set Requests equal to Limits in ${ANNOTATION.proxyResources}`,
  ]
}

/** The sidecar is an ordinary container there, which goes on until it is told. */
function endlessJob({ pod, layout }: WarningSource): string[] {
  const { restartPolicy } = pod.spec
  if (layout === 'native' || (restartPolicy || 'Always') === 'Always') return []
  return [
    `spec.restartPolicy is ${restartPolicy}: in the classic layout the pod completes only while the controller can tell the sidecar that the others have ended; use nodes with Kubernetes 1.29 or later, or the label ${LABEL.noProxy}=true`,
  ]
}

/** At its start such a container is reached by its probe, later the sidecar is. */
function blindProbes({ probes }: WarningSource): string[] {
  return probes
    .filter(({ asks, probe }) => asks === 'too-early' && probe === 'livenessProbe')
    .map(
      ({ list, index, probe }) =>
        `spec.${list}[${index}].${probe}.tcpSocket will always pass: in the classic layout it runs before the sidecar, and cannot ask it; use exec, or nodes with Kubernetes 1.29 or later`,
    )
}

function oddOptOut({ pod }: WarningSource): string[] {
  const value = pod.metadata.labels?.[LABEL.noProxy]
  if (value === undefined || value === 'true' || value === 'false') return []
  return [`label ${LABEL.noProxy} is "${value}", which has no effect: only "true" opts out`]
}
