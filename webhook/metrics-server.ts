/**
 * Prometheus' own port. It is not that of admission, which every pod may connect to because the API server's address is
 * no pod's: a NetworkPolicy tells ports apart, and no paths.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '../core/log.ts'
import type { Metrics } from './metrics.ts'

export interface MetricsServer {
  port: number
  close(): void
}

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
  await listen(server, address, port)
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** `::` takes both families, and becomes all of IPv4 where there is no IPv6. */
async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await bind(server, host, port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT' || host !== '::') throw error
    await bind(server, '0.0.0.0', port)
  }
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
