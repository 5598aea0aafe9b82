/** The routing decision: where a request goes, and why. Pure; every reason is a value. */
import { ROUTE_REASON, type RouteReason, type Tried } from './route-reason.ts'
import type { FeedService } from './routing-feed.ts'
import {
  type Address,
  formatAddress,
  parseAddress,
  type RoutingTable,
  type ServicePort,
} from './routing-table.ts'

export { ROUTE_REASON, type RouteReason, type Tried }

export interface Decision {
  reason: RouteReason
  /** Where to dial. */
  target: Address
  /** Service and space that the target stands for; null if it is no service of a space. */
  service: { space: string; name: string; port: number } | null
  /** The chain as it was searched; empty where nothing was searched. */
  tried: Tried[]
}

/**
 * Decides where a request goes that a pod sends out to `destination`.
 *
 * | destination is a service of a space | context | context is in the service's tree | first of C, parent(C), …, root with name, port and a ready endpoint | target | reason |
 * |---|---|---|---|---|---|
 * | no  | any  | –   | –                          | original   | not-a-space-service |
 * | yes | none | –   | –                          | original   | no-context |
 * | yes | C    | no  | –                          | original   | other-tree |
 * | yes | C    | yes | none                       | original   | none-ready |
 * | yes | C    | yes | C itself, C has a parent   | C's        | child |
 * | yes | C    | yes | C itself, C is a root      | C's        | root |
 * | yes | C    | yes | ancestor; a nearer one has it, not ready | ancestor's | fallback-not-ready |
 * | yes | C    | yes | ancestor; no nearer one has it           | ancestor's | fallback-absent |
 */
export function decideOutbound(
  table: RoutingTable,
  destination: Address,
  context: string | null,
): Decision {
  const found = table.serviceAt(destination)
  if (!found) return keep(destination, 'not-a-space-service', null)
  return decideForService(table, found, destination, context)
}

/**
 * Decides for a request that reached this pod from outside, on one of its own ports: deliver it
 * here (`local`, or the reason that made it so), or send it to the version that its context asks for.
 *
 * @param own the service port of this pod's space that selects this pod, and where the app listens
 */
export function decideInbound(
  table: RoutingTable,
  own: ServicePort | null,
  app: Address,
  context: string | null,
): Decision {
  if (!own) return keep(app, 'not-a-space-service', null)
  const decision = decideForService(table, own, app, context)
  if (decision.service?.space !== own.service.space) return decision
  const stays = decision.reason === 'child' || decision.reason === 'root'
  return { ...decision, target: app, reason: stays ? 'local' : decision.reason }
}

function decideForService(
  table: RoutingTable,
  found: ServicePort,
  original: Address,
  context: string | null,
): Decision {
  if (context === null) return keep(original, 'no-context', found)
  const root = table.root(context)
  if (root === null || root !== table.root(found.service.space)) {
    return keep(original, 'other-tree', found)
  }
  const chain = table.chain(context)?.names ?? []
  const tried: Tried[] = []
  for (const space of chain) {
    const { step, chosen } = tryVersion(table.service(space, found.service.name), space, found)
    tried.push(step)
    if (!chosen) continue
    const target = addressOf(chosen, original)
    return { reason: reasonFor(tried, chain.length), target, service: identify(chosen), tried }
  }
  return { ...keep(original, 'none-ready', found), tried }
}

function tryVersion(
  version: FeedService | null,
  space: string,
  wanted: ServicePort,
): { step: Tried; chosen: ServicePort | null } {
  if (!version) return { step: { space, outcome: 'absent' }, chosen: null }
  const port = version.ports.find((candidate) => candidate.port === wanted.port.port)
  if (!port) return { step: { space, outcome: 'no-port' }, chosen: null }
  if (port.ready === 0) return { step: { space, outcome: 'not-ready' }, chosen: null }
  return { step: { space, outcome: 'chosen' }, chosen: { service: version, port } }
}

function reasonFor(tried: Tried[], chainLength: number): RouteReason {
  if (tried.length === 1) return chainLength === 1 ? 'root' : 'child'
  const notReady = tried.some((step) => step.outcome === 'not-ready')
  return notReady ? 'fallback-not-ready' : 'fallback-absent'
}

/**
 * Where a chosen version is dialled: the original address if it is that version's own (so that the
 * caller's choice of endpoint or family stands), else its cluster IP of the same family, else for a
 * headless service one of its ready endpoints.
 */
function addressOf({ service, port }: ServicePort, original: Address): Address {
  const originalText = formatAddress(original)
  if (port.endpoints.includes(originalText)) return original
  const isV6 = original.ip.includes(':')
  const ip =
    service.clusterIPs.find((candidate) => candidate === original.ip) ??
    service.clusterIPs.find((candidate) => candidate.includes(':') === isV6) ??
    service.clusterIPs[0]
  if (ip !== undefined) return { ip, port: port.port }
  const endpoint = port.endpoints[Math.floor(Math.random() * port.endpoints.length)]
  return (endpoint && parseAddress(endpoint)) || original
}

function keep(target: Address, reason: RouteReason, found: ServicePort | null): Decision {
  return { reason, target, service: found && identify(found), tried: [] }
}

function identify({ service, port }: ServicePort): NonNullable<Decision['service']> {
  return { space: service.space, name: service.name, port: port.port }
}
