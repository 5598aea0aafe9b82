/** Bounds the connections of a server that everybody can reach, so that those few whom it is there for get in. */
import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import { FairShare, type Share } from './fair-share.ts'
import type { Log } from './log.ts'

export interface ConnectionLimits {
  /** Most connections at once, with those that have not ended their handshake. */
  most: number
  /** Told of each that is not taken, or is closed for another's sake. */
  onClosed?: () => void
  /** Milliseconds, of a clock that never goes back. */
  now: () => number
  log: Log
}

/** Whose connections are closed is told once in this time (ms). */
const TELL_EVERY_MS = 10_000

/**
 * Where there are too many, the address that has most loses: the one that comes, if it is of that address, or else that
 * one's connection that has had no request for longest. Whom a server is there for has few, and uses them.
 */
export function boundConnections(server: Server, limits: ConnectionLimits): void {
  const connections = new FairShare(limits.most)
  const shares = new Map<string, Share>()
  const tell = teller(limits)
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address } = socket
    // It has gone already.
    if (address === undefined) return void socket.destroy()
    const key = keyOf(socket)
    const drop = () => {
      socket.destroy()
      tell(address)
    }
    const share = connections.open(address, drop)
    if (!share.grow(1)) return drop()
    shares.set(key, share)
    socket.once('close', () => {
      share.release()
      if (shares.get(key) === share) shares.delete(key)
    })
  })
  // With TLS the request's socket is another one than that below it, of the same two addresses.
  server.on('request', ({ socket }: IncomingMessage) => shares.get(keyOf(socket))?.touch())
}

/** Unique among those that are open: the kernel has one of each pair of addresses. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function teller({ most, onClosed, now, log }: ConnectionLimits): (address: string) => void {
  let closed = 0
  let toldAt = Number.NEGATIVE_INFINITY
  return (address) => {
    onClosed?.()
    closed += 1
    if (now() - toldAt < TELL_EVERY_MS) return
    log.warn({ address, closed, most }, 'too many connections: the address with most loses some')
    toldAt = now()
    closed = 0
  }
}
