/** LimitRanges: amounts that containers get where they name none, and bounds of what they may name. */
import type { Check } from './admission-chain.ts'
import { forbidden } from './api-error.ts'
import { type ApiObject, isObject, type JsonObject } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import { podAmounts } from './pod-resources.ts'
import { quantity } from './quantity.ts'
import type { Store } from './store.ts'

type Table = Record<string, string>

interface Limit {
  type: string
  max: Table
  min: Table
  default: Table
  defaultRequest: Table
  maxLimitRequestRatio: Table
}

function limitsOf(store: Store, namespace: string): Limit[] {
  return store
    .list('/limitranges', namespace)
    .flatMap(({ spec }) => objectsOf(spec?.['limits']))
    .map((limit) => {
      const table = (field: string) => (isObject(limit[field]) ? (limit[field] as Table) : {})
      const [max, min] = [table('max'), table('min')]
      const usual =
        limit['type'] === 'Container' ? { ...max, ...table('default') } : table('default')
      return {
        type: String(limit['type']),
        max,
        min,
        default: usual,
        // A request that nobody named is as much as the limit, or at least the least.
        defaultRequest: { ...min, ...usual, ...table('defaultRequest') },
        maxLimitRequestRatio: table('maxLimitRequestRatio'),
      }
    })
}

/** Fills in what the namespace's limit ranges give, in place. */
export function applyDefaultLimits(store: Store, pod: ApiObject): void {
  const limits = limitsOf(store, pod.metadata.namespace ?? '')
  for (const limit of limits.filter(({ type }) => type === 'Container')) {
    for (const container of containersOf(pod.spec ?? {})) {
      const resources = isObject(container['resources']) ? container['resources'] : {}
      const merged = (field: string, defaults: Table) => {
        const own = isObject(resources[field]) ? resources[field] : {}
        const all = { ...defaults, ...own }
        return Object.keys(all).length > 0 ? { [field]: all } : {}
      }
      container['resources'] = {
        ...resources,
        ...merged('limits', limit.default),
        ...merged('requests', limit.defaultRequest),
      }
    }
  }
}

function containersOf(spec: JsonObject): JsonObject[] {
  return [...objectsOf(spec['initContainers']), ...objectsOf(spec['containers'])]
}

/** Refuses pods that ask for less than the least or more than the most. */
export function limitRangeCheck(store: Store): Check {
  return ({ operation, resource, subresource, namespace, name, object }) => {
    if (operation !== 'CREATE' || resource.kind !== 'Pod' || subresource || !namespace) return
    const spec = object?.spec ?? {}
    const faults = limitsOf(store, namespace).flatMap((limit) => limitFaults(limit, spec))
    if (faults.length === 0) return
    throw forbidden(resource, name, faults.length === 1 ? `${faults[0]}` : `[${faults.join(', ')}]`)
  }
}

function limitFaults(limit: Limit, spec: JsonObject): string[] {
  if (limit.type === 'Container') {
    return containersOf(spec).flatMap((container) => {
      const { resources } = container
      const table = (kind: string) => {
        const own = isObject(resources) && isObject(resources[kind]) ? resources[kind] : {}
        return (name: string) => (own[name] === undefined ? null : quantity(own[name]))
      }
      return boundFaults(limit, table('requests'), table('limits'))
    })
  }
  if (limit.type !== 'Pod') return []
  const [requests, limits] = [podAmounts(spec, 'requests'), podAmounts(spec, 'limits')]
  return boundFaults(
    limit,
    (name) => requests.get(name) ?? null,
    (name) => limits.get(name) ?? null,
  )
}

type Amount = (resource: string) => number | null

function boundFaults(limit: Limit, request: Amount, most: Amount): string[] {
  const faults: string[] = []
  const { type } = limit
  for (const [name, least] of Object.entries(limit.min)) {
    const about = `minimum ${name} usage per ${type} is ${least}`
    const asked = request(name)
    if (asked === null) faults.push(`${about}.  No request is specified`)
    else if (asked < quantity(least)) faults.push(`${about}, but request is ${asked}`)
  }
  for (const [name, greatest] of Object.entries(limit.max)) {
    const about = `maximum ${name} usage per ${type} is ${greatest}`
    const [allowed, asked] = [most(name), request(name)]
    if (allowed === null) faults.push(`${about}.  No limit is specified`)
    else if (allowed > quantity(greatest)) faults.push(`${about}, but limit is ${allowed}`)
    else if ((asked ?? 0) > quantity(greatest)) faults.push(`${about}, but request is ${asked}`)
  }
  for (const [name, ratio] of Object.entries(limit.maxLimitRequestRatio)) {
    const about = `${name} max limit to request ratio per ${type} is ${ratio}`
    const [allowed, asked] = [most(name), request(name)]
    if (asked === null || allowed === null || asked === 0) {
      faults.push(`${about}, but no request is specified or request is 0`)
    } else if (allowed / asked > quantity(ratio)) {
      faults.push(`${about}, but provided ratio is ${(allowed / asked).toFixed(6)}`)
    }
  }
  return faults
}
