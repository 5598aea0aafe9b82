/** How much Linux takes of what nobody reads: other machines have other limits. */
import { readFileSync } from 'node:fs'

/** Most bytes that may be under way in so many connections whose receivers have stopped. */
export function mostUnderWay(connections: number): number {
  return connections * (largest('tcp_rmem') + largest('tcp_wmem'))
}

/** The file has least, default and most. */
function largest(file: 'tcp_rmem' | 'tcp_wmem'): number {
  return Number(readFileSync(`/proc/sys/net/ipv4/${file}`, 'utf8').trim().split(/\s+/)[2])
}
