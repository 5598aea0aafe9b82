/**
 * Whether a pod is injected. The first row that holds decides.
 *
 * | condition                                                    | decision               |
 * |--------------------------------------------------------------|------------------------|
 * | namespace is kube-system, kube-public, kube-node-lease, ours | skip, system-namespace |
 * | namespace has no label azds.io/space=true                    | skip, not-a-space      |
 * | annotation kubernetes.io/config.mirror (static pod)          | skip, mirror-pod       |
 * | spec.os.name, node selector or affinity says windows         | skip, windows          |
 * | node selector or affinity says virtual-kubelet               | skip, virtual-node     |
 * | spec.hostNetwork                                             | skip, host-network     |
 * | label azds.io/no-proxy=true                                  | skip, opted-out        |
 * | a container of another mesh                                  | skip, foreign-mesh     |
 * | none of these                                                | inject                 |
 *
 * A pod that has been injected before is told apart later, because it may need a repair.
 */
import type { Pod } from '../kube/types.ts'
import { LABEL } from '../names.ts'
import type { SkipReason } from './reasons.ts'

export type Decision = { inject: true } | { inject: false; reason: SkipReason }

/** What the decision depends on besides the pod. */
export interface DecisionFacts {
  /** The namespace that the pod is created in. */
  namespace: { name: string; labels: Readonly<Record<string, string>> }
  /** The namespace of our own control plane. */
  systemNamespace: string
}

/** Kubernetes' own namespaces. */
export const CLUSTER_NAMESPACES: readonly string[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
]

/** Whether a namespace is Kubernetes' own or that of our control plane, and so never a space. */
export function isSystemNamespace(name: string, systemNamespace: string): boolean {
  return name === systemNamespace || CLUSTER_NAMESPACES.includes(name)
}

/** Containers by which other meshes are known: Istio, Linkerd, Open Service Mesh, Kuma, Consul. */
const FOREIGN_CONTAINERS: readonly string[] = [
  'istio-proxy',
  'istio-init',
  'istio-validation',
  'linkerd-proxy',
  'linkerd-init',
  'osm-init',
  'kuma-sidecar',
  'kuma-init',
  'consul-dataplane',
]

/** The kubelet's mark on the API server's copy of a static pod. */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

type Rule = [SkipReason, (pod: Pod, facts: DecisionFacts) => boolean]

const RULES: readonly Rule[] = [
  [
    'system-namespace',
    (_, facts) => isSystemNamespace(facts.namespace.name, facts.systemNamespace),
  ],
  ['not-a-space', (_, { namespace }) => namespace.labels[LABEL.space] !== 'true'],
  ['mirror-pod', (pod) => pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined],
  ['windows', isForWindows],
  ['virtual-node', (pod) => isBoundTo(pod, ['type'], 'virtual-kubelet')],
  ['host-network', (pod) => pod.spec.hostNetwork === true],
  ['opted-out', (pod) => pod.metadata.labels?.[LABEL.noProxy] === 'true'],
  ['foreign-mesh', hasForeignMesh],
]

export function decide(pod: Pod, facts: DecisionFacts): Decision {
  const rule = RULES.find(([, holds]) => holds(pod, facts))
  return rule ? { inject: false, reason: rule[0] } : { inject: true }
}

function isForWindows(pod: Pod): boolean {
  const labels = ['kubernetes.io/os', 'beta.kubernetes.io/os']
  return pod.spec.os?.name === 'windows' || isBoundTo(pod, labels, 'windows')
}

interface NodeTerm {
  matchExpressions?: { key?: unknown; operator?: unknown; values?: unknown }[]
}

/** Whether the pod runs on no node but those with the value in one of the labels. */
function isBoundTo({ spec }: Pod, labels: readonly string[], value: string): boolean {
  if (labels.some((label) => spec.nodeSelector?.[label] === value)) return true
  const terms = requiredTerms(spec)
  // One of the terms is enough for a node, so all of them must say it.
  return (
    terms.length > 0 &&
    terms.every((term) =>
      listOf(term?.matchExpressions).some(
        ({ key, operator, values }) =>
          labels.includes(String(key)) && operator === 'In' && listOf(values).join() === value,
      ),
    )
  )
}

/** Nothing has checked these fields before. */
function requiredTerms({ affinity }: Pod['spec']): NodeTerm[] {
  const { nodeAffinity } = (affinity ?? {}) as { nodeAffinity?: Record<string, unknown> | null }
  const required = nodeAffinity?.['requiredDuringSchedulingIgnoredDuringExecution']
  return listOf((required as { nodeSelectorTerms?: NodeTerm[] } | null)?.nodeSelectorTerms)
}

function listOf<T>(value: T[] | null | undefined): T[]
function listOf(value: unknown): unknown[]
function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.filter((item) => item !== null) : []
}

function hasForeignMesh({ spec }: Pod): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some(({ name }) =>
    FOREIGN_CONTAINERS.includes(name),
  )
}
