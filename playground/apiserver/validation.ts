/** What the API server refuses: bad names, missing fields, and changes of what may not change. */
import type { FieldFault } from './api-error.ts'
import { required, invalidValue as value } from './field-faults.ts'
import { type ApiObject, isObject, type JsonObject, sameJson, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import {
  apiServiceFaults,
  disruptionBudgetFaults,
  networkPolicyFaults,
} from './policy-validation.ts'
import type { Resource } from './resources.ts'
import { type LabelSelector, matchesSelector } from './selectors.ts'
import { volumeFaults } from './volume-validation.ts'

const LABEL_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/

const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"

/** Kinds whose name becomes one label of a DNS name. */
const NAMED_AS_LABEL = new Set(['Namespace', 'Service'])
/** Kinds whose names may hold anything that fits into a path. */
const NAMED_FREELY = new Set([
  'apiservices',
  'clusterrolebindings',
  'clusterroles',
  'rolebindings',
  'roles',
])

/** Faults of an object as it would be stored. @param old its stored state; null on create */
export function faultsOf(
  resource: Resource,
  object: ApiObject,
  old: ApiObject | null,
): FieldFault[] {
  return [
    ...(old ? [] : nameFaults(resource, object.metadata.name)),
    ...metadataFaults(object),
    ...(KIND_FAULTS[object.kind]?.(object, old) ?? []),
    ...(old ? changeFaults(object, old) : []),
  ]
}

function nameFaults(resource: Resource, name: string): FieldFault[] {
  const field = 'metadata.name'
  if (NAMED_FREELY.has(resource.plural)) {
    return /[/%]|^\.\.?$/.test(name) ? [value(field, name, 'may not contain "/" or "%"')] : []
  }
  if (NAMED_AS_LABEL.has(resource.kind)) {
    return LABEL_NAME.test(name) && name.length <= 63 ? [] : [value(field, name, LABEL_RULE)]
  }
  return SUBDOMAIN.test(name) && name.length <= 253 ? [] : [value(field, name, SUBDOMAIN_RULE)]
}

function metadataFaults({ metadata }: ApiObject): FieldFault[] {
  const faults: FieldFault[] = []
  for (const [key, text] of Object.entries(metadata.labels ?? {})) {
    faults.push(...keyFaults('metadata.labels', key))
    if (text !== '' && (!QUALIFIED.test(text) || text.length > 63)) {
      faults.push(
        value(
          'metadata.labels',
          text,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character, with at most 63 characters",
        ),
      )
    }
  }
  for (const key of Object.keys(metadata.annotations ?? {})) {
    faults.push(...keyFaults('metadata.annotations', key.toLowerCase()))
  }
  return faults
}

function keyFaults(field: string, key: string): FieldFault[] {
  const slash = key.indexOf('/')
  const name = key.slice(slash + 1)
  const prefixed = slash < 0 || SUBDOMAIN.test(key.slice(0, slash))
  if (prefixed && QUALIFIED.test(name) && name.length <= 63) return []
  return [
    value(
      field,
      key,
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character, after an optional DNS prefix and '/'",
    ),
  ]
}

const KIND_FAULTS: Record<string, (object: ApiObject, old: ApiObject | null) => FieldFault[]> = {
  Pod: (pod) => podSpecFaults(pod.spec, 'spec'),
  Deployment: workloadFaults,
  ReplicaSet: workloadFaults,
  StatefulSet: workloadFaults,
  DaemonSet: workloadFaults,
  Job: (job) => {
    const faults = podSpecFaults(valueAt(job, ['spec', 'template', 'spec']), 'spec.template.spec')
    const policy = valueAt(job, ['spec', 'template', 'spec', 'restartPolicy'])
    if (policy !== 'Never' && policy !== 'OnFailure') {
      faults.push({
        reason: 'FieldValueNotSupported',
        field: 'spec.template.spec.restartPolicy',
        message: `Unsupported value: ${JSON.stringify(policy)}: supported values: "OnFailure", "Never"`,
      })
    }
    return faults
  },
  Service: serviceFaults,
  MutatingWebhookConfiguration: webhookFaults,
  ValidatingWebhookConfiguration: webhookFaults,
  NetworkPolicy: networkPolicyFaults,
  PodDisruptionBudget: disruptionBudgetFaults,
  APIService: apiServiceFaults,
}

function workloadFaults(object: ApiObject): FieldFault[] {
  const spec = object.spec
  if (!isObject(spec)) return [required('spec')]
  const faults: FieldFault[] = []
  const labels = valueAt(spec, ['template', 'metadata', 'labels'])
  if (!isObject(spec['selector'])) faults.push(required('spec.selector'))
  else if (!matchesSelector(spec['selector'] as LabelSelector, labels as Record<string, string>)) {
    faults.push(
      value(
        'spec.template.metadata.labels',
        labels ?? {},
        '`selector` does not match template `labels`',
      ),
    )
  }
  const replicas = spec['replicas']
  if (typeof replicas === 'number' && replicas < 0) {
    faults.push(value('spec.replicas', replicas, 'must be greater than or equal to 0'))
  }
  return [...faults, ...podSpecFaults(valueAt(spec, ['template', 'spec']), 'spec.template.spec')]
}

function podSpecFaults(spec: unknown, path: string): FieldFault[] {
  if (!isObject(spec)) return [required(`${path}.containers`)]
  const containers = objectsOf(spec['containers'])
  if (containers.length === 0) return [required(`${path}.containers`)]
  const faults = objectsOf(spec['volumes']).flatMap((volume, i) =>
    volumeFaults(volume, `${path}.volumes[${i}]`),
  )
  const volumes = new Set(objectsOf(spec['volumes']).map(({ name }) => name))
  const names = new Set<unknown>()
  for (const list of ['initContainers', 'containers']) {
    for (const [i, container] of objectsOf(spec[list]).entries()) {
      const at = `${path}.${list}[${i}]`
      faults.push(...containerFaults(container, at, volumes))
      if (names.has(container['name'])) {
        faults.push({
          reason: 'FieldValueDuplicate',
          field: `${at}.name`,
          message: `Duplicate value: ${JSON.stringify(container['name'])}`,
        })
      }
      names.add(container['name'])
    }
  }
  return faults
}

function containerFaults(
  container: JsonObject,
  at: string,
  volumes: ReadonlySet<unknown>,
): FieldFault[] {
  const faults: FieldFault[] = []
  const { name, image } = container
  if (typeof name !== 'string' || name === '') faults.push(required(`${at}.name`))
  else if (!LABEL_NAME.test(name) || name.length > 63)
    faults.push(value(`${at}.name`, name, LABEL_RULE))
  if (typeof image !== 'string' || image === '') faults.push(required(`${at}.image`))
  for (const [i, port] of objectsOf(container['ports']).entries()) {
    faults.push(...portFaults(port['containerPort'], `${at}.ports[${i}].containerPort`))
  }
  for (const [i, mount] of objectsOf(container['volumeMounts']).entries()) {
    if (volumes.has(mount['name'])) continue
    faults.push({
      reason: 'FieldValueInvalid',
      field: `${at}.volumeMounts[${i}].name`,
      message: `Not found: ${JSON.stringify(mount['name'])}`,
    })
  }
  return faults
}

function portFaults(port: unknown, field: string): FieldFault[] {
  if (port === undefined) return [required(field)]
  const good = Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535
  return good ? [] : [value(field, port, 'must be between 1 and 65535, inclusive')]
}

function serviceFaults(service: ApiObject): FieldFault[] {
  const spec = service.spec ?? {}
  if (spec['type'] === 'ExternalName') {
    return spec['externalName'] ? [] : [required('spec.externalName')]
  }
  const ports = objectsOf(spec['ports'])
  if (ports.length === 0 && spec['clusterIP'] !== 'None') return [required('spec.ports')]
  return ports.flatMap((port, i) => {
    const faults = portFaults(port['port'], `spec.ports[${i}].port`)
    if (ports.length > 1 && !port['name']) faults.push(required(`spec.ports[${i}].name`))
    return faults
  })
}

function webhookFaults(object: ApiObject): FieldFault[] {
  return objectsOf(object['webhooks']).flatMap((webhook, i) => {
    const at = `webhooks[${i}]`
    const faults: FieldFault[] = []
    if (!webhook['name']) faults.push(required(`${at}.name`))
    if (!webhook['sideEffects']) {
      faults.push(
        required(`${at}.sideEffects`, 'Required value: must specify one of None, NoneOnDryRun'),
      )
    }
    if (!Array.isArray(webhook['admissionReviewVersions'])) {
      faults.push(required(`${at}.admissionReviewVersions`))
    }
    const client = webhook['clientConfig']
    if (!isObject(client) || (client['url'] === undefined) === (client['service'] === undefined)) {
      faults.push(required(`${at}.clientConfig`, 'exactly one of url or service is required'))
    }
    return faults
  })
}

/** Fields that stay as they were created. */
const IMMUTABLE: Record<string, string[][]> = {
  Deployment: [['spec', 'selector']],
  ReplicaSet: [['spec', 'selector']],
  DaemonSet: [['spec', 'selector']],
  StatefulSet: [
    ['spec', 'selector'],
    ['spec', 'serviceName'],
    ['spec', 'podManagementPolicy'],
  ],
  Job: [
    ['spec', 'selector'],
    ['spec', 'template'],
    ['spec', 'completions'],
  ],
  Secret: [['type']],
  RoleBinding: [['roleRef']],
  ClusterRoleBinding: [['roleRef']],
}

function changeFaults(object: ApiObject, old: ApiObject): FieldFault[] {
  if (object.kind === 'Pod') return podChangeFaults(object, old)
  if (object.kind === 'Service') return serviceChangeFaults(object, old)
  if (old['immutable'] === true && !sameJson(old['data'], object['data'])) {
    return [
      {
        reason: 'FieldValueForbidden',
        field: 'data',
        message: 'Forbidden: field is immutable when `immutable` is set',
      },
    ]
  }
  return (IMMUTABLE[object.kind] ?? [])
    .filter((path) => !sameJson(valueAt(object, path), valueAt(old, path)))
    .map((path) => value(path.join('.'), valueAt(object, path) ?? null, 'field is immutable'))
}

function serviceChangeFaults(object: ApiObject, old: ApiObject): FieldFault[] {
  const before = old.spec?.['clusterIP']
  const now = object.spec?.['clusterIP']
  if (!before || object.spec?.['type'] === 'ExternalName' || before === now) return []
  return [value('spec.clusterIPs[0]', now ?? null, 'may not change once set')]
}

/** A running pod is fixed but for its images, its deadline, added tolerations and its node. */
function podChangeFaults(object: ApiObject, old: ApiObject): FieldFault[] {
  const fixed = (pod: ApiObject): JsonObject => {
    const spec = pod.spec ?? {}
    const images = (list: unknown) => objectsOf(list).map(({ image: _, ...rest }) => rest)
    return {
      ...spec,
      containers: images(spec['containers']),
      initContainers: images(spec['initContainers']),
      activeDeadlineSeconds: null,
      tolerations: null,
      terminationGracePeriodSeconds: null,
      ephemeralContainers: null,
      // The scheduler sets it once.
      nodeName: old.spec?.['nodeName'] === undefined ? null : spec['nodeName'],
    }
  }
  if (sameJson(fixed(object), fixed(old))) return []
  return [
    {
      reason: 'FieldValueForbidden',
      field: 'spec',
      message:
        'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds`',
    },
  ]
}
