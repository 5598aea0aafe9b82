/** Decides where a browser's request goes that came to a preview address. */
import type { Context, PreviewHost } from '../core/context.ts'
import { parseGatewayHost } from '../core/context.ts'
import type { ErrorCode } from '../core/errors.ts'
import { type Decision, decideOutbound } from '../core/routing.ts'
import type { FeedService } from '../core/routing-feed.ts'
import { type Address, parseAddress, type RoutingTable } from '../core/routing-table.ts'
import { authorityOf } from './authority.ts'
import type { ExchangePlan, PlanExchange, RequestHead } from './exchange.ts'
import { decisionsTo } from './known-decision.ts'
import type { RecordExchange } from './recorder.ts'
import { contextOfHead, saidBy, traceIdsOf } from './request-facts.ts'
import { type DecideAgain, sendOn } from './send-on.ts'

export interface GatewayDeps {
  table: RoutingTable
  record: RecordExchange
}

/** The addresses that a gateway serves, for messages. */
const HOST_SHAPES = '<space>.s.<root>.<service>.<suffix> or <root>.<service>.<suffix>'

export type GatewayDestination =
  | { kind: 'found'; destination: Address }
  | { kind: 'refused'; code: ErrorCode; message: string }

/**
 * | host                             | answer                                              |
 * |----------------------------------|-----------------------------------------------------|
 * | of another shape                 | 404 unknown-host, with the shapes                   |
 * | any, before the first table      | 503 unavailable                                     |
 * | root or service that is not      | 404 unknown-host, with what is missing              |
 * | a service without any address    | 503 unavailable                                     |
 * | a service                        | forwarded as an outbound request with that space    |
 *
 * A space that does not exist (any more) is answered by the root's version, as everywhere else.
 */
export function planGateway(client: Address, gateway: Address, deps: GatewayDeps): PlanExchange {
  let known: KnownHost | null = null
  /** What was read from an address stands for as long as the table does; a browser's connection has one. */
  const look = (authority: string | null): KnownHost => {
    const { table } = deps
    if (known?.revision === table.revision && known.authority === authority) return known
    const { host, found } = lookUp(table, authority)
    const destination = found.kind === 'found' ? found.destination : gateway
    const decide = decisionsTo(table, destination)
    const decideAgain = ({ space }: Context) => decideOutbound(table, destination, space)
    known = { revision: table.revision, authority, host, found, decide, decideAgain }
    return known
  }
  return (head): ExchangePlan => {
    const said = saidBy(head)
    const { host, found, decide, decideAgain } = look(authorityOf(head, said))
    const context = gatewayContext(head, host)
    const request = {
      direction: 'gateway' as const,
      head,
      ids: traceIdsOf(head, said),
      hop: said.hop ?? 0,
      service: host?.service ?? null,
      context,
      client,
    }
    if (found.kind === 'refused') {
      const decision = refusedDecision(gateway, deps.table)
      const recorder = deps.record({
        ...request,
        decision,
        originalDestination: gateway,
      })
      return { kind: 'refuse', code: found.code, message: found.message, recorder }
    }
    const { destination } = found
    const decision = decide(context.space)
    const routed = { ...request, decision, originalDestination: destination }
    return sendOn(routed, said, deps.record, decideAgain)
  }
}

interface LookedUp {
  host: PreviewHost | null
  found: GatewayDestination
}

interface KnownHost extends LookedUp {
  /** Of the table in which it was found. */
  revision: number
  authority: string | null
  decide: (space: string | null) => Decision
  decideAgain: DecideAgain
}

/** Most addresses of which it is remembered where they lead, 700 bytes each: more than are in use at once. */
const MOST_SHARED = 256

/** Of a name with its port (RFC 1035 2.3.4); longer ones are looked up each time. */
const MOST_CHARACTERS = 260

interface Shared {
  /** Of the table for which they hold. */
  revision: number
  byAuthority: Map<string, LookedUp>
}

const sharedOf = new WeakMap<RoutingTable, Shared>()

/**
 * Where an address leads, which is the same for all connections as long as the table stands. They have one
 * destination then, by which what was decided for one is found for the next: 3 µs less of the 95 that a client's
 * connection with one request costs.
 */
function lookUp(table: RoutingTable, authority: string | null): LookedUp {
  let shared = sharedOf.get(table)
  if (shared?.revision !== table.revision) {
    shared = { revision: table.revision, byAuthority: new Map() }
    sharedOf.set(table, shared)
  }
  const { byAuthority } = shared
  const known = authority === null ? undefined : byAuthority.get(authority)
  if (known !== undefined) return known
  // A part of a string keeps the whole alive: here that would be a client's head.
  const own = Buffer.from(authority ?? '', 'latin1').toString('latin1')
  const host = parseGatewayHost(own)
  const found = findDestination(table, authority, host)
  // There is no end of addresses that lead nowhere.
  if (found.kind === 'found' && own.length <= MOST_CHARACTERS) {
    if (byAuthority.size >= MOST_SHARED) byAuthority.clear()
    byAuthority.set(own, { host, found })
  }
  return { host, found }
}

/** The address says it most plainly; on a root's own address the other sources may speak. */
function gatewayContext(head: RequestHead, host: PreviewHost | null): Context {
  if (host?.space) return { space: host.space, source: 'host' }
  return contextOfHead(head, { traceSpace: null, originSpace: null })
}

export function findDestination(
  table: RoutingTable,
  authority: string | null,
  host: PreviewHost | null,
): GatewayDestination {
  const refused = (code: ErrorCode, message: string) => ({
    kind: 'refused' as const,
    code,
    message,
  })
  if (!host) {
    return refused('unknown-host', `"${authority ?? ''}" is no preview address: use ${HOST_SHAPES}`)
  }
  if (table.version === null) {
    return refused(
      'unavailable',
      'no routing table has come from the controller yet: try again soon',
    )
  }
  if (table.spaces.get(host.root)?.parent !== null) {
    return refused('unknown-host', `"${host.root}" is no root space: use ${HOST_SHAPES}`)
  }
  const service = anyVersion(table, host)
  if (!service) {
    const where = host.space ? `"${host.space}" and the spaces above it` : `space "${host.root}"`
    return refused('unknown-host', `no service "${host.service}" in ${where}: use ${HOST_SHAPES}`)
  }
  const destination = addressOf(service)
  if (destination) return { kind: 'found', destination }
  return refused('unavailable', `service "${service.name}" in "${service.space}" has no address`)
}

/** The root's version, or where only the space has the service, that of the nearest in its chain. */
function anyVersion(
  table: RoutingTable,
  { space, root, service }: PreviewHost,
): FeedService | null {
  const ofRoot = table.service(root, service)
  if (ofRoot || space === null || table.root(space) !== root) return ofRoot
  for (const name of table.chain(space)?.names ?? []) {
    const found = table.service(name, service)
    if (found) return found
  }
  return null
}

/** Its first port, at its first cluster IP or, headless, its first endpoint. */
function addressOf(service: FeedService): Address | null {
  const [port] = service.ports
  if (!port) return null
  const [ip] = service.clusterIPs
  if (ip !== undefined) return { ip, port: port.port }
  const [endpoint] = port.endpoints
  return endpoint === undefined ? null : parseAddress(endpoint)
}

function refusedDecision(target: Address, table: RoutingTable): Decision {
  const reason = table.version === null ? 'no-table' : 'not-a-space-service'
  return { reason, target, service: null, tried: [] }
}
