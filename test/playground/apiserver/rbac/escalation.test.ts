import { expect, test } from '@jest/globals'
import type { User } from '../../../../playground/apiserver/caller.ts'
import type { ApiObject } from '../../../../playground/apiserver/object.ts'
import type { Binding, Policy } from '../../../../playground/apiserver/rbac/authorizer.ts'
import { escalationOf } from '../../../../playground/apiserver/rbac/escalation.ts'
import type { PolicyRule } from '../../../../playground/apiserver/rbac/rules.ts'

const RBAC = 'rbac.authorization.k8s.io'

const CLUSTER_ROLES: Record<string, PolicyRule[]> = {
  held: [
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
    { apiGroups: ['apps'], resources: ['*'], verbs: ['*'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['mine'] },
    { apiGroups: [RBAC], resources: ['clusterroles'], verbs: ['bind'], resourceNames: ['edit'] },
    { apiGroups: [RBAC], resources: ['roles'], verbs: ['escalate'], resourceNames: ['any'] },
  ],
  edit: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  view: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
  small: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
}
const bindings: Binding[] = [
  {
    metadata: { name: 'one', namespace: 'dev' },
    roleRef: { kind: 'ClusterRole', name: 'held' },
    subjects: [{ kind: 'User', name: 'jane' }],
  },
]
const policy: Policy = {
  clusterRole: (name) => CLUSTER_ROLES[name],
  role: () => undefined,
  clusterBindings: () => [],
  bindings: (namespace) => (namespace === 'dev' ? bindings : []),
}
const jane: User = { username: 'jane', uid: '', groups: ['system:authenticated'] }
const root: User = { username: 'root', uid: '', groups: ['system:masters'] }

const object = (kind: string, fields: object, name = 'one', namespace = 'dev'): ApiObject => ({
  apiVersion: `${RBAC}/v1`,
  kind,
  metadata: {
    name,
    uid: '',
    resourceVersion: '',
    creationTimestamp: '',
    ...(kind.startsWith('Cluster') ? {} : { namespace }),
  },
  ...fields,
})
const role = (...rules: PolicyRule[]) => object('Role', { rules })
const pods = (verbs: string[], resourceNames?: string[]): PolicyRule => ({
  apiGroups: [''],
  resources: ['pods'],
  verbs,
  ...(resourceNames && { resourceNames }),
})
const binding = (name: string) =>
  object('RoleBinding', { roleRef: { kind: 'ClusterRole', name }, subjects: [] })

test.each<[string, ApiObject, boolean]>([
  ['a role with rights that one has', role(pods(['get', 'list'])), true],
  ['a role with one of them for one name', role(pods(['get'], ['web'])), true],
  ['a role with one verb too many', role(pods(['get', 'delete'])), false],
  ['a role with all verbs', role(pods(['*'])), false],
  [
    'a role with a part of a whole group',
    role({ apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['update'] }),
    true,
  ],
  [
    'a role with the one secret that one may read',
    role({ apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['mine'] }),
    true,
  ],
  [
    'a role with all secrets',
    role({ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }),
    false,
  ],
  [
    'a role in another namespace',
    object('Role', { rules: [pods(['get'])] }, 'one', 'other'),
    false,
  ],
  ['a role for the whole cluster', object('ClusterRole', { rules: [pods(['get'])] }), false],
  ['a role that one may fill at will', object('Role', { rules: [pods(['*'])] }, 'any'), true],
  ['an aggregated role', object('ClusterRole', { aggregationRule: {}, rules: [] }), false],
  ['a binding of a role whose rights one has', binding('small'), true],
  ['a binding of another role', binding('view'), false],
  ['a binding of a larger role that one may bind', binding('edit'), true],
  ['a binding of a role that is not there', binding('gone'), false],
  ['something else', object('ConfigMap', {}), true],
])('%s', (_, written, allowed) => {
  expect(escalationOf(policy, jane, written, null) === null).toBe(allowed)
  expect(escalationOf(policy, root, written, null)).toBe(null)
})

test('a write that leaves the rules as they are gives nothing away', () => {
  const old = role(pods(['*']))
  const labelled = { ...old, metadata: { ...old.metadata, labels: { a: 'b' } } }
  expect(escalationOf(policy, jane, labelled, old)).toBe(null)
  const bound = binding('view')
  const annotated = { ...bound, metadata: { ...bound.metadata, annotations: { a: 'b' } } }
  expect(escalationOf(policy, jane, annotated, bound)).toBe(null)
})

test('the refusal names what is missing and nothing else', () => {
  expect(escalationOf(policy, jane, role(pods(['get', 'delete'])), null)).toBe(
    'user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
  )
})
