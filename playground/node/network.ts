/**
 * The node's network as text for `ip -batch`: pure plans. Pods have /32 addresses and reach even their
 * neighbours through the node, so that connection tracking sees every packet of a service connection
 * in both directions (on a plain bridge the answers would bypass it, unless br_netfilter is loaded).
 */
import { NETWORK } from './addresses.ts'

/** Commands for the node's own namespace: loopback with the API's and the DNS's address, bridge, routes. */
export function nodeLinkCommands(ipv6: boolean): string {
  const { bridge, nodeIp, nodeIp6, apiIp, dnsIp, serviceCidr } = NETWORK
  return lines([
    'link set lo up',
    `addr add ${apiIp}/32 dev lo`,
    `addr add ${dnsIp}/32 dev lo`,
    // A fixed hardware address: by default a bridge takes the lowest of its ports', which changes.
    `link add ${bridge} address 02:00:0a:f4:00:01 type bridge`,
    `addr add ${nodeIp}/24 dev ${bridge}`,
    ipv6 ? `addr add ${nodeIp6}/64 dev ${bridge} nodad` : '',
    `link set ${bridge} up`,
    // Without a route, connect() to a cluster IP would fail before DNAT can see the packet.
    `route add ${serviceCidr} dev ${bridge} src ${nodeIp}`,
  ])
}

/**
 * Settings that only kernels with br_netfilter have: it would hand a connection to a service over at the
 * bridge, below the routing, and drop one that leads back to the pod it came from.
 */
export const BRIDGE_SYSCTLS: Readonly<Record<string, string>> = {
  'net/bridge/bridge-nf-call-iptables': '0',
  'net/bridge/bridge-nf-call-ip6tables': '0',
}

/** Kernel settings of the node's namespace: path below /proc/sys → value. */
export function nodeSysctls(ipv6: boolean): Record<string, string> {
  return {
    'net/ipv4/ip_forward': '1',
    // Packets between pods leave by the interface they came in; no host needs to be told.
    'net/ipv4/conf/all/send_redirects': '0',
    'net/ipv4/conf/default/send_redirects': '0',
    'net/ipv4/conf/all/rp_filter': '0',
    ...(ipv6 && { 'net/ipv6/conf/all/forwarding': '1' }),
  }
}

/** Commands in the node: a veth pair whose far end is put into the namespace of process `pid`. */
export function podLinkCommands(host: string, pid: number): string {
  return lines([
    `link add ${host} type veth peer name eth0 netns ${pid}`,
    `link set ${host} master ${NETWORK.bridge} up`,
  ])
}

/** Commands inside the pod's namespace. */
export function podAddressCommands(octet: number, ipv6: boolean): string {
  const { nodeIp, nodeIp6 } = NETWORK
  return lines([
    'link set lo up',
    `addr add ${podIp(octet)}/32 dev eth0`,
    ipv6 ? `addr add ${podIp6(octet)}/128 dev eth0 nodad` : '',
    'link set eth0 up',
    `route add ${nodeIp} dev eth0 scope link`,
    `route add default via ${nodeIp} dev eth0`,
    ipv6 ? `route add ${nodeIp6}/128 dev eth0` : '',
    ipv6 ? `route add ::/0 via ${nodeIp6} dev eth0` : '',
  ])
}

export const podIp = (octet: number): string => `${NETWORK.podPrefix}${octet}`
export const podIp6 = (octet: number): string => `${NETWORK.podPrefix6}${octet.toString(16)}`

function lines(commands: string[]): string {
  return `${commands.filter((command) => command !== '').join('\n')}\n`
}
