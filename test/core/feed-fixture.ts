/** Small builders for feed messages, so that a test shows only what matters to it. */
import type { FeedMessage, FeedPort, FeedService } from '../../core/routing-feed.ts'
import { RoutingTable } from '../../core/routing-table.ts'

/** A port 80 with one ready endpoint unless told otherwise. */
export function feedPort(change: Partial<FeedPort> = {}): FeedPort {
  return { name: '', port: 80, appProtocol: '', ready: 1, endpoints: [], ...change }
}

/** `feedService('dev/web', ['10.96.0.1'])`. */
export function feedService(
  key: string,
  clusterIPs: string[],
  ports: FeedPort[] = [feedPort()],
): FeedService {
  const [space = '', name = ''] = key.split('/')
  return { space, name, clusterIPs, ports }
}

type Snapshot = Extract<FeedMessage, { type: 'snapshot' }>

/** A snapshot of spaces as `{ alice: 'dev', dev: null }`. */
export function snapshot(
  parents: Record<string, string | null>,
  services: FeedService[],
  self: Snapshot['self'] = [],
): Snapshot {
  const spaces = Object.entries(parents).map(([name, parent]) => ({ name, parent }))
  return { type: 'snapshot', version: { epoch: 'e', number: 1 }, spaces, services, self }
}

export function tableOf(message: FeedMessage): RoutingTable {
  const table = new RoutingTable()
  table.apply(message)
  return table
}
