/** Defaults of each kind on create and update, where clients and controllers depend on them. */
import { type ApiObject, isObject, type JsonObject, valueAt } from './object.ts'
import { defaultPodSpec, fill, objectsOf } from './pod-defaults.ts'

/** Fills in an object, in place; `old` is null on create. */
export function setDefaults(object: ApiObject): void {
  if (WITH_SPEC.has(object.kind)) object.spec ??= {}
  DEFAULTS[object.kind]?.(object, object.spec ?? {})
}

const WITH_SPEC = new Set(['Namespace', 'Service', 'Node'])

const DEFAULTS: Record<string, (object: ApiObject, spec: JsonObject) => void> = {
  Pod: (_, spec) => {
    defaultPodSpec(spec)
    fill(spec, { enableServiceLinks: true })
  },
  Service: (_, spec) => defaultService(spec),
  Secret: (secret) => {
    fill(secret, { type: 'Opaque' })
    if (!isObject(secret['stringData'])) return
    const data = { ...(isObject(secret['data']) ? secret['data'] : {}) }
    for (const [key, value] of Object.entries(secret['stringData'])) {
      data[key] = Buffer.from(String(value)).toString('base64')
    }
    secret['data'] = data
    delete secret['stringData']
  },
  Deployment: (_, spec) => {
    fill(spec, {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: {},
    })
    const strategy = spec['strategy'] as JsonObject
    fill(strategy, { type: 'RollingUpdate' })
    if (strategy['type'] === 'RollingUpdate') {
      fill(strategy, { rollingUpdate: {} })
      fill(strategy['rollingUpdate'] as JsonObject, { maxUnavailable: '25%', maxSurge: '25%' })
    }
    defaultTemplate(spec)
  },
  ReplicaSet: (_, spec) => {
    fill(spec, { replicas: 1 })
    defaultTemplate(spec)
  },
  StatefulSet: (_, spec) => {
    fill(spec, {
      replicas: 1,
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    })
    defaultTemplate(spec)
  },
  DaemonSet: (_, spec) => {
    fill(spec, {
      revisionHistoryLimit: 10,
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
      },
    })
    defaultTemplate(spec)
  },
  Job: (job, spec) => {
    // Neither given means one pod; parallelism alone means a work queue without a count.
    if (spec['completions'] === undefined && spec['parallelism'] === undefined) {
      spec['completions'] = 1
    }
    fill(spec, {
      parallelism: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      manualSelector: false,
      podReplacementPolicy: 'TerminatingOrFailed',
    })
    defaultTemplate(spec)
    if (spec['selector'] !== undefined || !job.metadata.uid) return
    const own = {
      'batch.kubernetes.io/controller-uid': job.metadata.uid,
      'batch.kubernetes.io/job-name': job.metadata.name,
    }
    const template = spec['template'] as JsonObject
    template['metadata'] ??= {}
    const metadata = template['metadata'] as JsonObject
    metadata['labels'] = {
      ...(metadata['labels'] as JsonObject),
      ...own,
      'job-name': job.metadata.name,
    }
    spec['selector'] = {
      matchLabels: { 'batch.kubernetes.io/controller-uid': job.metadata.uid },
    }
  },
  Namespace: (namespace, spec) => {
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name,
    }
    if (!namespace.metadata.deletionTimestamp) fill(spec, { finalizers: ['kubernetes'] })
    namespace.status ??= { phase: 'Active' }
  },
  MutatingWebhookConfiguration: (object) => {
    for (const webhook of objectsOf(object['webhooks'])) {
      defaultWebhook(webhook)
      fill(webhook, { reinvocationPolicy: 'Never' })
    }
  },
  ValidatingWebhookConfiguration: (object) => {
    for (const webhook of objectsOf(object['webhooks'])) defaultWebhook(webhook)
  },
  Ingress: (_, spec) => {
    for (const rule of objectsOf(spec['rules'])) {
      for (const path of objectsOf(valueAt(rule, ['http', 'paths']))) {
        fill(path, { pathType: 'ImplementationSpecific' })
      }
    }
  },
  EndpointSlice: (slice) => {
    for (const port of objectsOf(slice['ports'])) fill(port, { name: '', protocol: 'TCP' })
  },
  ClusterRoleBinding: defaultSubjects,
  RoleBinding: defaultSubjects,
}

function defaultSubjects(binding: ApiObject): void {
  for (const subject of objectsOf(binding['subjects'])) {
    if (subject['kind'] !== 'ServiceAccount')
      fill(subject, { apiGroup: 'rbac.authorization.k8s.io' })
  }
}

function defaultTemplate(spec: JsonObject): void {
  const template = spec['template']
  if (isObject(template) && isObject(template['spec'])) defaultPodSpec(template['spec'])
}

function defaultService(spec: JsonObject): void {
  fill(spec, { type: 'ClusterIP', sessionAffinity: 'None' })
  if (spec['type'] !== 'ExternalName') {
    fill(spec, { internalTrafficPolicy: 'Cluster' })
    if (spec['type'] !== 'ClusterIP') fill(spec, { externalTrafficPolicy: 'Cluster' })
  }
  for (const port of objectsOf(spec['ports'])) {
    fill(port, { protocol: 'TCP' })
    // Some clients write an unset target port as 0.
    if (spec['type'] !== 'ExternalName' && !port['targetPort']) port['targetPort'] = port['port']
  }
}

function defaultWebhook(webhook: JsonObject): void {
  fill(webhook, {
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    timeoutSeconds: 10,
    namespaceSelector: {},
    objectSelector: {},
  })
  for (const rule of objectsOf(webhook['rules'])) fill(rule, { scope: '*' })
  const service = valueAt(webhook, ['clientConfig', 'service'])
  if (isObject(service)) fill(service, { port: 443 })
}
