/** APIService objects: which group versions another server answers for, and the state of each. */

import { type ApiObject, isObject, valueAt } from '../object.ts'
import type { ServiceAddress } from '../service-address.ts'
import { serviceAddress } from '../service-address.ts'
import type { TlsIdentity } from '../service-connections.ts'
import type { Store } from '../store.ts'

export const API_SERVICES = 'apiregistration.k8s.io/apiservices'

/** One group version that a Service answers for. */
export interface AggregatedApi {
  group: string
  version: string
  /** Name of the APIService object. */
  name: string
  namespace: string
  service: string
  port: number
  /** In the order of discovery: the higher, the earlier. */
  priority: number
  available: boolean
  identity: TlsIdentity
}

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
}

export function readApiService(object: ApiObject): AggregatedApi | null {
  const service = object.spec?.['service']
  if (!isObject(service)) return null
  const { group, version, caBundle, insecureSkipTLSVerify, groupPriorityMinimum } =
    object.spec ?? {}
  return {
    group: String(group),
    version: String(version),
    name: object.metadata.name,
    namespace: String(service['namespace']),
    service: String(service['name']),
    port: Number(service['port'] ?? 443),
    priority: Number(groupPriorityMinimum ?? 0),
    available: availabilityOf(object)?.status === 'True',
    identity: {
      ...(typeof caBundle === 'string' && { ca: Buffer.from(caBundle, 'base64').toString('utf8') }),
      verify: insecureSkipTLSVerify !== true,
    },
  }
}

export function availabilityOf(object: ApiObject): Condition | undefined {
  const conditions = valueAt(object, ['status', 'conditions'])
  const list = Array.isArray(conditions) ? (conditions as Condition[]) : []
  return list.find(({ type }) => type === 'Available')
}

/** All that are answered elsewhere, in the order of discovery. */
export function aggregatedApis(store: Store): AggregatedApi[] {
  const all = store.list(API_SERVICES).flatMap((object) => readApiService(object) ?? [])
  return all.sort((a, b) => b.priority - a.priority)
}

/** The one that answers for a path; null if this server does. */
export function aggregatedApiAt(store: Store, pathname: string): AggregatedApi | null {
  const [, root, group, version] = pathname.split('/')
  if (root !== 'apis' || !group || !version) return null
  const object = store.get(API_SERVICES, undefined, `${version}.${group}`)
  return object ? readApiService(object) : null
}

/** Throws a sentence if its Service is not there. */
export function addressOf(store: Store, api: AggregatedApi): ServiceAddress {
  return serviceAddress(store, { namespace: api.namespace, name: api.service, port: api.port })
}
