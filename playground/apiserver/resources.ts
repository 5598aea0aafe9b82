/** The closed table of resources that the server knows, and how to find one of them. */

export interface Resource {
  group: string
  version: string
  plural: string
  singular: string
  kind: string
  namespaced: boolean
  shortNames: string[]
  /** `all` makes `kubectl get all` show it. */
  categories: string[]
  subresources: string[]
  /** Name of the type in the schema; `null` for kinds without one (custom resources). */
  type: string | null
  /** Reviews are answered and never stored. */
  createOnly: boolean
}

interface Options {
  cluster?: true
  short?: string[]
  all?: true
  sub?: string[]
  createOnly?: true
  type?: string
}

type Row = [plural: string, kind: string, options?: Options]

const STATUS = ['status']
const SCALABLE = ['status', 'scale']

/**
 * Network policies, volumes, classes, autoscalers and cron jobs are stored so that charts install, but
 * nothing acts on them here: every pod may talk to every pod.
 */
const TABLE: Record<string, Row[]> = {
  v1: [
    ['bindings', 'Binding', { createOnly: true }],
    ['configmaps', 'ConfigMap', { short: ['cm'] }],
    ['endpoints', 'Endpoints', { short: ['ep'] }],
    ['events', 'Event', { short: ['ev'], type: 'CoreV1Event' }],
    ['limitranges', 'LimitRange', { short: ['limits'] }],
    ['namespaces', 'Namespace', { cluster: true, short: ['ns'], sub: ['status', 'finalize'] }],
    ['nodes', 'Node', { cluster: true, short: ['no'], sub: STATUS }],
    ['persistentvolumeclaims', 'PersistentVolumeClaim', { short: ['pvc'], sub: STATUS }],
    ['persistentvolumes', 'PersistentVolume', { cluster: true, short: ['pv'], sub: STATUS }],
    [
      'pods',
      'Pod',
      {
        short: ['po'],
        all: true,
        sub: ['status', 'log', 'exec', 'portforward', 'proxy', 'eviction', 'ephemeralcontainers'],
      },
    ],
    ['resourcequotas', 'ResourceQuota', { short: ['quota'], sub: STATUS }],
    ['secrets', 'Secret'],
    ['serviceaccounts', 'ServiceAccount', { short: ['sa'], sub: ['token'] }],
    ['services', 'Service', { short: ['svc'], all: true, sub: ['status', 'proxy'] }],
  ],
  'apps/v1': [
    ['controllerrevisions', 'ControllerRevision'],
    ['daemonsets', 'DaemonSet', { short: ['ds'], all: true, sub: STATUS }],
    ['deployments', 'Deployment', { short: ['deploy'], all: true, sub: SCALABLE }],
    ['replicasets', 'ReplicaSet', { short: ['rs'], all: true, sub: SCALABLE }],
    ['statefulsets', 'StatefulSet', { short: ['sts'], all: true, sub: SCALABLE }],
  ],
  'apiregistration.k8s.io/v1': [['apiservices', 'APIService', { cluster: true, sub: STATUS }]],
  'batch/v1': [
    ['cronjobs', 'CronJob', { short: ['cj'], all: true, sub: STATUS }],
    ['jobs', 'Job', { all: true, sub: STATUS }],
  ],
  'autoscaling/v2': [
    [
      'horizontalpodautoscalers',
      'HorizontalPodAutoscaler',
      {
        short: ['hpa'],
        all: true,
        sub: STATUS,
        type: 'V2HorizontalPodAutoscaler',
      },
    ],
  ],
  'networking.k8s.io/v1': [
    ['ingressclasses', 'IngressClass', { cluster: true }],
    ['ingresses', 'Ingress', { short: ['ing'], sub: STATUS }],
    ['networkpolicies', 'NetworkPolicy', { short: ['netpol'] }],
  ],
  'policy/v1': [['poddisruptionbudgets', 'PodDisruptionBudget', { short: ['pdb'], sub: STATUS }]],
  'rbac.authorization.k8s.io/v1': [
    ['clusterrolebindings', 'ClusterRoleBinding', { cluster: true }],
    ['clusterroles', 'ClusterRole', { cluster: true }],
    ['rolebindings', 'RoleBinding'],
    ['roles', 'Role'],
  ],
  'admissionregistration.k8s.io/v1': [
    ['mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', { cluster: true }],
    ['validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', { cluster: true }],
  ],
  'apiextensions.k8s.io/v1': [
    [
      'customresourcedefinitions',
      'CustomResourceDefinition',
      { cluster: true, short: ['crd'], sub: STATUS },
    ],
  ],
  'authentication.k8s.io/v1': [
    ['selfsubjectreviews', 'SelfSubjectReview', { cluster: true, createOnly: true }],
    ['tokenreviews', 'TokenReview', { cluster: true, createOnly: true }],
  ],
  'authorization.k8s.io/v1': [
    ['localsubjectaccessreviews', 'LocalSubjectAccessReview', { createOnly: true }],
    ['selfsubjectaccessreviews', 'SelfSubjectAccessReview', { cluster: true, createOnly: true }],
    ['selfsubjectrulesreviews', 'SelfSubjectRulesReview', { cluster: true, createOnly: true }],
    ['subjectaccessreviews', 'SubjectAccessReview', { cluster: true, createOnly: true }],
  ],
  'coordination.k8s.io/v1': [['leases', 'Lease']],
  'discovery.k8s.io/v1': [['endpointslices', 'EndpointSlice']],
  'events.k8s.io/v1': [['events', 'Event', { short: ['ev'], type: 'EventsV1Event' }]],
  'scheduling.k8s.io/v1': [['priorityclasses', 'PriorityClass', { cluster: true, short: ['pc'] }]],
  'storage.k8s.io/v1': [['storageclasses', 'StorageClass', { cluster: true, short: ['sc'] }]],
}

function resourceOf(groupVersion: string, [plural, kind, options = {}]: Row): Resource {
  const [group, version] = splitGroupVersion(groupVersion)
  return {
    group,
    version,
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: !options.cluster,
    shortNames: options.short ?? [],
    categories: options.all ? ['all'] : [],
    subresources: options.sub ?? [],
    type: options.type ?? `V1${kind}`,
    createOnly: options.createOnly ?? false,
  }
}

/** `apps/v1` → `['apps', 'v1']`; the core group is empty. */
export function splitGroupVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
}

export function apiVersionOf({ group, version }: Resource): string {
  return group ? `${group}/${version}` : version
}

/** Where a resource's objects are kept. Events of both groups are one collection. */
export function storageOf({ group, plural }: Resource): string {
  return plural === 'events' && group === 'events.k8s.io' ? '/events' : `${group}/${plural}`
}

/** All resources that are served at the moment; custom ones come and go. */
export class Registry {
  readonly #byPath = new Map<string, Resource>()

  constructor() {
    for (const [groupVersion, rows] of Object.entries(TABLE)) {
      for (const row of rows) this.add(resourceOf(groupVersion, row))
    }
  }

  add(resource: Resource): void {
    this.#byPath.set(`${apiVersionOf(resource)}/${resource.plural}`, resource)
  }

  remove(resource: Resource): void {
    this.#byPath.delete(`${apiVersionOf(resource)}/${resource.plural}`)
  }

  /** @param apiVersion group and version, e.g. `apps/v1` */
  find(apiVersion: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${apiVersion}/${plural}`)
  }

  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.all().find((one) => one.kind === kind && apiVersionOf(one) === apiVersion)
  }

  /** Like `find`, for the resources of the table, which are always there. */
  builtIn(apiVersion: string, plural: string): Resource {
    const resource = this.find(apiVersion, plural)
    if (!resource) throw new Error(`no resource ${plural} in ${apiVersion}: see ${import.meta.url}`)
    return resource
  }

  all(): Resource[] {
    return [...this.#byPath.values()]
  }
}
