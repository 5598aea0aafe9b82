/** Whether a server behind an APIService can be asked, as the condition `Available` says it. */
import { type ApiObject, isObject, valueAt } from '../object.ts'
import { objectsOf } from '../pod-defaults.ts'
import type { Store } from '../store.ts'
import type { AggregatedApi, Condition } from './api-services.ts'

const condition = (status: Condition['status'], reason: string, message: string): Condition => ({
  type: 'Available',
  status,
  reason,
  message,
})

export const LOCAL = condition('True', 'Local', 'Local APIServices are always available')
export const PASSED = condition('True', 'Passed', 'all checks passed')

/** What the cluster's objects already say against it; null if it is to be asked itself. */
export function obstacleOf(store: Store, api: AggregatedApi): Condition | null {
  const { namespace, service: name, port } = api
  const about = `service/${name} in "${namespace}"`
  const service = store.get('/services', namespace, name)
  if (!service) return condition('False', 'ServiceNotFound', `${about} is not present`)
  // Where a name leads is not for this cluster to know.
  if (service.spec?.['type'] === 'ExternalName') return null
  const ports = objectsOf(service.spec?.['ports'])
  const chosen = ports.find((one) => one['port'] === port)
  if (!chosen) {
    return condition('False', 'ServicePortError', `${about} is not listening on port ${port}`)
  }
  const slices = store
    .list('discovery.k8s.io/endpointslices', namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
  if (slices.length === 0) {
    return condition('False', 'EndpointsNotFound', `cannot find endpointslices for ${about}`)
  }
  if (slices.some((slice) => hasReady(slice, chosen['name']))) return null
  return condition(
    'False',
    'MissingEndpoints',
    `endpoints for ${about} have no addresses with port name "${chosen['name'] ?? ''}"`,
  )
}

function hasReady(slice: ApiObject, portName: unknown): boolean {
  const ports = objectsOf(slice['ports'])
  if (!ports.some(({ name }) => (name ?? '') === (portName ?? ''))) return false
  return objectsOf(slice['endpoints']).some((endpoint) => {
    const conditions = valueAt(endpoint, ['conditions'])
    return !isObject(conditions) || conditions['ready'] !== false
  })
}

export function failedCheck(message: string): Condition {
  return condition('False', 'FailedDiscoveryCheck', message)
}
