/**
 * Remembers decisions: the requests of a connection mostly have the same context, and so have the first ones
 * of the connections to a destination.
 */
import { type Decision, decideOutbound } from '../core/routing.ts'
import type { Address, RoutingTable } from '../core/routing-table.ts'

/**
 * Decides for one destination; what was decided for a context stands for as long as the table does. So
 * the requests of one connection to a headless service go to one endpoint, as they would directly.
 */
export function decisionsTo(
  table: RoutingTable,
  destination: Address,
): (space: string | null) => Decision {
  let revision = -1
  let known: Decision | null = null
  let knownSpace: string | null = null
  return (space) => {
    if (known !== null && revision === table.revision && knownSpace === space) return known
    revision = table.revision
    knownSpace = space
    known = sharedDecision(table, destination, space)
    return known
  }
}

/** Most destinations of which the last decision is remembered, 500 bytes each: more than a pod calls. */
const MOST_SHARED = 256

interface Shared {
  /** Of the table for which they hold. */
  revision: number
  byDestination: Map<Address, { space: string | null; decision: Decision }>
}

const sharedOf = new WeakMap<RoutingTable, Shared>()

/** The same for all connections to a destination, as long as nothing is chosen anew for each. */
function sharedDecision(table: RoutingTable, destination: Address, space: string | null): Decision {
  let shared = sharedOf.get(table)
  if (shared?.revision !== table.revision) {
    shared = { revision: table.revision, byDestination: new Map() }
    sharedOf.set(table, shared)
  }
  const { byDestination } = shared
  const known = byDestination.get(destination)
  if (known !== undefined && known.space === space) return known.decision
  const decision = decideOutbound(table, destination, space)
  if (isChosenAnew(table, destination, decision)) return decision
  if (byDestination.size >= MOST_SHARED) byDestination.clear()
  byDestination.set(destination, { space, decision })
  return decision
}

/** Each connection to a headless service of another space gets one of its endpoints. */
function isChosenAnew(
  table: RoutingTable,
  destination: Address,
  { target, service }: Decision,
): boolean {
  if (target === destination || service === null) return false
  return !table.service(service.space, service.name)?.clusterIPs.length
}
