/** Decides from roles and bindings whether a request is allowed. Pure: the policy is a parameter. */
import type { User } from '../caller.ts'
import type { Attributes } from './attributes.ts'
import { type PolicyRule, ruleAllows } from './rules.ts'

export interface Subject {
  kind: string
  name: string
  namespace?: string
}

export interface Binding {
  metadata: { name: string; namespace?: string }
  roleRef: { kind: string; name: string }
  subjects?: Subject[]
}

/** The roles and bindings of a cluster. */
export interface Policy {
  clusterRole(name: string): readonly PolicyRule[] | undefined
  role(namespace: string, name: string): readonly PolicyRule[] | undefined
  clusterBindings(): Iterable<Binding>
  bindings(namespace: string): Iterable<Binding>
}

export interface Decision {
  allowed: boolean
  /** Which binding allows it, or what is wrong with one that might; empty if there is nothing to say. */
  reason: string
}

/** Its members may do everything, whatever the bindings say. */
export const SUPERUSERS = 'system:masters'

export function authorize(policy: Policy, attributes: Attributes): Decision {
  const { user, resource } = attributes
  if (user.groups.includes(SUPERUSERS)) return { allowed: true, reason: '' }
  const broken: string[] = []
  for (const grant of grantsOf(policy, user, resource?.namespace ?? '')) {
    if (!grant.rules) broken.push(`${grant.role} not found`)
    else if (grant.rules.some((rule) => ruleAllows(rule, attributes))) {
      return { allowed: true, reason: `RBAC: allowed by ${grant.by}` }
    }
  }
  return { allowed: false, reason: broken.length > 0 ? `RBAC: ${broken.join(', ')}` : '' }
}

/** All rules that a user has in a namespace; with an empty one, those for the whole cluster. */
export function rulesOf(policy: Policy, user: User, namespace: string): PolicyRule[] {
  return [...grantsOf(policy, user, namespace)].flatMap(({ rules }) => rules ?? [])
}

interface Grant {
  /** Undefined if the role that is bound does not exist. */
  rules: readonly PolicyRule[] | undefined
  role: string
  by: string
}

function* grantsOf(policy: Policy, user: User, namespace: string): Generator<Grant> {
  for (const binding of policy.clusterBindings()) {
    const subject = binding.subjects?.find((one) => isMeant(one, user, ''))
    if (subject) yield grantOf(policy, binding, subject, '')
  }
  if (namespace === '') return
  for (const binding of policy.bindings(namespace)) {
    const subject = binding.subjects?.find((one) => isMeant(one, user, namespace))
    if (subject) yield grantOf(policy, binding, subject, namespace)
  }
}

function grantOf(policy: Policy, binding: Binding, subject: Subject, namespace: string): Grant {
  const { kind, name } = binding.roleRef
  const own = binding.metadata.name
  const cluster = kind === 'ClusterRole'
  const place =
    namespace === '' ? `ClusterRoleBinding "${own}"` : `RoleBinding "${own}/${namespace}"`
  const who = subject.namespace ? `${subject.name}/${subject.namespace}` : subject.name
  return {
    rules: cluster ? policy.clusterRole(name) : policy.role(namespace, name),
    role: `${kind.toLowerCase()}.rbac.authorization.k8s.io "${name}"`,
    by: `${place} of ${kind} "${name}" to ${subject.kind} "${who}"`,
  }
}

/** @param namespace of the binding, where an account that names none is looked for */
function isMeant({ kind, name, namespace: own }: Subject, user: User, namespace: string): boolean {
  if (kind === 'User') return user.username === name
  if (kind === 'Group') return user.groups.includes(name)
  const place = own || namespace
  return kind === 'ServiceAccount' && user.username === `system:serviceaccount:${place}:${name}`
}

/** `User "jane" cannot list resource "pods" in API group "" in the namespace "dev"`. */
export function describeRefusal({ user, verb, path, resource }: Attributes): string {
  const who = `User ${JSON.stringify(user.username)} cannot ${verb}`
  if (!resource) return `${who} path ${JSON.stringify(path)}`
  const { group, namespace, subresource } = resource
  const what = subresource ? `${resource.resource}/${subresource}` : resource.resource
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  return `${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`
}
