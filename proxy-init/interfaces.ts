/** What the pod's network interfaces say about its address families. */
import type { NetworkInterfaceInfo } from 'node:os'

/** True if some interface has an IPv6 address that other machines could reach: not loopback, not fe80::/10. */
export function hasIpv6Address(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): boolean {
  return Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, internal, address }) => {
      return family === 'IPv6' && !internal && !/^fe[89ab]/i.test(address)
    })
}
