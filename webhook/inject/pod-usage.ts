/**
 * What a pod asks for as a whole, as the scheduler and quotas count it.
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
 */
import type { Container, Pod } from '../../core/kube/types.ts'
import { amountOf } from './quantity.ts'

export type ResourceKind = 'requests' | 'limits'

/** Resources that a container gets where it names none, by a LimitRange of the namespace. */
export type DefaultResources = Partial<Record<ResourceKind, Record<string, string>>>

/** What one container asks for; null if it leaves that open. A limit alone is the request too. */
export function amountIn(
  { resources }: Pick<Container, 'resources'>,
  kind: ResourceKind,
  resource: string,
  defaults: DefaultResources = {},
): number | null {
  const own = amountOf(resources?.[kind]?.[resource])
  if (own !== null) return own
  const limit = kind === 'requests' ? amountOf(resources?.limits?.[resource]) : null
  return limit ?? amountOf(defaults[kind]?.[resource])
}

/**
 * The larger of what runs together in the end and of what runs together at any time before; what the
 * pod names for all its containers goes before that. Limits that are left open count as nothing.
 */
export function usageOf(
  { spec }: Pod,
  kind: ResourceKind,
  resource: string,
  defaults: DefaultResources = {},
): number {
  const named = amountIn({ resources: spec.resources ?? {} }, kind, resource)
  if (named !== null) return named
  const of = (container: Container) => amountIn(container, kind, resource, defaults) ?? 0
  let sidecars = 0
  let most = 0
  for (const container of spec.initContainers ?? []) {
    const isSidecar = container.restartPolicy === 'Always'
    if (isSidecar) sidecars += of(container)
    most = Math.max(most, isSidecar ? sidecars : sidecars + of(container))
  }
  const running = spec.containers.reduce((sum, container) => sum + of(container), sidecars)
  return Math.max(running, most)
}

export type QualityOfService = 'BestEffort' | 'Burstable' | 'Guaranteed'

const COMPUTE = ['cpu', 'memory'] as const

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qualityOf({ spec }: Pod): QualityOfService {
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  const { limits = {}, requests = {} } = spec.resources ?? {}
  const isWhole = Object.keys({ ...limits, ...requests }).length > 0
  const shares = isWhole ? [{ resources: { limits, requests } }] : all
  const amounts = shares.flatMap((share) =>
    COMPUTE.map((resource) => ({
      request: amountIn(share, 'requests', resource) ?? 0,
      limit: amountIn(share, 'limits', resource) ?? 0,
    })),
  )
  if (amounts.every(({ request, limit }) => request === 0 && limit === 0)) return 'BestEffort'
  const equal = amounts.every(({ request, limit }) => limit > 0 && request === limit)
  return equal ? 'Guaranteed' : 'Burstable'
}
