/** What `kubectl get` prints for each kind: the columns of a Table and how to fill them. */
import { availabilityOf } from './aggregation/api-services.ts'
import { type ApiObject, isObject, type JsonObject, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'

export interface Column {
  name: string
  /** Shown by `-o wide` alone. */
  wide?: true
  value: (object: ApiObject, now: Date) => string | number
}

const NONE = '<none>'

/** Time since a moment, as `kubectl` writes it: `12s`, `3m4s`, `5h`, `2d`. */
export function age(since: unknown, now: Date): string {
  if (typeof since !== 'string') return '<unknown>'
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / 1000))
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`
  if (hours < 48) return `${hours}h`
  return `${Math.floor(hours / 24)}d`
}

const NAME: Column = { name: 'Name', value: ({ metadata }) => metadata.name }
const AGE: Column = {
  name: 'Age',
  value: ({ metadata }, now) => age(metadata.creationTimestamp, now),
}
/** A number of the status or spec; 0 where it is absent. */
const count = (name: string, ...path: string[]): Column => ({
  name,
  value: (object) => Number(valueAt(object, path) ?? 0),
})
const text = (name: string, ...path: string[]): Column => ({
  name,
  value: (object) => String(valueAt(object, path) ?? NONE),
})
const wide = (column: Column): Column => ({ ...column, wide: true })

const CONTAINERS: Column = {
  name: 'Containers',
  wide: true,
  value: (object) => templateContainers(object, 'name'),
}
const IMAGES: Column = {
  name: 'Images',
  wide: true,
  value: (object) => templateContainers(object, 'image'),
}
const SELECTOR: Column = {
  name: 'Selector',
  wide: true,
  value: ({ spec }) => {
    const labels = valueAt(spec, ['selector', 'matchLabels']) ?? {}
    return isObject(labels) ? labelText(labels) : NONE
  },
}
const DATA: Column = {
  name: 'Data',
  value: (object) =>
    Object.keys((object['data'] as JsonObject | undefined) ?? {}).length +
    Object.keys((object['binaryData'] as JsonObject | undefined) ?? {}).length,
}

function templateContainers(object: ApiObject, field: string): string {
  const containers = objectsOf(valueAt(object, ['spec', 'template', 'spec', 'containers']))
  return containers.map((container) => container[field]).join(',')
}

function labelText(labels: JsonObject): string {
  const list = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return list.join(',') || NONE
}

function readyOf(object: ApiObject): string {
  return `${valueAt(object, ['status', 'readyReplicas']) ?? 0}/${valueAt(object, ['spec', 'replicas']) ?? 0}`
}

/** A pod's condition in one word: why a container waits or ended, or else the pod's phase. */
function podStatus(pod: ApiObject): string {
  const status = pod.status ?? {}
  let reason = String(status['reason'] ?? status['phase'] ?? 'Unknown')
  const inits = objectsOf(status['initContainerStatuses'])
  const sidecars = new Set(
    objectsOf(pod.spec?.['initContainers'])
      .filter((container) => container['restartPolicy'] === 'Always')
      .map(({ name }) => name),
  )
  for (const [i, init] of inits.entries()) {
    const terminated = valueAt(init, ['state', 'terminated'])
    if (isObject(terminated) && terminated['exitCode'] === 0) continue
    if (sidecars.has(init['name']) && init['started'] === true) continue
    const why =
      valueAt(init, ['state', 'waiting', 'reason']) ?? valueAt(terminated, ['reason']) ?? null
    const plain = why === null || why === 'PodInitializing'
    return deleted(pod) ?? (plain ? `Init:${i}/${inits.length}` : `Init:${why}`)
  }
  let running = false
  for (const container of objectsOf(status['containerStatuses']).toReversed()) {
    const waiting = valueAt(container, ['state', 'waiting', 'reason'])
    const terminated = valueAt(container, ['state', 'terminated'])
    if (waiting) reason = String(waiting)
    else if (isObject(terminated)) {
      reason = String(terminated['reason'] ?? `ExitCode:${terminated['exitCode']}`)
    } else if (container['ready'] === true) running = true
  }
  if (reason === 'Completed' && running) reason = 'Running'
  return deleted(pod) ?? reason
}

function deleted(pod: ApiObject): string | null {
  return pod.metadata.deletionTimestamp ? 'Terminating' : null
}

/** Native sidecars count as containers here, as in `kubectl`. */
function podContainers(pod: ApiObject): JsonObject[] {
  const sidecars = new Set(
    objectsOf(pod.spec?.['initContainers'])
      .filter((container) => container['restartPolicy'] === 'Always')
      .map(({ name }) => name),
  )
  return [
    ...objectsOf(pod.status?.['initContainerStatuses']).filter(({ name }) => sidecars.has(name)),
    ...objectsOf(pod.status?.['containerStatuses']),
  ]
}

function podReady(pod: ApiObject): string {
  const sidecars = objectsOf(pod.spec?.['initContainers']).filter(
    (container) => container['restartPolicy'] === 'Always',
  )
  const total = objectsOf(pod.spec?.['containers']).length + sidecars.length
  return `${podContainers(pod).filter(({ ready }) => ready === true).length}/${total}`
}

function servicePorts({ spec }: ApiObject): string {
  const list = objectsOf(spec?.['ports']).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  )
  return list.join(',') || NONE
}

function nodeStatus(node: ApiObject): string {
  const ready = objectsOf(node.status?.['conditions']).find(({ type }) => type === 'Ready')
  const word = ready?.['status'] === 'True' ? 'Ready' : ready ? 'NotReady' : 'Unknown'
  return node.spec?.['unschedulable'] ? `${word},SchedulingDisabled` : word
}

const COLUMNS: Record<string, Column[]> = {
  Pod: [
    NAME,
    { name: 'Ready', value: podReady },
    { name: 'Status', value: podStatus },
    {
      name: 'Restarts',
      value: (pod) =>
        podContainers(pod).reduce((sum, one) => sum + Number(one['restartCount'] ?? 0), 0),
    },
    AGE,
    wide(text('IP', 'status', 'podIP')),
    wide(text('Node', 'spec', 'nodeName')),
  ],
  Deployment: [
    NAME,
    { name: 'Ready', value: readyOf },
    count('Up-to-date', 'status', 'updatedReplicas'),
    count('Available', 'status', 'availableReplicas'),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ],
  ReplicaSet: [
    NAME,
    count('Desired', 'spec', 'replicas'),
    count('Current', 'status', 'replicas'),
    count('Ready', 'status', 'readyReplicas'),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ],
  StatefulSet: [NAME, { name: 'Ready', value: readyOf }, AGE, CONTAINERS, IMAGES],
  DaemonSet: [
    NAME,
    count('Desired', 'status', 'desiredNumberScheduled'),
    count('Current', 'status', 'currentNumberScheduled'),
    count('Ready', 'status', 'numberReady'),
    count('Up-to-date', 'status', 'updatedNumberScheduled'),
    count('Available', 'status', 'numberAvailable'),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
  ],
  Job: [
    NAME,
    {
      name: 'Status',
      value: ({ status }) => {
        const met = objectsOf(status?.['conditions']).filter((one) => one['status'] === 'True')
        const names = met.map(({ type }) => type)
        return names.includes('Complete')
          ? 'Complete'
          : names.includes('Failed')
            ? 'Failed'
            : 'Running'
      },
    },
    {
      name: 'Completions',
      value: ({ spec, status }) => `${status?.['succeeded'] ?? 0}/${spec?.['completions'] ?? 1}`,
    },
    {
      name: 'Duration',
      value: ({ status }, now) => {
        const start = status?.['startTime']
        const end = status?.['completionTime']
        return start ? age(start, end ? new Date(String(end)) : now) : ''
      },
    },
    AGE,
    CONTAINERS,
    IMAGES,
  ],
  Service: [
    NAME,
    text('Type', 'spec', 'type'),
    text('Cluster-IP', 'spec', 'clusterIP'),
    { name: 'External-IP', value: ({ spec }) => String(spec?.['externalName'] ?? NONE) },
    { name: 'Port(s)', value: servicePorts },
    AGE,
    {
      name: 'Selector',
      wide: true,
      value: ({ spec }) => labelText((spec?.['selector'] as JsonObject | undefined) ?? {}),
    },
  ],
  EndpointSlice: [
    NAME,
    text('AddressType', 'addressType'),
    {
      name: 'Ports',
      value: (slice) =>
        objectsOf(slice['ports'])
          .map(({ port }) => port)
          .join(',') || '<unset>',
    },
    {
      name: 'Endpoints',
      value: (slice) =>
        objectsOf(slice['endpoints'])
          .flatMap(({ addresses }) => (Array.isArray(addresses) ? addresses : []))
          .join(',') || '<unset>',
    },
    AGE,
  ],
  APIService: [
    NAME,
    {
      name: 'Service',
      value: ({ spec }) => {
        const [namespace, name] = ['namespace', 'name'].map((one) =>
          valueAt(spec, ['service', one]),
        )
        return name === undefined ? 'Local' : `${namespace}/${name}`
      },
    },
    {
      name: 'Available',
      value: (object) => {
        const { status = 'Unknown', reason } = availabilityOf(object) ?? {}
        return status === 'True' || !reason ? status : `${status} (${reason})`
      },
    },
    AGE,
  ],
  Namespace: [NAME, text('Status', 'status', 'phase'), AGE],
  Node: [
    NAME,
    { name: 'Status', value: nodeStatus },
    {
      name: 'Roles',
      value: ({ metadata }) =>
        Object.keys(metadata.labels ?? {})
          .filter((label) => label.startsWith('node-role.kubernetes.io/'))
          .map((label) => label.slice('node-role.kubernetes.io/'.length))
          .join(',') || NONE,
    },
    AGE,
    text('Version', 'status', 'nodeInfo', 'kubeletVersion'),
  ],
  ConfigMap: [NAME, DATA, AGE],
  Secret: [NAME, text('Type', 'type'), DATA, AGE],
  Event: [
    {
      name: 'Last Seen',
      value: (event, now) =>
        age(event['lastTimestamp'] ?? event['eventTime'] ?? event.metadata.creationTimestamp, now),
    },
    text('Type', 'type'),
    text('Reason', 'reason'),
    {
      name: 'Object',
      value: (event) => {
        const about = (event['involvedObject'] ?? event['regarding'] ?? {}) as JsonObject
        return `${String(about['kind'] ?? '').toLowerCase()}/${about['name'] ?? ''}`
      },
    },
    { name: 'Message', value: (event) => String(event['message'] ?? event['note'] ?? '') },
  ],
  Ingress: [
    NAME,
    { name: 'Class', value: ({ spec }) => String(spec?.['ingressClassName'] ?? NONE) },
    {
      name: 'Hosts',
      value: ({ spec }) =>
        objectsOf(spec?.['rules'])
          .map(({ host }) => host ?? '*')
          .join(',') || '*',
    },
    AGE,
  ],
  PodDisruptionBudget: [
    NAME,
    { name: 'Min Available', value: ({ spec }) => String(spec?.['minAvailable'] ?? 'N/A') },
    { name: 'Max Unavailable', value: ({ spec }) => String(spec?.['maxUnavailable'] ?? 'N/A') },
    count('Allowed Disruptions', 'status', 'disruptionsAllowed'),
    AGE,
  ],
  MutatingWebhookConfiguration: [
    NAME,
    { name: 'Webhooks', value: (object) => objectsOf(object['webhooks']).length },
    AGE,
  ],
  Lease: [NAME, text('Holder', 'spec', 'holderIdentity'), AGE],
}
COLUMNS['ValidatingWebhookConfiguration'] = COLUMNS['MutatingWebhookConfiguration'] as Column[]

const GENERIC: Column[] = [
  NAME,
  { name: 'Created At', value: ({ metadata }) => metadata.creationTimestamp },
]

export function columnsOf(kind: string): Column[] {
  return COLUMNS[kind] ?? GENERIC
}
