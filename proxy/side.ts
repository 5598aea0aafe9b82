/**
 * The sides of a proxy: outbound, inbound, gateway. A side says for a connection how its requests
 * are decided and which service it belongs to; everything else about connections is the same.
 */
import type { Decision } from '../core/routing.ts'
import type { Address, RoutingTable, ServicePort } from '../core/routing-table.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import { requestAddress } from './authority.ts'
import { type DnsFallbackOptions, lookUpChain, peekAuthority } from './dns-fallback.ts'
import type { PlanExchange, PlanStream } from './exchange.ts'
import { planGateway } from './gateway.ts'
import { ownServicePort, planInbound } from './inbound.ts'
import { planOutbound } from './outbound.ts'
import type { RecordExchange } from './recorder.ts'
import type { Identity } from './request-facts.ts'
import type { TraceMemory } from './trace-memory.ts'

export interface PlannedConnection {
  client: Address
  destination: Address
  /** The first bytes from the client, which begin with a request line. */
  first: Buffer
}

export interface Side {
  direction: TraceRecord['direction']
  /** Whether bytes that are not HTTP can be passed on to the original destination. */
  passesOpaque: boolean
  /**
   * Whether HTTP often goes elsewhere than to the original destination, so that a connection which
   * was dialled before the client has spoken may be of no use.
   */
  mayLeadElsewhere: boolean
  plan(connection: PlannedConnection): PlanExchange | Promise<PlanExchange>
  /** The same for HTTP/2, whose streams may each be for another authority. */
  planStreams(connection: Omit<PlannedConnection, 'first'>): PlanStream
  /** The service port that a destination stands for. */
  servicePort(destination: Address): ServicePort | null
  /** What a record calls the service. */
  serviceName(found: ServicePort | null): string | null
}

export interface SideDeps {
  identity: Identity
  table: RoutingTable
  memory: TraceMemory
  record: RecordExchange
  dns: DnsFallbackOptions
}

export function outboundSide(deps: SideDeps): Side {
  return {
    direction: 'outbound',
    passesOpaque: true,
    mayLeadElsewhere: true,
    plan: ({ client, destination, first }) => {
      if (deps.table.version !== null) {
        return planOutbound({ client, destination, named: null }, deps)
      }
      const asked = lookUpChain(peekAuthority(first), destination.ip, deps.dns)
      return asked.then((named) => planOutbound({ client, destination, named }, deps))
    },
    planStreams: ({ client, destination }) => {
      const byTable = planOutbound({ client, destination, named: null }, deps)
      return (head) => {
        if (deps.table.version !== null) return byTable(head)
        const { authority } = requestAddress(head)
        const asked = lookUpChain(authority, destination.ip, deps.dns)
        return asked.then((named) => planOutbound({ client, destination, named }, deps)(head))
      }
    },
    servicePort: (destination) => deps.table.serviceAt(destination),
    serviceName: (found) => found?.service.name ?? null,
  }
}

export function inboundSide(deps: SideDeps): Side {
  return {
    direction: 'inbound',
    passesOpaque: true,
    // Nearly all that comes to a pod is for its app: what comes from sidecars always is.
    mayLeadElsewhere: false,
    plan: ({ client, destination }) => planInbound({ client, destination }, deps),
    planStreams: ({ client, destination }) => planInbound({ client, destination }, deps),
    servicePort: ({ port }) => ownServicePort(deps.table, deps.identity.space, port),
    serviceName: (found) => found?.service.name ?? deps.identity.workload,
  }
}

export function gatewaySide(deps: SideDeps): Side {
  return {
    direction: 'gateway',
    passesOpaque: false,
    mayLeadElsewhere: true,
    plan: ({ client, destination }) => planGateway(client, destination, deps),
    planStreams: ({ client, destination }) => planGateway(client, destination, deps),
    servicePort: () => null,
    serviceName: () => null,
  }
}

export function identify(found: ServicePort | null): Decision['service'] {
  return found && { space: found.service.space, name: found.service.name, port: found.port.port }
}
