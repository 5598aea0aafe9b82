/** kube-proxy's rules as the text of iptables-restore. Pure: Services and EndpointSlices in, rules out. */
import { type EndpointSlice, SERVICE_NAME_LABEL, type Service } from '../../core/kube/types.ts'

/** One port of a Service with the addresses that are ready to answer. */
export interface ServicePort {
  /** `namespace/name:port`, for the rules' comments. */
  label: string
  clusterIp: string
  protocol: 'tcp' | 'udp'
  port: number
  backends: { ip: string; port: number }[]
}

/**
 * The ports that need rules. Headless Services and those whose address the node itself answers (the API,
 * DNS) have none.
 */
export function servicePorts(
  services: Iterable<Service>,
  slices: Iterable<EndpointSlice>,
  ownAddresses: ReadonlySet<string>,
): ServicePort[] {
  const byService = Map.groupBy(slices, ({ metadata }) => {
    return `${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL]}`
  })
  const ports: ServicePort[] = []
  for (const { metadata, spec } of services) {
    const { clusterIP = '' } = spec
    if (clusterIP === '' || clusterIP === 'None' || ownAddresses.has(clusterIP)) continue
    const key = `${metadata.namespace}/${metadata.name}`
    for (const { name = '', port, protocol = 'TCP' } of spec.ports ?? []) {
      if (protocol !== 'TCP' && protocol !== 'UDP') continue
      ports.push({
        label: name === '' ? key : `${key}:${name}`,
        clusterIp: clusterIP,
        protocol: protocol === 'TCP' ? 'tcp' : 'udp',
        port,
        backends: backendsOf(byService.get(key) ?? [], name, protocol),
      })
    }
  }
  return ports.sort((a, b) => (a.label < b.label ? -1 : 1))
}

function backendsOf(slices: readonly EndpointSlice[], portName: string, protocol: string) {
  const backends: { ip: string; port: number }[] = []
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const port = slice.ports?.find(
      (each) => (each.name ?? '') === portName && (each.protocol ?? 'TCP') === protocol,
    )?.port
    if (port === undefined) continue
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      const [ip] = addresses
      // Absent means ready (EndpointConditions).
      if (ip && conditions?.ready !== false) backends.push({ ip, port })
    }
  }
  return backends.sort((a, b) => (a.ip < b.ip ? -1 : 1))
}

/**
 * The whole nat and filter table of the node. Each connection to a cluster IP goes to one of the n ready
 * endpoints with the same chance: the first rule takes 1/n, the next 1/(n-1) of the rest, the last all.
 */
export function serviceRules(ports: readonly ServicePort[]): string {
  const nat = ports.flatMap(({ label, clusterIp, protocol, port, backends }) =>
    backends.map(({ ip, port: target }, index) => {
      const left = backends.length - index
      const chance =
        left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : ''
      return `-A KUBE-SERVICES -d ${clusterIp}/32 -p ${protocol} --dport ${port} -m comment --comment "${label}"${chance} -j DNAT --to-destination ${ip}:${target}`
    }),
  )
  const addresses = new Set(ports.flatMap(({ backends }) => backends.map(({ ip }) => ip)))
  const hairpin = [...addresses].map(
    (ip) =>
      `-A KUBE-POSTROUTING -s ${ip}/32 -d ${ip}/32 -m comment --comment "a pod that calls its own service" -j MASQUERADE`,
  )
  const empty = ports.filter(({ backends }) => backends.length === 0)
  const reject = empty.map(
    ({ label, clusterIp, protocol, port }) =>
      `-A KUBE-SERVICES -d ${clusterIp}/32 -p ${protocol} --dport ${port} -m comment --comment "${label} has no ready endpoints" -j REJECT`,
  )
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-POSTROUTING - [0:0]',
    '-A PREROUTING -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-SERVICES',
    '-A POSTROUTING -j KUBE-POSTROUTING',
    ...nat,
    ...hairpin,
    'COMMIT',
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':KUBE-SERVICES - [0:0]',
    '-A FORWARD -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-SERVICES',
    ...reject,
    'COMMIT',
    '',
  ].join('\n')
}
