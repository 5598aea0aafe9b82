/** The cluster's DNS names, computed from Services and EndpointSlices. Pure. */
import { type EndpointSlice, SERVICE_NAME_LABEL, type Service } from '../../core/kube/types.ts'

export interface ServiceTarget {
  host: string
  port: number
}

/** Everything under one name. */
export interface DnsName {
  a: string[]
  srv: ServiceTarget[]
  cname: string | null
}

export type Zone = ReadonlyMap<string, DnsName>

interface EndpointWithHost {
  addresses: string[]
  hostname?: string
  conditions?: { ready?: boolean }
}

type MutableZone = Map<string, DnsName>

/**
 * All names of the zone, in lower case and without a final dot:
 * `<service>.<namespace>.svc.<domain>`, `<hostname>.<service>…` for pods of headless services,
 * `_<port>._<protocol>.<service>…` for named ports, and the empty names above them.
 */
export function buildZone(
  services: Iterable<Service>,
  slices: Iterable<EndpointSlice>,
  domain: string,
): Zone {
  const zone: MutableZone = new Map()
  const byService = Map.groupBy(slices, ({ metadata }) => {
    return `${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL]}`
  })
  nameOf(zone, domain)
  nameOf(zone, `svc.${domain}`)
  for (const service of services) {
    const { namespace, name } = service.metadata
    nameOf(zone, `${namespace}.svc.${domain}`)
    const full = `${name}.${namespace}.svc.${domain}`
    addService(zone, full, service, byService.get(`${namespace}/${name}`) ?? [])
  }
  return zone
}

function addService(
  zone: MutableZone,
  full: string,
  { spec }: Service & { spec: { externalName?: string } },
  slices: readonly EndpointSlice[],
): void {
  if (spec.type === 'ExternalName') {
    nameOf(zone, full).cname = spec.externalName ?? null
    return
  }
  const { clusterIP = '', ports = [] } = spec
  if (clusterIP !== 'None') {
    // No address yet: the name must not exist, or the answer would be remembered.
    if (clusterIP === '') return
    nameOf(zone, full).a = [clusterIP]
    for (const { name = '', port, protocol = 'TCP' } of ports) {
      if (name !== '')
        nameOf(zone, serviceName(name, protocol, full)).srv.push({ host: full, port })
    }
    return
  }
  nameOf(zone, full)
  for (const slice of slices) {
    if (slice.addressType === 'IPv4') addHeadless(zone, full, slice)
  }
}

function addHeadless(zone: MutableZone, full: string, slice: EndpointSlice): void {
  for (const endpoint of (slice.endpoints ?? []) as EndpointWithHost[]) {
    const [ip] = endpoint.addresses
    if (!ip || endpoint.conditions?.ready === false) continue
    const host = `${endpoint.hostname || ip.replaceAll('.', '-')}.${full}`
    nameOf(zone, full).a.push(ip)
    nameOf(zone, host).a.push(ip)
    for (const { name = '', port = 0, protocol = 'TCP' } of slice.ports ?? []) {
      if (name !== '') nameOf(zone, serviceName(name, protocol, full)).srv.push({ host, port })
    }
  }
}

function serviceName(port: string, protocol: string, full: string): string {
  return `_${port}._${protocol.toLowerCase()}.${full}`
}

function nameOf(zone: MutableZone, name: string): DnsName {
  const key = name.toLowerCase()
  const known = zone.get(key) ?? { a: [], srv: [], cname: null }
  zone.set(key, known)
  return known
}
