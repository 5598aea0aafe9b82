/** The roles and bindings that every cluster has from the start, as far as anything here is served. */
import type { PolicyRule } from './rules.ts'

export interface BootstrapObject {
  plural: 'clusterroles' | 'clusterrolebindings' | 'roles' | 'rolebindings'
  namespace: string | null
  body: object
}

const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-'

const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update']

const on = (group: string, resources: string[], verbs: string[]): PolicyRule => ({
  apiGroups: [group],
  resources,
  verbs,
})
const paths = (...nonResourceURLs: string[]): PolicyRule => ({ nonResourceURLs, verbs: ['get'] })

const PUBLIC = ['/healthz', '/livez', '/readyz', '/version', '/version/']

const WORKLOADS = [
  'daemonsets',
  'deployments',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
  'statefulsets/scale',
]

/** Secrets are not for viewers: whoever reads a token of an account has its rights. */
const VIEW: PolicyRule[] = [
  on(
    '',
    [
      'configmaps',
      'endpoints',
      'persistentvolumeclaims',
      'persistentvolumeclaims/status',
      'pods',
      'replicationcontrollers',
      'replicationcontrollers/scale',
      'serviceaccounts',
      'services',
      'services/status',
    ],
    READ,
  ),
  on(
    '',
    [
      'bindings',
      'events',
      'limitranges',
      'namespaces/status',
      'pods/log',
      'pods/status',
      'replicationcontrollers/status',
      'resourcequotas',
      'resourcequotas/status',
    ],
    READ,
  ),
  on('', ['namespaces'], READ),
  on('discovery.k8s.io', ['endpointslices'], READ),
  on(
    'apps',
    [
      'controllerrevisions',
      ...WORKLOADS,
      'daemonsets/status',
      'deployments/status',
      'replicasets/status',
      'statefulsets/status',
    ],
    READ,
  ),
  on('autoscaling', ['horizontalpodautoscalers', 'horizontalpodautoscalers/status'], READ),
  on('batch', ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status'], READ),
  on('policy', ['poddisruptionbudgets', 'poddisruptionbudgets/status'], READ),
  on('networking.k8s.io', ['ingresses', 'ingresses/status', 'networkpolicies'], READ),
]

const EDIT: PolicyRule[] = [
  on(
    '',
    ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'],
    READ,
  ),
  on('', ['serviceaccounts'], ['impersonate']),
  on('', ['pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'], WRITE),
  on('', ['pods/eviction', 'serviceaccounts/token'], ['create']),
  on(
    '',
    [
      'configmaps',
      'events',
      'persistentvolumeclaims',
      'replicationcontrollers',
      'replicationcontrollers/scale',
      'secrets',
      'serviceaccounts',
      'services',
      'services/proxy',
    ],
    WRITE,
  ),
  on('apps', WORKLOADS, WRITE),
  on('autoscaling', ['horizontalpodautoscalers'], WRITE),
  on('batch', ['cronjobs', 'jobs'], WRITE),
  on('policy', ['poddisruptionbudgets'], WRITE),
  on('networking.k8s.io', ['ingresses', 'networkpolicies'], WRITE),
  on('coordination.k8s.io', ['leases'], [...WRITE, ...READ]),
]

const ADMIN: PolicyRule[] = [
  on('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
  on('rbac.authorization.k8s.io', ['rolebindings', 'roles'], [...WRITE, ...READ]),
]

const DELEGATION: PolicyRule[] = [
  on('authentication.k8s.io', ['tokenreviews'], ['create']),
  on('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
]

/**
 * Real clusters have an authorizer of their own for kubelets, which lets each read only what its pods
 * name; here the role is bound to all of them.
 */
const NODE: PolicyRule[] = [
  on(
    '',
    ['services', 'configmaps', 'secrets', 'persistentvolumes', 'persistentvolumeclaims'],
    READ,
  ),
  on('', ['nodes'], ['create', 'patch', 'update', ...READ]),
  on('', ['nodes/status', 'pods/status'], ['patch', 'update']),
  on('', ['pods'], ['create', 'delete', ...READ]),
  on('', ['pods/eviction', 'serviceaccounts/token'], ['create']),
  on('', ['events'], ['create', 'patch', 'update']),
  on('coordination.k8s.io', ['leases'], ['create', 'get', 'patch', 'update']),
  ...DELEGATION,
]

const PROXY: PolicyRule[] = [
  on('', ['endpoints', 'services'], ['list', 'watch']),
  on('', ['nodes'], READ),
  on('discovery.k8s.io', ['endpointslices'], ['list', 'watch']),
  on('', ['events'], ['create', 'patch', 'update']),
]

const DNS: PolicyRule[] = [
  on('', ['endpoints', 'services', 'pods', 'namespaces'], ['list', 'watch']),
  on('discovery.k8s.io', ['endpointslices'], ['list', 'watch']),
]

const clusterRole = (name: string, rules: PolicyRule[], aggregateTo?: string): BootstrapObject => ({
  plural: 'clusterroles',
  namespace: null,
  body: {
    metadata: {
      name,
      labels: { ...LABELS, ...(aggregateTo && { [`${AGGREGATE}${aggregateTo}`]: 'true' }) },
    },
    rules,
  },
})

/** A role made of all that carry its label, and itself a part of the next larger one. */
const aggregated = (name: string, partOf?: string): BootstrapObject => ({
  plural: 'clusterroles',
  namespace: null,
  body: {
    metadata: { name, labels: { ...LABELS, ...(partOf && { [`${AGGREGATE}${partOf}`]: 'true' }) } },
    aggregationRule: {
      clusterRoleSelectors: [{ matchLabels: { [`${AGGREGATE}${name}`]: 'true' } }],
    },
    rules: [],
  },
})

type Bound = { kind: 'User' | 'Group'; name: string }

const bound = (name: string, ...subjects: Bound[]): BootstrapObject => ({
  plural: 'clusterrolebindings',
  namespace: null,
  body: {
    metadata: { name, labels: LABELS },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: subjects.map((one) => ({ apiGroup: 'rbac.authorization.k8s.io', ...one })),
  },
})

const group = (name: string): Bound => ({ kind: 'Group', name })
const AUTHENTICATED = group('system:authenticated')
const ANYBODY = [AUTHENTICATED, group('system:unauthenticated')]

/** Name of the role with which an aggregated API server reads who may speak for users. */
export const AUTHENTICATION_READER = 'extension-apiserver-authentication-reader'
/** The config map that it reads, in `kube-system`. */
export const AUTHENTICATION_CONFIG_MAP = 'extension-apiserver-authentication'

export const BOOTSTRAP: readonly BootstrapObject[] = [
  clusterRole('cluster-admin', [
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ]),
  aggregated('admin'),
  aggregated('edit', 'admin'),
  aggregated('view', 'edit'),
  clusterRole('system:aggregate-to-admin', ADMIN, 'admin'),
  clusterRole('system:aggregate-to-edit', EDIT, 'edit'),
  clusterRole('system:aggregate-to-view', VIEW, 'view'),
  clusterRole('system:discovery', [
    paths('/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', ...PUBLIC),
  ]),
  clusterRole('system:public-info-viewer', [paths(...PUBLIC)]),
  clusterRole('system:basic-user', [
    on('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    on('authentication.k8s.io', ['selfsubjectreviews'], ['create']),
  ]),
  clusterRole('system:auth-delegator', DELEGATION),
  clusterRole('system:service-account-issuer-discovery', [
    paths('/.well-known/openid-configuration', '/openid/v1/jwks'),
  ]),
  clusterRole('system:monitoring', [paths('/metrics', '/metrics/*', ...PUBLIC)]),
  clusterRole('system:node', NODE),
  clusterRole('system:node-proxier', PROXY),
  clusterRole('system:kube-dns', DNS),
  bound('cluster-admin', group('system:masters')),
  bound('system:discovery', AUTHENTICATED),
  bound('system:public-info-viewer', ...ANYBODY),
  bound('system:basic-user', AUTHENTICATED),
  bound('system:service-account-issuer-discovery', group('system:serviceaccounts')),
  bound('system:monitoring', group('system:monitoring')),
  bound('system:node', group('system:nodes')),
  bound('system:node-proxier', { kind: 'User', name: 'system:kube-proxy' }),
  bound('system:kube-dns', { kind: 'User', name: 'system:kube-dns' }),
  {
    plural: 'roles',
    namespace: 'kube-system',
    body: {
      metadata: { name: AUTHENTICATION_READER, labels: LABELS },
      rules: [{ ...on('', ['configmaps'], READ), resourceNames: [AUTHENTICATION_CONFIG_MAP] }],
    },
  },
]
