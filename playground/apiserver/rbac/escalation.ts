/** Nobody gives away rights that they do not have: the check on every write of a role or a binding. */
import type { User } from '../caller.ts'
import { type ApiObject, sameJson } from '../object.ts'
import { authorize, type Binding, type Policy, rulesOf, SUPERUSERS } from './authorizer.ts'
import { covered, describeRule, type PolicyRule, rightsOf } from './rules.ts'

const GROUP = 'rbac.authorization.k8s.io'

const EVERYTHING: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** Why this write is refused; null if it is not, or is about another kind. */
export function escalationOf(
  policy: Policy,
  user: User,
  object: ApiObject,
  old: ApiObject | null,
): string | null {
  if (user.groups.includes(SUPERUSERS)) return null
  if (object.kind === 'Role' || object.kind === 'ClusterRole') {
    return roleEscalation(policy, user, object, old)
  }
  if (object.kind !== 'RoleBinding' && object.kind !== 'ClusterRoleBinding') return null
  const same = old && ['roleRef', 'subjects'].every((one) => sameJson(object[one], old[one]))
  return same ? null : bindingEscalation(policy, user, object as unknown as Binding)
}

function roleEscalation(
  policy: Policy,
  user: User,
  role: ApiObject,
  old: ApiObject | null,
): string | null {
  const { name, namespace = '' } = role.metadata
  const plural = role.kind === 'Role' ? 'roles' : 'clusterroles'
  if (mayDo(policy, user, 'escalate', plural, namespace, name)) return null
  const aggregates = role['aggregationRule'] !== undefined
  if (aggregates && !sameJson(role['aggregationRule'], old?.['aggregationRule'])) {
    if (missing(policy, user, '', EVERYTHING).length === 0) return null
    return 'must have cluster-admin privileges to use the aggregationRule'
  }
  if (old && sameJson(role['rules'], old['rules'])) return null
  return refusal(user, missing(policy, user, namespace, (role['rules'] ?? []) as PolicyRule[]))
}

function bindingEscalation(policy: Policy, user: User, binding: Binding): string | null {
  const { namespace = '' } = binding.metadata
  const { kind, name } = binding.roleRef
  const plural = kind === 'Role' ? 'roles' : 'clusterroles'
  if (mayDo(policy, user, 'bind', plural, namespace, name)) return null
  const rules = kind === 'Role' ? policy.role(namespace, name) : policy.clusterRole(name)
  if (!rules) return `${kind.toLowerCase()}.${GROUP} "${name}" not found`
  return refusal(user, missing(policy, user, namespace, rules))
}

function mayDo(
  policy: Policy,
  user: User,
  verb: string,
  resource: string,
  namespace: string,
  name: string,
): boolean {
  const place = { group: GROUP, version: 'v1', resource, subresource: '', namespace, name }
  return authorize(policy, { user, verb, path: '', resource: place }).allowed
}

function missing(
  policy: Policy,
  user: User,
  namespace: string,
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  const held = rulesOf(policy, user, namespace)
  return wanted.flatMap(rightsOf).filter((right) => !covered(right, held))
}

function refusal({ username, groups }: User, rights: readonly PolicyRule[]): string | null {
  if (rights.length === 0) return null
  const list = groups.map((group) => JSON.stringify(group)).join(' ')
  return `user ${JSON.stringify(username)} (groups=[${list}]) is attempting to grant RBAC permissions not currently held:\n${rights.map(describeRule).join('\n')}`
}
