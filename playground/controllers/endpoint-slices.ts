/** EndpointSlices: keeps the slices of each service equal to the pods that its selector finds. */
import { type JsonObject, sameJson } from '../apiserver/object.ts'
import { type Cluster, keyOf } from './cluster.ts'
import { type EndpointGroup, endpointGroups } from './endpoints.ts'
import { type AnyObject, ownerReference, type PodObject, type ServiceObject } from './kinds.ts'
import { WorkQueue } from './work-queue.ts'

const SERVICE_LABEL = 'kubernetes.io/service-name'
const MANAGED_LABEL = 'endpointslice.kubernetes.io/managed-by'
const MANAGER = 'endpointslice-controller.k8s.io'
const HEADLESS_LABEL = 'service.kubernetes.io/headless'

/** @returns a function that stops the controller */
export function startEndpointSlices(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('endpointslice', (key) => reconcile(cluster, key), cluster.log)
  const servicesOf = (pod: PodObject) => {
    for (const service of cluster.list<ServiceObject>('services', pod.metadata.namespace)) {
      if (service.spec.selector) queue.add(keyOf(service))
    }
  }
  const unwatch = [
    cluster.watch<ServiceObject>('services', ({ now, old }) => {
      const service = now ?? old
      if (service) queue.add(keyOf(service))
    }),
    cluster.watch<PodObject>('pods', ({ now, old }) => {
      const pod = now ?? old
      if (pod) servicesOf(pod)
    }),
    cluster.watch('endpointslices', ({ now, old }) => {
      const slice = now ?? old
      const name = slice?.metadata.labels?.[SERVICE_LABEL]
      if (name) queue.add(`${slice?.metadata.namespace}/${name}`)
    }),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(cluster: Cluster, key: string): Promise<void> {
  const service = cluster.get<ServiceObject>('services', key)
  // Without a selector the slices are somebody else's; a service's end is the garbage collector's.
  if (!service?.spec.selector || service.spec.type === 'ExternalName') return
  if (service.metadata.deletionTimestamp) return
  const { namespace = '', name } = service.metadata
  const groups = endpointGroups(service, cluster.list<PodObject>('pods', namespace))
  const free = cluster
    .list('endpointslices', namespace)
    .filter(
      ({ metadata }) =>
        metadata.labels?.[SERVICE_LABEL] === name && metadata.labels?.[MANAGED_LABEL] === MANAGER,
    )
  // A group keeps the slice that has its ports; what is left over is used for the others.
  const taken = groups.map((group) => {
    const index = free.findIndex((slice) => sameJson(slice['ports'], group.ports))
    return index < 0 ? undefined : free.splice(index, 1)[0]
  })
  for (const [i, group] of groups.entries()) {
    const slice = taken[i] ?? free.shift()
    if (slice) await write(cluster, service, slice, group)
    else await create(cluster, service, group)
  }
  for (const slice of free) await cluster.remove('endpointslices', slice)
}

function labelsOf({ metadata, spec }: ServiceObject): Record<string, string> {
  return {
    ...metadata.labels,
    [SERVICE_LABEL]: metadata.name,
    [MANAGED_LABEL]: MANAGER,
    ...(spec.clusterIP === 'None' && { [HEADLESS_LABEL]: '' }),
  }
}

/** One slice holds all pods of its ports: a playground has far fewer than the 1000 that fit. */
function contentOf({ ports, endpoints }: EndpointGroup): JsonObject {
  return { addressType: 'IPv4', ports, endpoints }
}

async function create(
  cluster: Cluster,
  service: ServiceObject,
  group: EndpointGroup,
): Promise<void> {
  await cluster.create('endpointslices', service.metadata.namespace ?? '', {
    metadata: {
      generateName: `${service.metadata.name}-`,
      labels: labelsOf(service),
      ownerReferences: [ownerReference(service)],
    },
    ...contentOf(group),
  })
}

async function write(
  cluster: Cluster,
  service: ServiceObject,
  slice: AnyObject,
  group: EndpointGroup,
): Promise<void> {
  await cluster.change('endpointslices', slice, (live) => ({
    ...live,
    metadata: { ...live.metadata, labels: labelsOf(service) },
    ...contentOf(group),
  }))
}
