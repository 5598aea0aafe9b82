/**
 * Where a LimitRange of the namespace forbids our containers, or the pod because of them: the API server
 * will refuse it, in words that name a container which nobody has written.
 * https://kubernetes.io/docs/concepts/policy/limit-range/
 */
import type { Container, LimitRange, Pod } from '../../core/kube/types.ts'
import { ANNOTATION, CONTAINER } from '../../core/names.ts'
import { amountIn, type DefaultResources, type ResourceKind, usageOf } from './pod-usage.ts'
import { amountOf, describeAmount } from './quantity.ts'

type Limit = NonNullable<NonNullable<LimitRange['spec']>['limits']>[number]

/** Ours with resources of their own; proxy-init has the sidecar's. */
const CHECKED = [
  { name: CONTAINER.proxy, what: 'the sidecar' },
  { name: CONTAINER.build, what: 'the build' },
] as const

const NEXT = `set ${ANNOTATION.proxyResources}, or the pod will be refused`

/** @param before the pod as it came; @param after with our containers */
export function limitRangeWarnings(
  before: Pod,
  after: Pod,
  ranges: readonly LimitRange[],
): string[] {
  const defaults = defaultsOf(ranges)
  return ranges.flatMap(({ metadata, spec }) =>
    (spec?.limits ?? []).flatMap((limit) => {
      const name = `LimitRange "${metadata.name}"`
      if (limit.type === 'Container') return containerFaults(name, limit, after, defaults)
      if (limit.type === 'Pod') return podFaults(name, limit, before, after, defaults)
      return []
    }),
  )
}

/** Given to every container that names nothing else; of several ranges the last one counts. */
export function defaultsOf(ranges: readonly LimitRange[]): DefaultResources {
  const limits: Record<string, string> = {}
  const requests: Record<string, string> = {}
  for (const limit of ranges.flatMap(({ spec }) => spec?.limits ?? [])) {
    if (limit.type !== 'Container') continue
    Object.assign(limits, limit.default)
    Object.assign(requests, limit.default, limit.defaultRequest)
  }
  return { limits, requests }
}

function containerFaults(
  name: string,
  limit: Limit,
  { spec }: Pod,
  defaults: DefaultResources,
): string[] {
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  return CHECKED.flatMap(({ name: ours, what }) => {
    const container = all.find((one) => one.name === ours)
    if (!container) return []
    const amount = (kind: ResourceKind, resource: string) =>
      amountIn(container as Container, kind, resource, defaults)
    return faults(limit, amount).map(({ text }) => `${name} ${text('a container', what)}; ${NEXT}`)
  })
}

/** What was forbidden before we came is not ours to tell. */
function podFaults(
  name: string,
  limit: Limit,
  before: Pod,
  after: Pod,
  defaults: DefaultResources,
): string[] {
  const amountsOf = (pod: Pod) => (kind: ResourceKind, resource: string) =>
    usageOf(pod, kind, resource, defaults) || null
  const broken = faults(limit, amountsOf(before)).map(({ rule }) => rule)
  return faults(limit, amountsOf(after))
    .filter(({ rule }) => !broken.includes(rule))
    .map(({ text }) => `${name} ${text('a pod', 'with the sidecar this one')}; ${NEXT}`)
}

interface Fault {
  /** Tells which of the bounds it is. */
  rule: string
  text: (whom: string, who: string) => string
}

function faults(
  { min, max, maxLimitRequestRatio }: Limit,
  amount: (kind: ResourceKind, resource: string) => number | null,
): Fault[] {
  return [
    ...bounds(min, 'at least', (found, bound) => found < bound, amount),
    ...bounds(max, 'at most', (found, bound) => found > bound, amount),
    ...ratios(maxLimitRequestRatio, amount),
  ]
}

function bounds(
  quantities: Record<string, string> | undefined,
  words: string,
  isWrong: (found: number, bound: number) => boolean,
  amount: (kind: ResourceKind, resource: string) => number | null,
): Fault[] {
  return Object.entries(quantities ?? {}).flatMap(([resource, text]) => {
    const bound = amountOf(text)
    if (bound === null) return []
    return (['requests', 'limits'] as const).flatMap((kind) => {
      const found = amount(kind, resource)
      if (found === null || !isWrong(found, bound)) return []
      const has = describeAmount(resource, found)
      return [
        {
          rule: `${words} ${kind}.${resource}`,
          text: (whom, who) =>
            `wants ${words} ${text} of ${kind}.${resource} for ${whom}, and ${who} has ${has}`,
        },
      ]
    })
  })
}

function ratios(
  quantities: Record<string, string> | undefined,
  amount: (kind: ResourceKind, resource: string) => number | null,
): Fault[] {
  return Object.entries(quantities ?? {}).flatMap(([resource, text]) => {
    const bound = amountOf(text)
    const [limit, request] = [amount('limits', resource), amount('requests', resource)]
    if (bound === null || limit === null || !request || limit / request <= bound) return []
    const ratio = Math.round((limit / request) * 100) / 100
    return [
      {
        rule: `ratio ${resource}`,
        text: (whom, who) =>
          `wants ${resource} limits of at most ${text} times the requests for ${whom}, and ${who} has ${ratio}`,
      },
    ]
  })
}
