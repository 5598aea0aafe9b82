/** The table that a sidecar routes by: the feed's state, indexed for look-ups in constant time. */
import { ipFamily } from './ip.ts'
import type { FeedMessage, FeedPort, FeedService, FeedVersion, SelfPort } from './routing-feed.ts'
import { serviceKey } from './routing-feed.ts'
import { type Chain, chainOf, type Space } from './spaces.ts'

export interface Address {
  ip: string
  port: number
}

/** A service together with one of its ports. */
export interface ServicePort {
  service: FeedService
  port: FeedPort
}

/**
 * `1.2.3.4:80`, `[fd00::1]:80`: how addresses are keyed and printed. Nobody changes an address: what was asked
 * for last, mostly the destination of one connection after another, is the same text again.
 */
export function formatAddress(address: Address): string {
  if (address === lastAddress) return lastText
  const { ip, port } = address
  lastText = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
  lastAddress = address
  return lastText
}

let lastAddress: Address | null = null
let lastText = ''

/** Reads what `formatAddress` writes; null for anything else. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const [, v6, v4, digits] = match ?? []
  const ip = v6 ?? v4 ?? ''
  const port = Number(digits)
  return ipFamily(ip) === (v6 ? 6 : 4) && port <= 65535 ? { ip, port } : null
}

export class RoutingTable {
  #version: FeedVersion | null = null
  #revision = 0
  readonly #spaces = new Map<string, Space>()
  readonly #services = new Map<string, FeedService>()
  /** Several only where headless Services share pods; ordered by key, so that order of arrival never matters. */
  readonly #byAddress = new Map<string, ServicePort[]>()
  #self: SelfPort[] = []
  #leaving = false
  #finished = false
  readonly #chains = new Map<string, Chain>()

  /** Null until the first snapshot. */
  get version(): FeedVersion | null {
    return this.#version
  }

  /** Changes whenever anything in the table does, so that what was read from it may be kept until then. */
  get revision(): number {
    return this.#revision
  }

  get spaces(): ReadonlyMap<string, Space> {
    return this.#spaces
  }

  get services(): ReadonlyMap<string, FeedService> {
    return this.#services
  }

  /** Service ports that select this pod. */
  get self(): readonly SelfPort[] {
    return this.#self
  }

  /** True once this pod is being deleted, which is for good. */
  get leaving(): boolean {
    return this.#leaving
  }

  /** True once the pod's own containers are done, which is for good. */
  get finished(): boolean {
    return this.#finished
  }

  /** Takes one message of the feed. A delta before any snapshot is refused with an error. */
  apply(message: FeedMessage): void {
    if (message.type === 'heartbeat' || message.type === 'bye') return
    this.#revision++
    if (message.type === 'snapshot') {
      this.#clear()
      for (const space of message.spaces) this.#spaces.set(space.name, space)
      for (const service of message.services) this.#putService(service)
      this.#self = message.self
    } else if (this.#version === null) {
      throw new Error(`routing feed: a ${message.type} came before any snapshot`)
    } else if (message.type === 'resume') {
      this.#self = message.self
    } else {
      for (const name of message.spaces.remove) this.#spaces.delete(name)
      for (const space of message.spaces.put) this.#spaces.set(space.name, space)
      for (const key of message.services.remove) this.#removeService(key)
      for (const service of message.services.put) this.#putService(service)
      if (message.self) this.#self = message.self
      this.#chains.clear()
    }
    if (message.leaving) this.#leaving = true
    if (message.finished) this.#finished = true
    this.#version = message.version
  }

  /** The service port that owns a cluster IP (or, headless, an endpoint) and port. */
  serviceAt(address: Address): ServicePort | null {
    return this.#byAddress.get(formatAddress(address))?.[0] ?? null
  }

  service(space: string, name: string): FeedService | null {
    return this.#services.get(serviceKey(space, name)) ?? null
  }

  /** The space and its ancestors; null if it is no space of this table. */
  chain(space: string): Chain | null {
    if (!this.#spaces.has(space)) return null
    let chain = this.#chains.get(space)
    if (!chain) {
      chain = chainOf(this.#spaces, space)
      this.#chains.set(space, chain)
    }
    return chain
  }

  /** The root of the tree that a space belongs to; null if it is no space of this table. */
  root(space: string): string | null {
    return this.chain(space)?.names.at(-1) ?? null
  }

  #clear(): void {
    this.#spaces.clear()
    this.#services.clear()
    this.#byAddress.clear()
    this.#chains.clear()
    this.#self = []
  }

  #putService(service: FeedService): void {
    const key = serviceKey(service.space, service.name)
    this.#removeService(key)
    this.#services.set(key, service)
    for (const { address, port } of addressesOf(service)) {
      const owners = [...(this.#byAddress.get(address) ?? []), { service, port }]
      this.#byAddress.set(address, owners.sort(byKey))
    }
  }

  #removeService(key: string): void {
    const service = this.#services.get(key)
    if (!service) return
    this.#services.delete(key)
    for (const { address } of addressesOf(service)) {
      // A cluster IP may already have passed to another service within the same delta.
      const others = this.#byAddress.get(address)?.filter((owner) => owner.service !== service)
      if (others && others.length > 0) this.#byAddress.set(address, others)
      else this.#byAddress.delete(address)
    }
  }
}

function byKey(a: ServicePort, b: ServicePort): number {
  const [left, right] = [a, b].map(({ service }) => serviceKey(service.space, service.name))
  if (left === right) return a.port.port - b.port.port
  return (left ?? '') < (right ?? '') ? -1 : 1
}

function addressesOf(service: FeedService): { address: string; port: FeedPort }[] {
  return service.ports.flatMap((port) => [
    ...service.clusterIPs.map((ip) => ({ address: formatAddress({ ip, port: port.port }), port })),
    ...port.endpoints.map((address) => ({ address, port })),
  ])
}
