/** The text of a pod's /etc/resolv.conf and /etc/hosts. */
import { NETWORK } from './addresses.ts'
import type { PodView } from './pod-view.ts'

/** Search list and name server as `dnsPolicy: ClusterFirst` gives them; `dnsConfig` is appended. */
export function resolvConf(pod: PodView): string {
  const { dnsPolicy = 'ClusterFirst', dnsConfig = {} } = pod.spec
  const own = dnsPolicy !== 'None'
  const domain = NETWORK.clusterDomain
  const searches = [
    ...(own ? [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain] : []),
    ...(dnsConfig.searches ?? []),
  ]
  const servers = [...(own ? [NETWORK.dnsIp] : []), ...(dnsConfig.nameservers ?? [])]
  const options = new Map(own ? [['ndots', '5']] : [])
  for (const { name, value = '' } of dnsConfig.options ?? []) options.set(name, value)
  const optionList = [...options].map(([name, value]) => (value === '' ? name : `${name}:${value}`))
  return [
    ...(searches.length > 0 ? [`search ${[...new Set(searches)].join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(optionList.length > 0 ? [`options ${optionList.join(' ')}`] : []),
    '',
  ].join('\n')
}

/** @param ips of the pod, IPv4 first */
export function hostsFile(pod: PodView, ips: readonly string[]): string {
  const hostname = hostnameOf(pod)
  const { subdomain } = pod.spec
  const full = subdomain
    ? `${hostname}.${subdomain}.${pod.metadata.namespace}.svc.${NETWORK.clusterDomain}\t`
    : ''
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...ips.map((ip) => `${ip}\t${full}${hostname}`),
    ...(pod.spec.hostAliases ?? []).map(
      ({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`,
    ),
    '',
  ].join('\n')
}

/** The kernel's limit for a host name is 64 bytes; Kubernetes cuts a pod's at 63. */
export function hostnameOf(pod: PodView): string {
  return (pod.spec.hostname ?? pod.metadata.name ?? 'pod').slice(0, 63).replace(/[.-]+$/, '')
}
