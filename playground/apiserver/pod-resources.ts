/** What a pod asks for in all: its containers, its sidecars, and its init containers one after the other. */
import { isObject, type JsonObject } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import { quantity } from './quantity.ts'

export type Amounts = Map<string, number>

function amountsOf(container: JsonObject, kind: 'requests' | 'limits'): Amounts {
  const { resources } = container
  const table = isObject(resources) ? resources[kind] : undefined
  const entries = Object.entries(isObject(table) ? table : {})
  return new Map(entries.map(([name, value]) => [name, quantity(value)]))
}

function add(to: Amounts, more: Amounts): void {
  for (const [name, value] of more) to.set(name, (to.get(name) ?? 0) + value)
}

function raise(to: Amounts, least: Amounts): void {
  for (const [name, value] of least) to.set(name, Math.max(to.get(name) ?? 0, value))
}

/** The sum that the scheduler and quotas reckon with. */
export function podAmounts(spec: JsonObject, kind: 'requests' | 'limits'): Amounts {
  const total: Amounts = new Map()
  for (const container of objectsOf(spec['containers'])) add(total, amountsOf(container, kind))
  const sidecars: Amounts = new Map()
  const starting: Amounts = new Map()
  for (const container of objectsOf(spec['initContainers'])) {
    const own = amountsOf(container, kind)
    // Each init container runs beside the sidecars that were started before it.
    if (container['restartPolicy'] === 'Always') {
      add(sidecars, own)
      raise(starting, sidecars)
    } else {
      add(own, sidecars)
      raise(starting, own)
    }
  }
  add(total, sidecars)
  raise(total, starting)
  if (isObject(spec['overhead'])) {
    add(
      total,
      new Map(Object.entries(spec['overhead']).map(([name, value]) => [name, quantity(value)])),
    )
  }
  return total
}

/** Containers that do not say this amount of a resource. */
export function silentAbout(
  spec: JsonObject,
  kind: 'requests' | 'limits',
  resource: string,
): string[] {
  return [...objectsOf(spec['initContainers']), ...objectsOf(spec['containers'])]
    .filter((container) => !amountsOf(container, kind).has(resource))
    .map(({ name }) => String(name))
}
