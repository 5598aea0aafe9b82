/** Opens one HTTPS server on several addresses, and closes them all. */

import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Port 0 takes a free one. */
export type ListenAddress = { host: string; port: number } | { path: string }

export interface Listeners {
  /** The addresses as they were bound, in the order asked for. */
  addresses: ListenAddress[]
  close(): Promise<void>
}

export interface Handlers {
  request: RequestListener
  /** Of a request that asks for another protocol. */
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** Rejects, with nothing left open, if one of the addresses cannot be had. */
export async function listen(
  addresses: readonly ListenAddress[],
  tls: { cert: string; key: string },
  handlers: Handlers,
): Promise<Listeners> {
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const close = async () => {
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
    // Watches never end by themselves.
    for (const socket of sockets) socket.destroy()
    await Promise.all(closed)
  }
  try {
    const bound: ListenAddress[] = []
    for (const address of addresses) {
      const server = createServer({ ...tls, ALPNProtocols: ['http/1.1'] }, handlers.request)
      server.on('upgrade', handlers.upgrade)
      // Watches last as long as their client wants; a request's own limit is its client's too.
      server.requestTimeout = 0
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
      })
      servers.push(server)
      bound.push(await bind(server, address))
    }
    return { addresses: bound, close }
  } catch (error) {
    await close()
    throw error
  }
}

function bind(server: Server, address: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const where = 'path' in address ? address.path : `${address.host}:${address.port}`
    server.once('error', (error) =>
      reject(
        new Error(`the API server cannot listen on ${where}: ${error.message}`, { cause: error }),
      ),
    )
    server.listen(address, () => {
      if ('path' in address) return resolve(address)
      resolve({ host: address.host, port: (server.address() as AddressInfo).port })
    })
  })
}
