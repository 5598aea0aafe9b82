/**
 * Prometheus' own port. It is not that of admission, which every pod may connect to because the API server's address is
 * no pod's: a NetworkPolicy tells ports apart, and no paths.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { boundConnections } from '../core/bounded-connections.ts'
import { listenOn } from '../core/listen.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from './metrics.ts'

export interface MetricsServer {
  port: number
  close(): void
}

/** A few scrapers, and who looks. */
const MAX_CONNECTIONS = 64

/** Resolves once it listens; rejects if the port is taken. */
export async function serveMetrics(
  metrics: Pick<Metrics, 'render'>,
  { address, port }: { address: string; port: number },
  log: Log,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?')
    if (path !== '/metrics' || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(404).end()
      return
    }
    metrics.render().then(
      ({ type, text }) => response.writeHead(200, { 'content-type': type }).end(text),
      (error: Error) => {
        log.error({ error: error.stack }, 'metrics cannot be rendered')
        response.writeHead(500).end()
      },
    )
  })
  boundConnections(server, { most: MAX_CONNECTIONS, now: () => performance.now(), log })
  await listenOn(server, address, port)
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
