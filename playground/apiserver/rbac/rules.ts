/** One rule of a role: what it allows, and whether it covers another one. */
import type { Attributes } from './attributes.ts'

/** As roles carry it. A rule is either about resources or about paths. */
export interface PolicyRule {
  verbs?: string[]
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
  nonResourceURLs?: string[]
}

export function ruleAllows(rule: PolicyRule, { verb, path, resource }: Attributes): boolean {
  if (!has(rule.verbs, verb)) return false
  if (!resource) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path))
  return (
    has(rule.apiGroups, resource.group) &&
    (rule.resources ?? []).some((pattern) =>
      resourceMatches(pattern, resource.resource, resource.subresource),
    ) &&
    nameMatches(rule.resourceNames, resource.name)
  )
}

/** `*` in a rule stands for everything. */
function has(list: readonly string[] = [], wanted: string): boolean {
  return list.includes('*') || list.includes(wanted)
}

/** `pods`, `pods/log`, every subresource of this name, or everything (a star alone). */
function resourceMatches(pattern: string, resource: string, subresource: string): boolean {
  if (pattern === '*') return true
  const wanted = subresource === '' ? resource : `${resource}/${subresource}`
  return pattern === wanted || (subresource !== '' && pattern === `*/${subresource}`)
}

function nameMatches(names: readonly string[] = [], name: string): boolean {
  return names.length === 0 || names.includes(name)
}

function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))
}

/** The single rights of a rule: one group, resource (or path), verb and object each. */
export function rightsOf(rule: PolicyRule): PolicyRule[] {
  const verbs = rule.verbs ?? []
  const paths = (rule.nonResourceURLs ?? []).flatMap((path) =>
    verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [path] })),
  )
  const names = rule.resourceNames?.length ? rule.resourceNames : [null]
  const resources = (rule.apiGroups ?? []).flatMap((group) =>
    (rule.resources ?? []).flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          ...(name !== null && { resourceNames: [name] }),
        })),
      ),
    ),
  )
  return [...resources, ...paths]
}

/** Whether one of the rules alone gives this single right. */
export function covered(right: PolicyRule, rules: readonly PolicyRule[]): boolean {
  return rules.some((rule) => covers(rule, right))
}

function covers(rule: PolicyRule, right: PolicyRule): boolean {
  if (!has(rule.verbs, right.verbs?.[0] ?? '')) return false
  const [path] = right.nonResourceURLs ?? []
  if (path !== undefined) {
    return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path))
  }
  const [resource = '', subresource = ''] = (right.resources?.[0] ?? '').split('/')
  if (!has(rule.apiGroups, right.apiGroups?.[0] ?? '')) return false
  const matches = (pattern: string) => resourceMatches(pattern, resource, subresource)
  if (!(rule.resources ?? []).some(matches)) return false
  const [name] = right.resourceNames ?? []
  // A right to all objects is not covered by one to some.
  return name === undefined
    ? (rule.resourceNames ?? []).length === 0
    : nameMatches(rule.resourceNames, name)
}

/** A rule as Kubernetes writes it in messages. */
export function describeRule(rule: PolicyRule): string {
  const parts = (
    [
      ['APIGroups', rule.apiGroups],
      ['Resources', rule.resources],
      ['ResourceNames', rule.resourceNames],
      ['NonResourceURLs', rule.nonResourceURLs],
      ['Verbs', rule.verbs],
    ] as const
  ).filter(([, list]) => list !== undefined && list.length > 0)
  return `{${parts.map(([name, list]) => `${name}:${JSON.stringify(list)}`).join(', ')}}`
}
