import { expect, test } from '@jest/globals'
import type { User } from '../../../../playground/apiserver/caller.ts'
import { attributesOf } from '../../../../playground/apiserver/rbac/attributes.ts'
import {
  authorize,
  type Binding,
  describeRefusal,
  type Policy,
} from '../../../../playground/apiserver/rbac/authorizer.ts'
import type { PolicyRule } from '../../../../playground/apiserver/rbac/rules.ts'

const rule = (
  apiGroups: string,
  resources: string,
  verbs: string,
  resourceNames?: string,
): PolicyRule => ({
  apiGroups: apiGroups.split(','),
  resources: resources.split(','),
  verbs: verbs.split(','),
  ...(resourceNames && { resourceNames: resourceNames.split(',') }),
})

const CLUSTER_ROLES: Record<string, PolicyRule[]> = {
  reader: [rule('', 'pods,services', 'get,list,watch')],
  'secret-of-one-name': [rule('', 'secrets', 'get,list,watch,update,patch,delete,create', 'mine')],
  logs: [rule('', 'pods/log', 'get')],
  scales: [rule('apps', '*/scale', 'get,update,patch')],
  'whole-group': [rule('apps', '*', '*')],
  'any-group': [rule('*', 'widgets', 'get')],
  paths: [{ nonResourceURLs: ['/metrics', '/apis/*'], verbs: ['get'] }],
  'all-paths': [{ nonResourceURLs: ['*'], verbs: ['*'] }],
  'traces-reader': [rule('azds.io', 'traces', 'get,list,watch')],
  'namespace-reader': [rule('', 'namespaces', 'get,list')],
  proxies: [rule('', 'services/proxy', 'get,create', 'https:web:443')],
}
const ROLES: Record<string, PolicyRule[]> = {
  'dev/config-writer': [rule('', 'configmaps', 'create,update')],
}

const clusterBinding = (role: string, kind: string, name: string, namespace?: string): Binding => ({
  metadata: { name: `${role}-${name}` },
  roleRef: { kind: 'ClusterRole', name: role },
  subjects: [{ kind, name, ...(namespace && { namespace }) }],
})
const CLUSTER_BINDINGS: Binding[] = [
  clusterBinding('reader', 'User', 'reader'),
  clusterBinding('reader', 'Group', 'readers'),
  clusterBinding('reader', 'ServiceAccount', 'robot', 'dev'),
  clusterBinding('secret-of-one-name', 'User', 'keeper'),
  clusterBinding('logs', 'User', 'log-reader'),
  clusterBinding('scales', 'User', 'scaler'),
  clusterBinding('whole-group', 'User', 'apps-owner'),
  clusterBinding('any-group', 'User', 'collector'),
  clusterBinding('paths', 'User', 'scraper'),
  clusterBinding('all-paths', 'User', 'walker'),
  clusterBinding('proxies', 'User', 'proxier'),
  clusterBinding('gone', 'User', 'orphan'),
]
const BINDINGS: Record<string, Binding[]> = {
  dev: [
    {
      metadata: { name: 'writers', namespace: 'dev' },
      roleRef: { kind: 'Role', name: 'config-writer' },
      subjects: [
        { kind: 'User', name: 'writer' },
        // Without a namespace it is looked for in the binding's own.
        { kind: 'ServiceAccount', name: 'builder' },
      ],
    },
    {
      metadata: { name: 'traces', namespace: 'dev' },
      roleRef: { kind: 'ClusterRole', name: 'traces-reader' },
      subjects: [{ kind: 'User', name: 'developer' }],
    },
    {
      metadata: { name: 'self', namespace: 'dev' },
      roleRef: { kind: 'ClusterRole', name: 'namespace-reader' },
      subjects: [{ kind: 'User', name: 'developer' }],
    },
    {
      metadata: { name: 'nobody', namespace: 'dev' },
      roleRef: { kind: 'ClusterRole', name: 'whole-group' },
    },
  ],
}

const policy: Policy = {
  clusterRole: (name) => CLUSTER_ROLES[name],
  role: (namespace, name) => ROLES[`${namespace}/${name}`],
  clusterBindings: () => CLUSTER_BINDINGS,
  bindings: (namespace) => BINDINGS[namespace] ?? [],
}

const userOf = (name: string, groups: string[] = []): User => ({
  username: name,
  uid: '',
  groups: [...groups, 'system:authenticated'],
})
const robot = (namespace: string, name: string) => `system:serviceaccount:${namespace}:${name}`
const POD = '/api/v1/namespaces/dev/pods/web'
const SECRETS = '/api/v1/namespaces/dev/secrets'
const by = (name: string) => `fieldSelector=metadata.name%3D${name}`

test.each<[allowed: 'yes' | 'no', user: string, method: string, url: string]>([
  // Verbs by method, for one object and for collections.
  ['yes', 'reader', 'GET', POD],
  ['yes', 'reader', 'HEAD', POD],
  ['yes', 'reader', 'GET', '/api/v1/namespaces/dev/pods'],
  ['yes', 'reader', 'GET', '/api/v1/namespaces/dev/pods?watch=true'],
  ['yes', 'reader', 'GET', '/api/v1/pods?watch=1'],
  ['yes', 'reader', 'GET', '/api/v1/pods'],
  ['no', 'reader', 'POST', '/api/v1/namespaces/dev/pods'],
  ['no', 'reader', 'PUT', POD],
  ['no', 'reader', 'PATCH', POD],
  ['no', 'reader', 'DELETE', POD],
  ['no', 'reader', 'DELETE', '/api/v1/namespaces/dev/pods'],
  ['no', 'reader', 'GET', '/api/v1/namespaces/dev/secrets'],
  ['no', 'reader', 'GET', '/apis/apps/v1/namespaces/dev/pods'],
  ['no', 'stranger', 'GET', POD],
  // Subresources are resources of their own.
  ['no', 'reader', 'GET', `${POD}/log`],
  ['no', 'reader', 'GET', `${POD}/status`],
  ['yes', 'log-reader', 'GET', `${POD}/log`],
  ['no', 'log-reader', 'GET', POD],
  ['no', 'log-reader', 'GET', '/apis/apps/v1/namespaces/dev/pods/web/log'],
  ['yes', 'scaler', 'PUT', '/apis/apps/v1/namespaces/dev/deployments/web/scale'],
  ['yes', 'scaler', 'PATCH', '/apis/apps/v1/namespaces/dev/statefulsets/db/scale'],
  ['no', 'scaler', 'PUT', '/apis/apps/v1/namespaces/dev/deployments/web'],
  ['no', 'scaler', 'PUT', '/apis/apps/v1/namespaces/dev/deployments/web/status'],
  ['no', 'scaler', 'PUT', '/apis/batch/v1/namespaces/dev/jobs/one/scale'],
  ['yes', 'apps-owner', 'DELETE', '/apis/apps/v1/namespaces/dev/deployments'],
  ['yes', 'apps-owner', 'PATCH', '/apis/apps/v1/namespaces/dev/deployments/web/status'],
  ['no', 'apps-owner', 'GET', '/apis/batch/v1/jobs'],
  ['no', 'apps-owner', 'GET', POD],
  ['yes', 'collector', 'GET', '/apis/example.org/v1/namespaces/dev/widgets/one'],
  ['yes', 'collector', 'GET', '/api/v1/namespaces/dev/widgets/one'],
  // One name.
  ['yes', 'keeper', 'GET', `${SECRETS}/mine`],
  ['yes', 'keeper', 'PUT', `${SECRETS}/mine`],
  ['yes', 'keeper', 'PATCH', `${SECRETS}/mine`],
  ['yes', 'keeper', 'DELETE', `${SECRETS}/mine`],
  ['no', 'keeper', 'GET', `${SECRETS}/other`],
  ['no', 'keeper', 'PATCH', `${SECRETS}/other`],
  ['no', 'keeper', 'POST', SECRETS],
  ['no', 'keeper', 'GET', SECRETS],
  ['no', 'keeper', 'DELETE', SECRETS],
  ['yes', 'keeper', 'GET', `${SECRETS}?${by('mine')}`],
  ['yes', 'keeper', 'GET', `${SECRETS}?watch=true&${by('mine')}`],
  ['yes', 'keeper', 'GET', `/api/v1/secrets?watch=true&${by('mine')}`],
  ['yes', 'keeper', 'GET', `${SECRETS}?${by('mine')}%2Cmetadata.namespace%3Ddev`],
  ['no', 'keeper', 'GET', `${SECRETS}?${by('other')}`],
  ['no', 'keeper', 'GET', `${SECRETS}?fieldSelector=metadata.name%21%3Dmine`],
  ['no', 'keeper', 'GET', `${SECRETS}?labelSelector=name%3Dmine`],
  ['no', 'keeper', 'DELETE', `${SECRETS}?${by('mine')}`],
  ['yes', 'proxier', 'GET', '/api/v1/namespaces/dev/services/https:web:443/proxy/a/b'],
  ['yes', 'proxier', 'POST', '/api/v1/namespaces/dev/services/https:web:443/proxy/a/b'],
  ['no', 'proxier', 'PUT', '/api/v1/namespaces/dev/services/https:web:443/proxy/a/b'],
  ['no', 'proxier', 'GET', '/api/v1/namespaces/dev/services/web/proxy/'],
  // Subjects.
  ['yes', robot('dev', 'robot'), 'GET', POD],
  ['no', robot('other', 'robot'), 'GET', POD],
  ['yes', robot('dev', 'builder'), 'POST', '/api/v1/namespaces/dev/configmaps'],
  ['no', robot('other', 'builder'), 'POST', '/api/v1/namespaces/dev/configmaps'],
  // Rights in one namespace.
  ['yes', 'writer', 'POST', '/api/v1/namespaces/dev/configmaps'],
  ['no', 'writer', 'POST', '/api/v1/namespaces/other/configmaps'],
  ['no', 'writer', 'GET', '/api/v1/configmaps'],
  ['yes', 'developer', 'GET', '/apis/azds.io/v1/namespaces/dev/traces'],
  ['yes', 'developer', 'GET', '/apis/azds.io/v1/namespaces/dev/traces/1?watch=true'],
  ['no', 'developer', 'GET', '/apis/azds.io/v1/namespaces/other/traces'],
  ['no', 'developer', 'GET', '/apis/azds.io/v1/traces'],
  // A namespace is in itself, but no list of namespaces is.
  ['yes', 'developer', 'GET', '/api/v1/namespaces/dev'],
  ['no', 'developer', 'GET', '/api/v1/namespaces/other'],
  ['no', 'developer', 'GET', '/api/v1/namespaces'],
  ['no', 'developer', 'GET', '/api/v1/namespaces/dev/status'],
  // Paths.
  ['yes', 'scraper', 'GET', '/metrics'],
  ['no', 'scraper', 'GET', '/metrics/cadvisor'],
  ['no', 'scraper', 'POST', '/metrics'],
  ['yes', 'scraper', 'GET', '/apis/azds.io'],
  ['no', 'scraper', 'GET', '/apis/azds.io/v1/traces'],
  ['no', 'scraper', 'GET', '/apis'],
  ['yes', 'walker', 'GET', '/healthz'],
  ['yes', 'walker', 'POST', '/anything'],
  ['no', 'walker', 'GET', POD],
])('%s: %s may %s %s', (allowed, name, method, url) => {
  const decision = authorize(policy, attributesOf(userOf(name), method, url))
  expect(decision.allowed).toBe(allowed === 'yes')
})

test('a group gives what it is bound to, and that of the superusers everything', () => {
  const list = (groups: string[], url: string) =>
    authorize(policy, attributesOf(userOf('jane', groups), 'GET', url)).allowed
  expect(list(['readers'], '/api/v1/pods')).toBe(true)
  expect(list(['writers'], '/api/v1/pods')).toBe(false)
  expect(list(['system:masters'], '/api/v1/secrets')).toBe(true)
  expect(list(['system:masters'], '/whatever')).toBe(true)
})

test('a decision says by which binding, or which role is missing', () => {
  const reason = (name: string, url: string) =>
    authorize(policy, attributesOf(userOf(name), 'GET', url)).reason
  expect(reason('reader', POD)).toBe(
    'RBAC: allowed by ClusterRoleBinding "reader-reader" of ClusterRole "reader" to User "reader"',
  )
  expect(reason('developer', '/apis/azds.io/v1/namespaces/dev/traces')).toBe(
    'RBAC: allowed by RoleBinding "traces/dev" of ClusterRole "traces-reader" to User "developer"',
  )
  expect(reason('orphan', POD)).toBe('RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found')
  expect(reason('stranger', POD)).toBe('')
})

test.each([
  ['GET', POD, 'User "x" cannot get resource "pods" in API group "" in the namespace "dev"'],
  [
    'DELETE',
    '/apis/apps/v1/deployments',
    'User "x" cannot deletecollection resource "deployments" in API group "apps" at the cluster scope',
  ],
  [
    'GET',
    `${POD}/log`,
    'User "x" cannot get resource "pods/log" in API group "" in the namespace "dev"',
  ],
  ['POST', '/login', 'User "x" cannot post path "/login"'],
])('%s %s is refused in Kubernetes’ words', (method, url, words) => {
  expect(describeRefusal(attributesOf(userOf('x'), method, url))).toBe(words)
})
