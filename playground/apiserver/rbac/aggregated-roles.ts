/** Fills the rules of cluster roles that are made of others (`aggregationRule`), whenever one changes. */
import type { Log } from '../../../core/log.ts'
import { internalWrite } from '../caller.ts'
import { type ApiObject, isObject, sameJson, valueAt } from '../object.ts'
import type { Objects } from '../objects.ts'
import { storageOf } from '../resources.ts'
import { type LabelSelector, matchesSelector } from '../selectors.ts'
import type { PolicyRule } from './rules.ts'

/** The union of the rules of all roles that the selectors find, each once. */
export function aggregatedRules(role: ApiObject, all: readonly ApiObject[]): PolicyRule[] {
  const selectors = valueAt(role, ['aggregationRule', 'clusterRoleSelectors'])
  const list = Array.isArray(selectors) ? (selectors as LabelSelector[]) : []
  const rules: PolicyRule[] = []
  for (const other of all) {
    if (other.metadata.name === role.metadata.name) continue
    if (!list.some((selector) => matchesSelector(selector, other.metadata.labels))) continue
    for (const rule of (other['rules'] ?? []) as PolicyRule[]) {
      if (!rules.some((known) => sameJson(known, rule))) rules.push(rule)
    }
  }
  return rules
}

/**
 * Keeps them filled; one role may be a part of the next, so each write may cause another.
 * @returns a function that resolves once everything is in order
 */
export function keepAggregatedRoles(objects: Objects, log: Log): () => Promise<void> {
  const resource = objects.registry.builtIn('rbac.authorization.k8s.io/v1', 'clusterroles')
  const storage = storageOf(resource)
  const write = internalWrite('clusterrole-aggregation-controller')
  let running: Promise<void> | null = null
  let again = false
  const fill = async () => {
    const all = objects.store.list(storage)
    for (const role of all) {
      if (!isObject(role['aggregationRule'])) continue
      const rules = aggregatedRules(role, objects.store.list(storage))
      if (sameJson(rules, role['rules'] ?? [])) continue
      const ref = { resource, namespace: null, name: role.metadata.name }
      if (objects.find(ref)) await objects.update(ref, (live) => ({ ...live, rules }), write)
    }
  }
  const run = async () => {
    do {
      again = false
      await fill().catch((error: Error) =>
        log.warn({ error: error.message }, 'cluster roles not aggregated'),
      )
    } while (again)
    running = null
  }
  objects.store.follow((changed) => {
    if (changed !== storage) return
    again = true
    // The caller is inside a write: it goes first.
    running ??= Promise.resolve().then(run)
  })
  return async () => {
    while (running) await running
  }
}
