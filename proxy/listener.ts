/** Accepts connections and finds out where each of them meant to go. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Log } from '../core/log.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import type { Arrival } from './connection.ts'
import type { FindOriginalDestination } from './original-destination.ts'
import { acceptStream, CONNECTION_FAULT } from './socket-stream.ts'
import { DEAF } from './stream.ts'

export interface ListenerOptions {
  port: number
  /** Address to listen on; all of both families if absent. */
  host?: string | undefined
  /** Null for a gateway, to which clients connect on purpose. */
  originalDestination: FindOriginalDestination | null
  /** Whether an address is one of this proxy's own listeners. */
  isOwn: (address: Address) => boolean
  onArrival: (arrival: Arrival) => void
  log: Log
}

export interface Listener {
  address: Address
  /** Stops accepting; open connections go on. */
  close(): void
}

/**
 * Connections that the kernel keeps until they are accepted. Linux' own bound (somaxconn) is 4096
 * since 5.4 and cuts what is asked for; a sidecar must not refuse what the app would have taken.
 */
const BACKLOG = 4096

/** Rejects if the port cannot be had. */
export function listen(options: ListenerOptions): Promise<Listener> {
  const { port, host, log } = options
  const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket, options))
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new Error(`cannot listen on port ${port}: ${cause.message}`, { cause }))
    })
    server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
      server.removeAllListeners('error')
      server.on('error', (error) => log.error({ port, error: error.message }, 'accept failed'))
      resolve({ address: addressOf(server), close: () => server.close() })
    })
  })
}

function addressOf(server: Server): Address {
  const { address, port } = server.address() as AddressInfo
  return { ip: address, port }
}

function accept(socket: Socket, options: ListenerOptions): void {
  const { originalDestination, isOwn, onArrival, log } = options
  const local = { ip: unmapped(socket.localAddress ?? ''), port: socket.localPort ?? 0 }
  const original = originalDestination?.(socket) ?? null
  const client = acceptStream(socket, (err) => {
    log.error({ err, client: socket.remoteAddress, local }, CONNECTION_FAULT)
  })
  if (original?.kind === 'failed') {
    log.warn(
      { client: formatAddress(client.remote), problem: original.message },
      'connection refused: its destination is unknown',
    )
    client.listen(DEAF)
    client.reset()
    return
  }
  if (original?.kind !== 'redirected') {
    onArrival({ client, destination: local, loop: original !== null })
    return
  }
  const { destination } = original
  onArrival({ client, destination, loop: isOwn(destination) || isSame(destination, local) })
}

function isSame(a: Address, b: Address): boolean {
  return a.port === b.port && a.ip === b.ip
}

function unmapped(ip: string): string {
  return ip.toLowerCase().startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip
}
