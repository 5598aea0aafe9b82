/** Which webhooks of the stored configurations a request concerns. */
import type { AdmissionRequest } from './admission.ts'
import { type ApiObject, isObject, type JsonObject, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import { type LabelSelector, matchesSelector } from './selectors.ts'

export interface Webhook {
  name: string
  /** Time that it may take, in ms. */
  timeoutMs: number
  failurePolicy: 'Fail' | 'Ignore'
  reinvoke: boolean
  clientConfig: JsonObject
  matchConditions: JsonObject[]
  sideEffects: string
  raw: JsonObject
}

/** The webhooks of all configurations, by the configurations' names and their own order. */
export function webhooksOf(configurations: readonly ApiObject[]): Webhook[] {
  const sorted = [...configurations].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  return sorted.flatMap((configuration) => objectsOf(configuration['webhooks']).map(readWebhook))
}

function readWebhook(raw: JsonObject): Webhook {
  return {
    name: String(raw['name']),
    timeoutMs: Number(raw['timeoutSeconds'] ?? 10) * 1000,
    failurePolicy: raw['failurePolicy'] === 'Ignore' ? 'Ignore' : 'Fail',
    reinvoke: raw['reinvocationPolicy'] === 'IfNeeded',
    clientConfig: isObject(raw['clientConfig']) ? raw['clientConfig'] : {},
    matchConditions: objectsOf(raw['matchConditions']),
    sideEffects: String(raw['sideEffects']),
    raw,
  }
}

/**
 * Whether rules and selectors match.
 * @param namespace the object's namespace, or the object itself if it is one; null for other
 * cluster-wide objects, which every namespace selector matches
 */
export function concerns(
  { raw }: Webhook,
  request: AdmissionRequest,
  namespace: ApiObject | null,
): boolean {
  if (!objectsOf(raw['rules']).some((rule) => ruleMatches(rule, request))) return false
  const namespaceSelector = (raw['namespaceSelector'] ?? {}) as LabelSelector
  if (namespace && !matchesSelector(namespaceSelector, namespace.metadata.labels)) return false
  const objectSelector = (raw['objectSelector'] ?? {}) as LabelSelector
  return [request.object, request.old].some(
    (object) => object && matchesSelector(objectSelector, object.metadata.labels),
  )
}

function ruleMatches(rule: JsonObject, request: AdmissionRequest): boolean {
  const { resource, subresource, operation } = request
  const has = (field: string, value: string) => {
    const list = valueAt(rule, [field])
    return Array.isArray(list) && (list.includes('*') || list.includes(value))
  }
  const scope = rule['scope'] ?? '*'
  if (scope !== '*' && (scope === 'Namespaced') !== resource.namespaced) return false
  if (!has('operations', operation)) return false
  if (!has('apiGroups', resource.group) || !has('apiVersions', resource.version)) return false
  const names = valueAt(rule, ['resources'])
  return (
    Array.isArray(names) &&
    names.some((name) => resourceMatches(String(name), resource.plural, subresource))
  )
}

/** `pods`, `pods/status`, `pods/*`, `* /status` (without the blank), `*`, `* /*`. */
function resourceMatches(pattern: string, plural: string, subresource: string | null): boolean {
  const [main, sub] = pattern.split('/')
  if (main !== '*' && main !== plural) return false
  if (sub === undefined) return subresource === null
  return sub === '*' || sub === subresource
}
