/** Remembers the last decision of a connection: its requests mostly have the same context. */
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
    known = decideOutbound(table, destination, space)
    return known
  }
}
