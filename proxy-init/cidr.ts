/** CIDRs in the one spelling that iptables-save uses, so that plans and kernel can be compared. */
import { isIP } from 'node:net'

export type Family = 'ipv4' | 'ipv6'

export interface Cidr {
  family: Family
  /** The network's address, host bits cleared, in canonical spelling. */
  address: string
  /** Length of the prefix in bits: 0 to 32, or 0 to 128. */
  prefix: number
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a bare address (one host); null if it is none of these. */
export function parseCidr(text: string): Cidr | null {
  const [host = '', length, ...rest] = text.split('/')
  const version = host.includes('%') ? 0 : isIP(host)
  if (version === 0 || rest.length > 0) return null
  const bits = version === 4 ? 32 : 128
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return null
  const prefix = length === undefined ? bits : Number(length)
  if (prefix > bits) return null
  const value = version === 4 ? valueOfIpv4(host) : valueOfIpv6(host)
  const network = (value >> BigInt(bits - prefix)) << BigInt(bits - prefix)
  return version === 4
    ? { family: 'ipv4', address: formatIpv4(network), prefix }
    : { family: 'ipv6', address: formatIpv6(network), prefix }
}

/** `address/prefix`, as iptables-save prints it. */
export const formatCidr = (cidr: Cidr): string => `${cidr.address}/${cidr.prefix}`

function valueOfIpv4(address: string): bigint {
  return address.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function valueOfIpv6(address: string): bigint {
  // The URL parser turns every spelling (also an IPv4 tail) into hexadecimal groups and one `::`.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].reduce(
    (value, group) => (value << 16n) | BigInt(`0x${group}`),
    0n,
  )
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
}

function formatIpv6(value: bigint): string {
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) =>
    ((value >> shift) & 0xffffn).toString(16),
  )
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}
