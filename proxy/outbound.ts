/** Decides what happens to a request that the app sends out. */
import { type Decision, decideOutbound } from '../core/routing.ts'
import type { Address, RoutingTable } from '../core/routing-table.ts'
import { requestAddress } from './authority.ts'
import type { NamedServices } from './dns-fallback.ts'
import type { ExchangePlan, PlanExchange, RequestHead } from './exchange.ts'
import type { RecordExchange } from './recorder.ts'
import { contextOfHead, hopOf, type Identity, originSpaceOf, traceIdsOf } from './request-facts.ts'
import { sendOn } from './send-on.ts'
import type { TraceMemory } from './trace-memory.ts'

export interface OutboundDeps {
  identity: Identity
  table: RoutingTable
  memory: TraceMemory
  record: RecordExchange
}

export interface OutboundConnection {
  client: Address
  destination: Address
  /** What DNS says about a host, where no table has come yet; null if it was not asked. */
  named: NamedServices | null
}

/**
 * Makes the plan for the requests of one connection.
 *
 * | destination           | headers                  | target                        |
 * |-----------------------|--------------------------|-------------------------------|
 * | service of a space    | as `sendOn` writes       | as `decideOutbound` says      |
 * | anything else         | not a byte is changed    | the original destination      |
 */
export function planOutbound(connection: OutboundConnection, deps: OutboundDeps): PlanExchange {
  const { client, destination } = connection
  return (head): ExchangePlan => {
    const ids = traceIdsOf(head)
    const context = contextOfHead(head, {
      // A trace id that we have just made up cannot be remembered.
      traceSpace: ids.parentSpanId === null ? null : deps.memory.spaceOf(ids.traceId),
      originSpace: originSpaceOf(deps.identity, deps.table),
    })
    const decideNow = () => decide(connection, deps.table, head, context.space)
    const decision = decideNow()
    const request = {
      direction: 'outbound' as const,
      head,
      ids,
      context,
      decision,
      originalDestination: destination,
      client,
    }
    if (decision.service !== null) return sendOn(request, deps.record, decideNow)
    const recorder = deps.record({ ...request, hop: hopOf(head) ?? 0, service: null })
    return { kind: 'forward', target: decision.target, setHeaders: [], recorder }
  }
}

function decide(
  { destination, named }: OutboundConnection,
  table: RoutingTable,
  head: RequestHead,
  context: string | null,
): Decision {
  if (table.version !== null) return decideOutbound(table, destination, context)
  const found = named?.(requestAddress(head).authority, context) ?? null
  if (!found) return { reason: 'no-table', target: destination, service: null, tried: [] }
  const { ip, space, name, tried } = found
  const service = { space, name, port: destination.port }
  return { reason: 'no-table', target: { ip, port: destination.port }, service, tried }
}
