/** Servers with certificates of an authority of the test's. */
import net from 'node:net'
import tls from 'node:tls'
import { createAuthority, createLeaf, type KeyPair } from '../../core/authority/certificate.ts'

const HOUR_MS = 3_600_000

export function authority(subject = 'azds test authority'): Promise<KeyPair> {
  return createAuthority({ subject, lifeMs: HOUR_MS, now: new Date() })
}

/** @param startsAt when it was made; a certificate lives an hour */
export function leaf(of: KeyPair, names: string[], startsAt = Date.now()): Promise<KeyPair> {
  return createLeaf(of, { names, lifeMs: HOUR_MS, now: new Date(startsAt) })
}

export interface TlsFront {
  port: number
  /** Connections on which TLS stood. */
  readonly secured: number
  /** Shows another certificate to who comes next. */
  show(pair: KeyPair): void
  close(): Promise<void>
}

/** A server that takes TLS off and passes all on to a plain one on loopback. */
export async function tlsFront(
  pair: KeyPair,
  plainPort: number,
  options: tls.TlsOptions = {},
): Promise<TlsFront> {
  const sockets = new Set<net.Socket>()
  let secured = 0
  const server = tls.createServer(
    { cert: pair.cert, key: pair.key, allowHalfOpen: true, ...options },
    (socket) => {
      secured++
      const plain = net.connect({ port: plainPort, host: '127.0.0.1', allowHalfOpen: true })
      for (const one of [socket, plain]) {
        sockets.add(one)
        one.on('error', () => {})
      }
      socket.pipe(plain).pipe(socket)
      socket.on('close', () => plain.destroy())
      plain.on('close', (failed) => (failed ? socket.destroy() : socket.end()))
    },
  )
  // Those too on which TLS never stood.
  server.on('connection', (socket: net.Socket) => sockets.add(socket))
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    get secured() {
      return secured
    },
    show: ({ cert, key }) => server.setSecureContext({ cert, key }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
