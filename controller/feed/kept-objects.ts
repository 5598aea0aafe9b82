/**
 * What the feed keeps of the API server's objects. Managed fields, annotations and status are most of them:
 * 5,000 Services and their slices take 60 MB whole, and 15 MB so.
 */
import {
  type EndpointSlice,
  type Namespace,
  type ObjectMeta,
  type Pod,
  SERVICE_NAME_LABEL,
  type Service,
} from '../../core/kube/types.ts'
import { LABEL } from '../../core/names.ts'

type Labels = Record<string, string>

export function keptNamespace({ metadata }: Namespace): Namespace {
  const labels = onlyLabels(metadata.labels, [LABEL.space, LABEL.parentSpace])
  return { metadata: keptMeta(metadata, labels) }
}

export function keptService({ metadata, spec }: Service): Service {
  const { type, clusterIP, clusterIPs, selector, ports } = spec
  return {
    metadata: keptMeta(metadata, undefined),
    spec: defined({
      type,
      clusterIP,
      clusterIPs,
      selector,
      ports: ports?.map(({ name, port, targetPort, protocol, appProtocol }) => ({
        port,
        ...defined({ name, targetPort, protocol, appProtocol }),
      })),
    }),
  }
}

export function keptSlice({
  metadata,
  addressType,
  endpoints,
  ports,
}: EndpointSlice): EndpointSlice {
  return {
    metadata: keptMeta(metadata, onlyLabels(metadata.labels, [SERVICE_NAME_LABEL])),
    addressType,
    ...defined({
      endpoints: endpoints?.map(({ addresses, conditions }) => ({
        addresses,
        ...defined({ conditions }),
      })),
      ports: ports?.map(({ name, port, protocol }) => defined({ name, port, protocol })),
    }),
  }
}

export function keptPod({ metadata, spec, status }: Pod): Pod {
  const { containers, initContainers, restartPolicy } = spec
  const statuses = status?.['containerStatuses'] as ContainerStatus[] | undefined
  const { uid } = metadata
  return {
    metadata: { ...keptMeta(metadata, metadata.labels), ...defined({ uid }) },
    spec: {
      containers: containers.map(keptContainer),
      ...defined({ initContainers: initContainers?.map(keptContainer), restartPolicy }),
    },
    status: defined({
      containerStatuses: statuses?.map(({ name, state }) => ({
        name,
        state: defined({ terminated: state?.terminated && keptEnd(state.terminated) }),
      })),
    }),
  }
}

interface ContainerStatus {
  name: string
  state?: { terminated?: { exitCode?: number } }
}

const keptEnd = ({ exitCode }: { exitCode?: number }) => defined({ exitCode })

function keptContainer({ name, ports, restartPolicy }: Pod['spec']['containers'][number]) {
  return { name, ...defined({ ports, restartPolicy }) }
}

function keptMeta(
  { name, namespace, resourceVersion, deletionTimestamp }: ObjectMeta,
  labels: Labels | undefined,
): ObjectMeta {
  return defined({ name, namespace, resourceVersion, deletionTimestamp, labels })
}

function onlyLabels(labels: Labels | undefined, names: readonly string[]): Labels | undefined {
  const kept = Object.entries(labels ?? {}).filter(([name]) => names.includes(name))
  return kept.length > 0 ? Object.fromEntries(kept) : undefined
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the fields that are not there: an absent one is no `undefined` in an object of the API. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<T>
}
