/** Binds a server to its address, also on a machine without IPv6. */
import type { AddressInfo, Server } from 'node:net'

/** A server of Fastify's, as far as it is needed here. */
export interface App {
  listen(at: { host: string; port: number }): Promise<unknown>
  readonly server: { address(): unknown }
}

export interface Bound {
  host: string
  port: number
}

/** `::` takes both families, and becomes all of IPv4 where there is no IPv6. */
export async function listen(app: App, host: string, port: number): Promise<Bound> {
  await orIpv4(host, (address) => app.listen({ host: address, port }))
  const bound = app.server.address() as AddressInfo
  return { host: bound.address, port: bound.port }
}

/** As `listen`, for a server of Node's own. */
export function listenOn(server: Server, host: string, port: number): Promise<void> {
  return orIpv4(
    host,
    (address) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host: address, port }, () => {
          server.off('error', reject)
          resolve()
        })
      }),
  )
}

async function orIpv4(host: string, bind: (host: string) => Promise<unknown>): Promise<void> {
  try {
    await bind(host)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (host !== '::' || !['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(code)) throw error
    await bind('0.0.0.0')
  }
}
