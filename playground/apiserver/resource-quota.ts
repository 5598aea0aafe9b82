/** ResourceQuotas: what the pods of a namespace use in all, and whether one more fits. */
import type { AdmissionRequest } from './admission.ts'
import { forbidden } from './api-error.ts'
import { type ApiObject, isObject, type JsonObject, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import { type Amounts, podAmounts, silentAbout } from './pod-resources.ts'
import { quantity, writeQuantity } from './quantity.ts'
import type { Store } from './store.ts'

/** Resource names of a quota that pods count for, each with what of a pod is meant. */
function meaningOf(
  name: string,
): { kind: 'requests' | 'limits'; resource: string } | 'count' | null {
  if (name === 'pods' || name === 'count/pods') return 'count'
  const limit = /^limits\.(.+)$/.exec(name)?.[1]
  if (limit) return { kind: 'limits', resource: limit }
  const resource = /^requests\.(.+)$/.exec(name)?.[1] ?? name
  const known = ['cpu', 'memory', 'ephemeral-storage'].includes(resource) || resource.includes('/')
  return known && !name.startsWith('count/') && !resource.startsWith('storage')
    ? { kind: 'requests', resource }
    : null
}

/** What a pod counts for, by the quota's own names of resources. */
export function usageOf(pod: ApiObject, hard: readonly string[]): Amounts {
  const phase = pod.status?.['phase']
  const over = phase === 'Succeeded' || phase === 'Failed'
  const sums = {
    requests: podAmounts(pod.spec ?? {}, 'requests'),
    limits: podAmounts(pod.spec ?? {}, 'limits'),
  }
  const usage: Amounts = new Map()
  for (const name of hard) {
    const meaning = meaningOf(name)
    if (meaning === null) continue
    if (name === 'count/pods') usage.set(name, 1)
    else if (over) usage.set(name, 0)
    else if (meaning === 'count') usage.set(name, 1)
    else usage.set(name, sums[meaning.kind].get(meaning.resource) ?? 0)
  }
  return usage
}

/** Whether a quota is about this pod. */
export function quotaConcerns({ spec = {} }: ApiObject, pod: ApiObject): boolean {
  const scopes = Array.isArray(spec['scopes']) ? spec['scopes'].map(String) : []
  const selected = objectsOf(valueAt(spec, ['scopeSelector', 'matchExpressions']))
  return (
    scopes.every((scope) => inScope(pod, scope)) &&
    selected.every((expression) => {
      const scope = String(expression['scopeName'])
      if (scope !== 'PriorityClass') return inScope(pod, scope)
      return priorityMatches(expression, pod.spec?.['priorityClassName'])
    })
  )
}

function inScope(pod: ApiObject, scope: string): boolean {
  const ends = pod.spec?.['activeDeadlineSeconds'] !== undefined
  const bestEffort = pod.status?.['qosClass'] === 'BestEffort'
  if (scope === 'Terminating') return ends
  if (scope === 'NotTerminating') return !ends
  if (scope === 'BestEffort') return bestEffort
  if (scope === 'NotBestEffort') return !bestEffort
  return false
}

function priorityMatches({ operator, values }: JsonObject, name: unknown): boolean {
  const listed = Array.isArray(values) && values.includes(name)
  if (operator === 'In') return listed
  if (operator === 'NotIn') return !listed
  if (operator === 'Exists') return Boolean(name)
  return !name
}

/** What all pods of the namespace but one of this name use. */
export function usedOf(store: Store, quota: ApiObject, except = ''): Amounts {
  const hard = Object.keys(hardOf(quota))
  const used: Amounts = new Map(hard.filter((name) => meaningOf(name)).map((name) => [name, 0]))
  for (const pod of store.list('/pods', quota.metadata.namespace ?? '')) {
    if (pod.metadata.name === except || !quotaConcerns(quota, pod)) continue
    for (const [name, value] of usageOf(pod, hard)) used.set(name, (used.get(name) ?? 0) + value)
  }
  return used
}

export function hardOf({ spec }: ApiObject): Record<string, string> {
  return isObject(spec?.['hard']) ? (spec['hard'] as Record<string, string>) : {}
}

/** Throws 403 if a new pod does not fit into a quota of its namespace. */
export function checkQuota(store: Store, request: AdmissionRequest): void {
  const { operation, resource, subresource, namespace, name, object } = request
  if (operation !== 'CREATE' || resource.kind !== 'Pod' || subresource || !namespace || !object) {
    return
  }
  for (const quota of store.list('/resourcequotas', namespace)) {
    if (!quotaConcerns(quota, object)) continue
    const why = refusalOf(store, quota, object)
    if (why) throw forbidden(resource, name, why)
  }
}

function refusalOf(store: Store, quota: ApiObject, pod: ApiObject): string | null {
  const hard = hardOf(quota)
  const missing: string[] = []
  for (const name of Object.keys(hard)) {
    const meaning = meaningOf(name)
    if (meaning === null || meaning === 'count') continue
    const silent = silentAbout(pod.spec ?? {}, meaning.kind, meaning.resource)
    if (silent.length > 0) missing.push(`${name} for: ${silent.join(',')}`)
  }
  const { name } = quota.metadata
  if (missing.length > 0) return `failed quota: ${name}: must specify ${missing.sort().join('; ')}`
  const used = usedOf(store, quota)
  const wanted = usageOf(pod, Object.keys(hard))
  const exceeded = [...wanted.keys()]
    .filter((one) => (used.get(one) ?? 0) + (wanted.get(one) ?? 0) > quantity(hard[one]))
    .sort()
  if (exceeded.length === 0) return null
  const write = (amounts: Amounts) =>
    exceeded.map((one) => `${one}=${writeQuantity(one, amounts.get(one) ?? 0)}`).join(',')
  const limited = exceeded.map((one) => `${one}=${hard[one]}`).join(',')
  return `exceeded quota: ${name}, requested: ${write(wanted)}, used: ${write(used)}, limited: ${limited}`
}
