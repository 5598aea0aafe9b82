/** Calls the webhook as an API server does: by its name, trusting only what the live configuration holds. */
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'

/** An answer of our own process takes milliseconds; a machine that stands still gets this long (ms). */
const DIAL_MS = 5000

/**
 * Makes one TLS handshake with ourselves.
 * @param ca the bundle (PEM) by which an API server would judge
 * @returns null if it would be served, otherwise why not
 */
export function selfDial(
  address: AddressInfo,
  servername: string,
  ca: string,
): Promise<string | null> {
  if (ca === '') return Promise.resolve('the configuration trusts nobody')
  return new Promise((resolve) => {
    const end = (fault: string | null) => {
      socket.destroy()
      resolve(fault)
    }
    const socket = connect({ host: reachable(address), port: address.port, servername, ca })
    socket.setTimeout(DIAL_MS, () => end('no answer in time'))
    socket.once('secureConnect', () => end(null))
    socket.once('error', (error) => end(error.message))
  })
}

/**
 * A wildcard is no address to call. One of IPv6 takes IPv4 too, and 127.0.0.1 is in every pod; `::1` is not where
 * disable_ipv6 is set, as runtimes of clusters with IPv4 alone do, although `::` can be bound there.
 */
function reachable({ address }: AddressInfo): string {
  return ['::', '0.0.0.0'].includes(address) ? '127.0.0.1' : address
}
