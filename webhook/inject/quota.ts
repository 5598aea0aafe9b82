/**
 * Where a ResourceQuota of the namespace will refuse the pod because of our containers.
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import type { LimitRange, Pod, ResourceQuota } from '../../core/kube/types.ts'
import { ANNOTATION, CONTAINER } from '../../core/names.ts'
import { defaultsOf } from './limit-range.ts'
import {
  amountIn,
  type DefaultResources,
  qualityOf,
  type ResourceKind,
  usageOf,
} from './pod-usage.ts'
import { amountOf, describeAmount } from './quantity.ts'

const OURS: readonly string[] = Object.values(CONTAINER)

/** @param before the pod as it came; @param after with our containers */
export function quotaWarnings(
  before: Pod,
  after: Pod,
  quotas: readonly ResourceQuota[],
  ranges: readonly LimitRange[],
): string[] {
  const defaults = defaultsOf(ranges)
  return quotas
    .filter((quota) => counts(quota, after))
    .flatMap(({ metadata, spec, status }) => {
      const hard = status?.hard ?? spec?.hard ?? {}
      const used = status?.used ?? {}
      return Object.keys(hard).flatMap((key) => {
        const measure = measureOf(key)
        if (!measure) return []
        const name = `ResourceQuota "${metadata.name}"`
        const missing = isDemanded(measure) && isUnnamed(after, measure, defaults)
        if (missing) return [demandText(name, key, measure)]
        const left = (amountOf(hard[key]) ?? 0) - (amountOf(used[key]) ?? 0)
        return overdraw(name, key, { left, measure, before, after, defaults })
      })
    })
}

/** A quota's key as what it counts: `cpu` and `requests.cpu` are the same. */
interface Measure {
  kind: ResourceKind
  resource: string
}

const RESOURCES = ['cpu', 'memory', 'ephemeral-storage']

function measureOf(key: string): Measure | null {
  if (RESOURCES.includes(key)) return { kind: 'requests', resource: key }
  const [kind, resource = ''] = key.split('.')
  if (kind !== 'requests' && kind !== 'limits') return null
  return RESOURCES.includes(resource) ? { kind, resource } : null
}

/** A quota of these makes every container name them; of others it only counts what is named. */
function isDemanded({ resource }: Measure): boolean {
  return resource === 'cpu' || resource === 'memory'
}

function isUnnamed({ spec }: Pod, { kind, resource }: Measure, defaults: DefaultResources) {
  if (amountIn({ resources: spec.resources ?? {} }, kind, resource) !== null) return false
  return [...(spec.initContainers ?? []), ...spec.containers]
    .filter(({ name }) => OURS.includes(name))
    .some((container) => amountIn(container, kind, resource, defaults) === null)
}

function demandText(name: string, key: string, { kind, resource }: Measure): string {
  const part = kind === 'limits' ? 'Limits' : 'Requests'
  return `${name} demands ${key} of every container, and the sidecar names none: the pod will be refused; set ${part}.${resource} in ${ANNOTATION.proxyResources}`
}

interface Draw {
  left: number
  measure: Measure
  before: Pod
  after: Pod
  defaults: DefaultResources
}

/** Only where the pod would have passed without us. */
function overdraw(name: string, key: string, draw: Draw): string[] {
  const { left, measure, before, after, defaults } = draw
  const { kind, resource } = measure
  const needed = usageOf(after, kind, resource, defaults)
  const withoutUs = usageOf(before, kind, resource, defaults)
  if (!exceeds(needed, left) || exceeds(withoutUs, left)) return []
  const amount = (value: number) => describeAmount(resource, value)
  return [
    `${name} has ${amount(left)} of ${key} left, and with the sidecar the pod needs ${amount(needed)}: it will be refused; free some, or ask for less in ${ANNOTATION.proxyResources}`,
  ]
}

/** Sums of decimal fractions are off by less than a billionth. */
function exceeds(needed: number, left: number): boolean {
  return needed > left + 1e-9 * Math.max(1, Math.abs(left))
}

/** Whether the quota counts such a pod: all its scopes must hold. */
function counts({ spec }: ResourceQuota, pod: Pod): boolean {
  const scopes = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }))
  const selected = spec?.scopeSelector?.matchExpressions ?? []
  return [...scopes, ...selected].every((scope) => holds(scope, pod))
}

type Scope = { scopeName: string; operator: string; values?: string[] }

function holds({ scopeName, operator, values = [] }: Scope, pod: Pod): boolean {
  const { activeDeadlineSeconds, priorityClassName } = pod.spec
  switch (scopeName) {
    case 'Terminating':
      return typeof activeDeadlineSeconds === 'number'
    case 'NotTerminating':
      return typeof activeDeadlineSeconds !== 'number'
    case 'BestEffort':
      return qualityOf(pod) === 'BestEffort'
    case 'NotBestEffort':
      return qualityOf(pod) !== 'BestEffort'
    case 'PriorityClass':
      return holdsFor(String(priorityClassName ?? ''), operator, values)
    default:
      // Of affinities to other namespaces, and what is not known: no reason to warn.
      return false
  }
}

function holdsFor(name: string, operator: string, values: readonly string[]): boolean {
  if (operator === 'In') return values.includes(name)
  if (operator === 'NotIn') return !values.includes(name)
  return operator === 'DoesNotExist' ? name === '' : name !== ''
}
