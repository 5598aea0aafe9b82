/** Serves one accepted connection: finds out what it speaks, then hands it to who can serve that. */
import type { Log } from '../core/log.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import type { Connections, OpenConnection } from './connections.ts'
import { type DestinationExperience, isDeclaredHttp } from './destination-experience.ts'
import { type Detected, detectProtocol } from './detection.ts'
import type { PlanExchange, RefusedRequest } from './exchange.ts'
import { type Http1Connection, relayHttp1 } from './http1/relay.ts'
import type { UpstreamPool } from './http1/upstream-pool.ts'
import { type Http2Connection, relayHttp2 } from './http2/relay.ts'
import type { Metrics } from './metrics.ts'
import { type OpaqueDeps, passThrough } from './opaque.ts'
import type { RecordExchange } from './recorder.ts'
import { planLoop, recordUnreadable } from './refused-request.ts'
import { identify, type Side } from './side.ts'
import type { ByteStream } from './stream.ts'
import { CONNECTION_FAULT } from './transport.ts'

export interface ConnectionDeps extends OpaqueDeps {
  side: Side
  record: RecordExchange
  pool: UpstreamPool
  experience: DestinationExperience
  connections: Connections
  metrics: Metrics
  log: Log
  dialDelayMs: number
}

export interface Arrival {
  client: ByteStream
  /** Where the client meant to go; of a gateway, the gateway itself. */
  destination: Address
  /** True if that is this proxy's own port. */
  loop: boolean
}

/**
 * How long to wait for the client's first bytes where HTTP is expected, in ms. Long enough that
 * clients which connect ahead cost nothing; but an expectation can be wrong, and then a server that
 * speaks first is this late instead of silent for ever.
 */
const EXPECTED_HTTP_DIAL_DELAY_MS = 1000

export function serveConnection(arrival: Arrival, deps: ConnectionDeps): void {
  new Connection(arrival, deps).start()
}

/** Is itself what the registry knows of it: each closure less is 60 bytes less for every idle connection. */
class Connection implements OpenConnection {
  readonly direction: OpenConnection['direction']
  readonly #arrival: Arrival
  readonly #deps: ConnectionDeps
  readonly #startedAt: number
  #http: Http1Connection | Http2Connection | null = null

  constructor(arrival: Arrival, deps: ConnectionDeps) {
    this.#arrival = arrival
    this.#deps = deps
    this.#startedAt = deps.now()
    this.direction = deps.side.direction
    deps.connections.add(this)
  }

  drain(): void {
    this.#http?.drain()
  }

  retire(): void {
    this.#http?.retire()
  }

  reset(): void {
    this.#arrival.client.reset()
  }

  start(): void {
    const { client, destination, loop } = this.#arrival
    const { side, dial } = this.#deps
    const dialled = side.passesOpaque && !loop
    detectProtocol(client, {
      dial: dialled ? () => dial(destination) : null,
      dialDelayMs: this.#dialDelayMs(),
      onGone: () => this.#over('none'),
      onDetected: (detected) => this.#guard(detected, () => this.#route(detected, dialled)),
    })
  }

  #guard(detected: Detected, serve: () => void): void {
    try {
      serve()
    } catch (error) {
      this.#fault(error, detected)
    }
  }

  /** A fault of ours costs this connection and no other, also where it comes in a later turn. */
  #fault(error: unknown, { upstream, protocol }: Detected): void {
    upstream?.reset()
    this.#resetFor(error)
    this.#over(protocol)
  }

  #resetFor(err: unknown): void {
    const { client, destination } = this.#arrival
    const where = { client: formatAddress(client.remote), destination: formatAddress(destination) }
    this.#deps.log.error({ err, ...where }, CONNECTION_FAULT)
    client.reset()
  }

  #dialDelayMs(): number {
    const { side, experience, dialDelayMs } = this.#deps
    const { destination } = this.#arrival
    const seen = experience.of(destination)
    if (seen === 'greeting') return 0
    const isHttp = seen === 'http' || isDeclaredHttp(side.servicePort(destination))
    if (isHttp) return Math.max(EXPECTED_HTTP_DIAL_DELAY_MS, dialDelayMs)
    return side.mayLeadElsewhere ? dialDelayMs : 0
  }

  #route(detected: Detected, passable: boolean): void {
    const { client, destination, loop } = this.#arrival
    // Where nobody is behind who could read the bytes, what is nearly HTTP gets 400 with the rule.
    if (detected.protocol === 'http1' || (!passable && isMeantAsHttp(detected))) {
      this.#serveHttp1(detected)
      return
    }
    if (detected.protocol === 'h2') {
      this.#serveHttp2(detected)
      return
    }
    if (passable) {
      this.#passThrough(detected)
      return
    }
    this.#deps.log.warn(
      { client: formatAddress(client.remote), destination: formatAddress(destination), loop },
      'connection refused: it is not HTTP and has nowhere to go',
    )
    client.reset()
    this.#over(detected.protocol)
  }

  #passThrough(detected: Detected): void {
    const { client, destination } = this.#arrival
    const { side, connections, experience } = this.#deps
    const { protocol, fromServer } = detected
    if (fromServer.length > 0) experience.note(destination, 'greeting')
    const found = side.servicePort(destination)
    connections.begin()
    const connection = {
      direction: side.direction,
      client,
      destination,
      detected,
      service: identify(found),
      serviceName: side.serviceName(found),
      startedAt: this.#startedAt,
    }
    passThrough(connection, this.#deps, () => {
      connections.end()
      this.#over(protocol)
    })
  }

  #serveHttp1(detected: Detected): void {
    const { client, destination, loop } = this.#arrival
    const { side, experience } = this.#deps
    if (loop) {
      this.#relayHttp1(detected, this.#planLoop())
      return
    }
    experience.note(destination, 'http')
    const first = detected.fromClient
    const plan = side.plan({ client: client.remote, destination, first })
    if (!(plan instanceof Promise)) {
      this.#relayHttp1(detected, plan)
      return
    }
    client.pause()
    plan.then(
      (late) => this.#guard(detected, () => this.#relayHttp1(detected, late)),
      (error: unknown) => this.#fault(error, detected),
    )
  }

  #relayHttp1(detected: Detected, plan: PlanExchange): void {
    const { client, destination } = this.#arrival
    const { dial, pool } = this.#deps
    const { fromClient, upstream } = detected
    const http = relayHttp1(client, fromClient, {
      plan,
      dial,
      pool,
      onRefused: (refused) => this.#recordRefused(refused),
      firstUpstream: upstream && { target: destination, stream: upstream },
    })
    this.#hold(http, detected)
  }

  #serveHttp2(detected: Detected): void {
    const { client, destination, loop } = this.#arrival
    const { side, experience, dial, now } = this.#deps
    const { fromClient, fromServer, upstream } = detected
    if (!loop) experience.note(destination, 'http')
    const planned = { client: client.remote, destination }
    const http = relayHttp2(client, fromClient, {
      plan: loop ? this.#planLoop() : side.planStreams(planned),
      dial,
      now,
      onRefused: (refused) => this.#recordRefused(refused),
      onFault: (error) => this.#resetFor(error),
      firstUpstream: upstream && { target: destination, stream: upstream, fromServer },
    })
    this.#hold(http, detected)
  }

  #planLoop(): PlanExchange {
    const { client, destination } = this.#arrival
    const { side, record } = this.#deps
    return planLoop({ direction: side.direction, client: client.remote, destination }, record)
  }

  #hold(http: Http1Connection | Http2Connection, { protocol }: Detected): void {
    const { side, connections } = this.#deps
    this.#http = http
    // Whoever connects during a drain has a request to make, perhaps after some greetings.
    const { direction } = side
    if (connections.isRetiring(direction) || connections.isDraining(direction)) http.retire()
    void http.closed.then(() => this.#over(protocol))
  }

  #recordRefused(refused: RefusedRequest): void {
    const { client, destination } = this.#arrival
    const { side, take, identity, now } = this.#deps
    const connection = { direction: side.direction, client: client.remote, destination }
    take(recordUnreadable(refused, connection, { identity, now }))
  }

  #over(protocol: Detected['protocol'] | 'none'): void {
    const { side, metrics, log, now } = this.#deps
    const { client, destination } = this.#arrival
    this.#deps.connections.remove(this)
    metrics.connectionEnded(side.direction, protocol)
    log.debug(
      {
        direction: side.direction,
        protocol,
        client: formatAddress(client.remote),
        destination: formatAddress(destination),
        fromClient: client.bytesRead,
        toClient: client.bytesWritten,
        ms: Math.round(now() - this.#startedAt),
      },
      'connection ended',
    )
  }
}

/** A method and a blank, of which the rest is no request line. */
function isMeantAsHttp({ protocol, fromClient }: Detected): boolean {
  return (
    protocol === 'opaque' && /^[\r\n]*[A-Za-z]+[ \t]/.test(fromClient.toString('latin1', 0, 64))
  )
}
