/** The cluster's addresses: fixed ones, and those that pods take and give back. */

export const NETWORK = {
  bridge: 'cni0',
  /** The node: gateway of every pod, and where probes come from. */
  nodeIp: '10.244.0.1',
  nodeIp6: 'fd00:10:244::1',
  podPrefix: '10.244.0.',
  podPrefix6: 'fd00:10:244::',
  podCidr: '10.244.0.0/24',
  podCidr6: 'fd00:10:244::/64',
  serviceCidr: '10.96.0.0/16',
  apiIp: '10.96.0.1',
  apiPort: 443,
  dnsIp: '10.96.0.10',
  clusterDomain: 'cluster.local',
} as const

export const NODE_NAME = 'playground'

/** Last octets that pods may have: .1 is the node, .255 the broadcast address. */
const FIRST = 2
const LAST = 254

/** Hands out last octets. A returned one comes last in the queue, so that no address is used again at once. */
export class AddressPool {
  readonly #free = Array.from({ length: LAST - FIRST + 1 }, (_, index) => FIRST + index)

  /** Takes an octet; null when all 253 are in use. */
  take(): number | null {
    return this.#free.shift() ?? null
  }

  giveBack(octet: number): void {
    this.#free.push(octet)
  }
}
