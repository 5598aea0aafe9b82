/** Gives Services their cluster IPs and node ports. */
import { BlockList, isIPv4 } from 'node:net'
import { type FieldFault, invalid } from './api-error.ts'
import type { ApiObject } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import type { Resource } from './resources.ts'

/** The API server's own service, `kubernetes` in `default`. */
export const KUBERNETES_IP = '10.96.0.1'
/** The cluster's DNS service, `kube-dns` in `kube-system`. */
export const DNS_IP = '10.96.0.10'

const SERVICE_NETWORK = { prefix: '10.96', bits: 16 }
const serviceNetwork = new BlockList()
serviceNetwork.addSubnet(`${SERVICE_NETWORK.prefix}.0.0`, SERVICE_NETWORK.bits, 'ipv4')

/** Addresses below this one are for well-known services that ask for them by number. */
const FIRST_FREE = 256
const LAST_FREE = 65_534
/** The range that Kubernetes uses for node ports. */
const NODE_PORTS = { first: 30_000, last: 32_767 }

const RESERVED: Record<string, string> = {
  [KUBERNETES_IP]: 'default/kubernetes',
  [DNS_IP]: 'kube-system/kube-dns',
}

/**
 * Fills in a service's addresses, in place. Throws 422 for an address that cannot be had.
 * @param services all services that there are
 * @param old the stored state of this one; its addresses stay
 */
export function allocateAddresses(
  resource: Resource,
  service: ApiObject,
  services: readonly ApiObject[],
  old: ApiObject | null,
): void {
  const spec = service.spec ?? {}
  if (spec['type'] === 'ExternalName') return
  const others = services.filter(({ metadata }) => metadata.uid !== service.metadata.uid)
  const given = spec['clusterIP'] ?? old?.spec?.['clusterIP']
  const ip =
    typeof given === 'string' && given !== ''
      ? checkedAddress(resource, service, given, others)
      : nextAddress(others)
  Object.assign(spec, { clusterIP: ip, clusterIPs: [ip] })
  spec['ipFamilies'] ??= ['IPv4']
  spec['ipFamilyPolicy'] ??= 'SingleStack'
  if (spec['type'] !== 'ClusterIP') allocateNodePorts(service, others, old)
}

function checkedAddress(
  resource: Resource,
  service: ApiObject,
  ip: string,
  others: readonly ApiObject[],
): string {
  if (ip === 'None') return ip
  const owner = `${service.metadata.namespace}/${service.metadata.name}`
  const refuse = (message: string): never => {
    const fault: FieldFault = { reason: 'FieldValueInvalid', field: 'spec.clusterIPs', message }
    throw invalid(resource, service.metadata.name, [fault])
  }
  if (!isIPv4(ip) || !serviceNetwork.check(ip, 'ipv4')) {
    return refuse(`Invalid value: "${ip}": it must be an address of 10.96.0.0/16 or None`)
  }
  const taken = others.some(({ spec }) => spec?.['clusterIP'] === ip)
  if (taken || (RESERVED[ip] ?? owner) !== owner) {
    return refuse(`Invalid value: "${ip}": provided IP is already allocated`)
  }
  return ip
}

function nextAddress(others: readonly ApiObject[]): string {
  const used = new Set(others.map(({ spec }) => spec?.['clusterIP']))
  for (let n = FIRST_FREE; n <= LAST_FREE; n++) {
    const ip = `${SERVICE_NETWORK.prefix}.${n >> 8}.${n & 255}`
    if (!used.has(ip)) return ip
  }
  throw new Error('no cluster IP is free in 10.96.0.0/16: delete services')
}

function allocateNodePorts(
  service: ApiObject,
  others: readonly ApiObject[],
  old: ApiObject | null,
): void {
  const used = new Set(
    others.flatMap(({ spec }) => objectsOf(spec?.['ports']).map((port) => port['nodePort'])),
  )
  const before = new Map(objectsOf(old?.spec?.['ports']).map((port) => [port['port'], port]))
  let next = NODE_PORTS.first
  for (const port of objectsOf(service.spec?.['ports'])) {
    port['nodePort'] ??= before.get(port['port'])?.['nodePort']
    if (port['nodePort'] !== undefined) continue
    while (used.has(next) && next < NODE_PORTS.last) next++
    port['nodePort'] = next
    used.add(next)
  }
}
