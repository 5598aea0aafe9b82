/** Decides what happens to a request that comes to the pod. */
import type { Context } from '../core/context.ts'
import { HEADER, MAX_HOPS } from '../core/names.ts'
import { type Decision, decideInbound } from '../core/routing.ts'
import type { Address, RoutingTable, ServicePort } from '../core/routing-table.ts'
import type { HeaderList } from '../core/trace-record.ts'
import { authorityOf } from './authority.ts'
import type { ExchangePlan, PlanExchange } from './exchange.ts'
import { type ExchangeFacts, type RecordExchange, silentRecorder } from './recorder.ts'
import { contextOfHead, type Identity, originSpaceOf, saidBy, traceIdsOf } from './request-facts.ts'
import { type DecideAgain, needsRouteAs, routeAsField, sendOn } from './send-on.ts'
import type { TraceMemory } from './trace-memory.ts'

export interface InboundDeps {
  identity: Identity
  table: RoutingTable
  memory: TraceMemory
  record: RecordExchange
}

export interface InboundConnection {
  client: Address
  /** Where the client meant to go: the pod's address, at which the app is dialled. */
  destination: Address
}

/**
 * Makes the plan for the requests of one connection.
 *
 * | request                                 | target                       | headers             |
 * |-----------------------------------------|------------------------------|---------------------|
 * | a Kubernetes probe                      | the app                      | none, and no record |
 * | a sidecar sent it (`azds-hop`)          | the app                      | as delivered        |
 * | from outside, this pod's version is due | the app                      | as delivered        |
 * | from outside, another version is due    | as `decideInbound` says      | as `sendOn` writes  |
 *
 * Delivered: `traceparent` always; `azds-route-as` where the space stands only in baggage, cookie or
 * host, which apps pass on less often than headers, and is of this pod's tree.
 */
export function planInbound(connection: InboundConnection, deps: InboundDeps): PlanExchange {
  const { client, destination } = connection
  const { identity, table } = deps
  let known: KnownOwner | null = null
  /** Whose port this is stands for the connection's last authority, as long as the table does. */
  const ownerFor = (authority: string | null): ServicePort | null => {
    if (known?.revision === table.revision && known.authority === authority) return known.own
    const own = ownServicePort(table, identity.space, destination.port, authority)
    known = { revision: table.revision, authority, own }
    return own
  }
  return (head): ExchangePlan => {
    const said = saidBy(head)
    if (said.isProbe) {
      return { kind: 'forward', target: destination, setHeaders: [], recorder: silentRecorder }
    }
    const ids = traceIdsOf(head, said)
    const { hop } = said
    const context = contextOfHead(head, {
      traceSpace: null,
      originSpace: originSpaceOf(deps.identity, deps.table),
    })
    const own = ownerFor(authorityOf(head, said))
    const arrival = { table, own, destination, hop }
    const decision = decide(arrival, context)
    const tagged = isTagged(context) && isOfTree(context.space, deps)
    if (tagged) deps.memory.remember(ids.traceId, context.space)

    const facts: ExchangeFacts = {
      direction: 'inbound',
      head,
      ids,
      hop: hop ?? 0,
      service: own?.service.name ?? deps.identity.workload,
      context,
      decision,
      originalDestination: destination,
      client,
    }
    if (decision.target !== destination)
      return sendOn(facts, said, deps.record, decideAgain(arrival))
    const { service } = facts
    const recorder = deps.record(facts)
    if (hop !== null && hop > MAX_HOPS) {
      const message = `the request to ${service} has passed ${hop} sidecars, and ${MAX_HOPS} is the most`
      return { kind: 'refuse', code: 'too-many-hops', message, recorder }
    }
    const setHeaders: HeaderList = [[HEADER.traceparent, ids.traceparent]]
    if (tagged && needsRouteAs(said, context.space)) setHeaders.push(routeAsField(context.space))
    return { kind: 'forward', target: destination, setHeaders, recorder }
  }
}

interface KnownOwner {
  /** Of the table in which it was found. */
  revision: number
  authority: string | null
  own: ServicePort | null
}

/**
 * The Service port of the pod's own space that selects this pod and leads to `targetPort`. Where
 * several do (`orders`, `orders-headless`), the one that the authority names, else the first.
 */
export function ownServicePort(
  table: RoutingTable,
  space: string,
  targetPort: number,
  authority: string | null = null,
): ServicePort | null {
  const [label] = authority?.toLowerCase().split(/[.:]/) ?? []
  let first: ServicePort | null = null
  for (const self of table.self) {
    if (self.targetPort !== targetPort) continue
    const service = table.service(space, self.service)
    const port = service?.ports.find((candidate) => candidate.port === self.port)
    if (!service || !port) continue
    if (service.name === label) return { service, port }
    first ??= { service, port }
  }
  return first
}

interface Arrival {
  table: RoutingTable
  own: ServicePort | null
  destination: Address
  hop: number | null
}

function decideAgain(arrival: Arrival): DecideAgain {
  return (context) => decide(arrival, context)
}

function decide({ table, own, destination, hop }: Arrival, context: Context): Decision {
  const keep = (reason: Decision['reason']): Decision => ({
    reason,
    target: destination,
    service: own && { space: own.service.space, name: own.service.name, port: own.port.port },
    tried: [],
  })
  if (hop !== null) return keep('delivered')
  if (table.version === null) return keep('no-table')
  // Who asks this very pod and names no space means this pod, also while it is not ready.
  if (own && context.source === 'origin') return keep('local')
  return decideInbound(table, own, destination, context.space)
}

/** True where the request itself names the space, and not just the pod that it came to. */
function isTagged(context: Context): context is Context & { space: string } {
  return context.space !== null && context.source !== 'origin'
}

/** Without a table nothing can be said against a space; the next sidecar that has one decides. */
function isOfTree(space: string, { table, identity }: InboundDeps): boolean {
  if (table.version === null) return true
  const root = table.root(space)
  return root !== null && root === table.root(identity.space)
}
