/** Decides what happens to a request that the app sends out. */
import type { Context } from '../core/context.ts'
import { decideOutbound } from '../core/routing.ts'
import type { Address, RoutingTable } from '../core/routing-table.ts'
import type { HeaderList } from '../core/trace-record.ts'
import { authorityOf } from './authority.ts'
import type { NamedServices } from './dns-fallback.ts'
import type { ExchangePlan, PlanExchange } from './exchange.ts'
import { decisionsTo } from './known-decision.ts'
import type { ExchangeFacts, RecordExchange } from './recorder.ts'
import { contextOfHead, type Identity, originSpaceOf, saidBy, traceIdsOf } from './request-facts.ts'
import { type DecideAgain, sendOn } from './send-on.ts'
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
  const { table } = deps
  const decide = decisionsTo(table, destination)
  // A refused connection is no time for what was decided before, nor for the same endpoint again.
  const decideAgain = ({ space }: Context) => decideOutbound(table, destination, space)
  return (head): ExchangePlan => {
    const said = saidBy(head)
    const ids = traceIdsOf(head, said)
    const context = contextOfHead(head, {
      // A trace id that we have just made up cannot be remembered.
      traceSpace: ids.parentSpanId === null ? null : deps.memory.spaceOf(ids.traceId),
      originSpace: originSpaceOf(deps.identity, table),
    })
    // Without a table the connection has asked DNS, and the host decides.
    const byName =
      table.version === null && decidesByName(connection, authorityOf(head, said), table)
    const decision = byName ? byName(context) : decide(context.space)
    const facts: ExchangeFacts = {
      direction: 'outbound',
      head,
      ids,
      hop: said.hop ?? 0,
      service: null,
      context,
      decision,
      originalDestination: destination,
      client,
    }
    if (decision.service === null) {
      const recorder = deps.record(facts)
      return { kind: 'forward', target: decision.target, setHeaders: NONE, recorder }
    }
    return sendOn(facts, said, deps.record, byName || decideAgain)
  }
}

const NONE: HeaderList = []

/** Before the first table: what DNS says about the host. */
function decidesByName(
  { destination, named }: OutboundConnection,
  authority: string | null,
  table: RoutingTable,
): DecideAgain {
  return ({ space: context }) => {
    if (table.version !== null) return decideOutbound(table, destination, context)
    const found = named?.(authority, context) ?? null
    if (!found) return { reason: 'no-table', target: destination, service: null, tried: [] }
    const { ip, space, name, tried } = found
    const service = { space, name, port: destination.port }
    return { reason: 'no-table', target: { ip, port: destination.port }, service, tried }
  }
}
