/**
 * The tree that the proxy's tests route in: root `dev` with children `alice` and `bob`, and another
 * root `shop`. `orders` runs in dev and alice, `stock` in dev alone, `pay` in shop.
 */
import type { FeedMessage, FeedService } from '../../core/routing-feed.ts'
import { RoutingTable } from '../../core/routing-table.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { createRecordExchange, type RecordExchange } from '../../proxy/recorder.ts'
import type { Identity } from '../../proxy/request-facts.ts'

export const ADDRESS = {
  devOrders: { ip: '10.96.0.1', port: 80 },
  devStock: { ip: '10.96.0.2', port: 80 },
  aliceOrders: { ip: '10.96.1.1', port: 80 },
  shopPay: { ip: '10.96.2.1', port: 80 },
  internet: { ip: '93.184.216.34', port: 80 },
  /** A pod of `orders`, where the app listens. */
  pod: { ip: '10.244.0.7', port: 8080 },
  client: { ip: '10.244.0.9', port: 40000 },
} as const

export function service(
  space: string,
  name: string,
  ip: string,
  { ready = 1, appProtocol = '' } = {},
): FeedService {
  const port = { name: 'http', port: 80, appProtocol, ready, endpoints: [] }
  return { space, name, clusterIPs: [ip], ports: [port] }
}

export function snapshot(
  changes: Partial<FeedMessage & { type: 'snapshot' }> = {},
): FeedMessage & { type: 'snapshot' } {
  return {
    type: 'snapshot',
    version: { epoch: 'e1', number: 1 },
    spaces: [
      { name: 'dev', parent: null },
      { name: 'alice', parent: 'dev' },
      { name: 'bob', parent: 'dev' },
      { name: 'shop', parent: null },
    ],
    services: [
      service('dev', 'orders', ADDRESS.devOrders.ip),
      service('dev', 'stock', ADDRESS.devStock.ip),
      service('alice', 'orders', ADDRESS.aliceOrders.ip),
      service('shop', 'pay', ADDRESS.shopPay.ip),
    ],
    self: [{ service: 'orders', port: 80, targetPort: ADDRESS.pod.port }],
    ...changes,
  }
}

export function tableOf(message: FeedMessage | null = snapshot()): RoutingTable {
  const table = new RoutingTable()
  if (message) table.apply(message)
  return table
}

export function identity(space: string, spaceChain: string[] = [space]): Identity {
  return { space, pod: 'orders-1', workload: 'orders', spaceChain }
}

/** Records as the proxy does, into a list. */
export function recordInto(
  records: TraceRecord[],
  who: Identity,
  { bodyBytes = 0, now = (): number => 0 } = {},
): RecordExchange {
  return createRecordExchange({
    identity: who,
    now,
    bodyBytes,
    tracing: true,
    finished: (exchange) => records.push(JSON.parse(exchange.keep().json())),
  })
}
