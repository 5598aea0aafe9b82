/** Serves one accepted connection: finds out what it speaks, then hands it to who can serve that. */
import { isDropped, type Log } from '../core/log.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import type { Connections, OpenConnection } from './connections.ts'
import { type DestinationExperience, isDeclaredHttp } from './destination-experience.ts'
import { type Detected, type DetectionOwner, detectProtocol } from './detection.ts'
import type { PlanExchange, RefusedRequest } from './exchange.ts'
import { relayHttp1 } from './http1/relay.ts'
import type { Http1Connection, RelayDeps } from './http1/relay-deps.ts'
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

/** Not yet known. */
const NONE = 'none'

const NO_PLAN: PlanExchange = () => {
  throw new Error('a request before there was a plan for its connection')
}

/**
 * Is itself what the registry, the detection and the HTTP/1 relay know of it: each object and closure less
 * is some 60 bytes less for every idle connection, and less work for each new one.
 */
class Connection implements OpenConnection, DetectionOwner, RelayDeps {
  place = -1
  /** Of HTTP/1. */
  plan = NO_PLAN
  firstUpstream: NonNullable<RelayDeps['firstUpstream']> | null = null
  readonly #client: ByteStream
  readonly #destination: Address
  readonly #loop: boolean
  readonly #deps: ConnectionDeps
  readonly #startedAt: number
  #http: Http1Connection | Http2Connection | null = null
  #protocol: Detected['protocol'] | typeof NONE = NONE

  constructor({ client, destination, loop }: Arrival, deps: ConnectionDeps) {
    this.#client = client
    this.#destination = destination
    this.#loop = loop
    this.#deps = deps
    this.#startedAt = deps.now()
    deps.connections.add(this)
  }

  get direction(): OpenConnection['direction'] {
    return this.#deps.side.direction
  }

  get dial(): ConnectionDeps['dial'] {
    return this.#deps.dial
  }

  get pool(): UpstreamPool {
    return this.#deps.pool
  }

  drain(): void {
    this.#http?.drain()
  }

  retire(): void {
    this.#http?.retire()
  }

  reset(): void {
    this.#client.reset()
  }

  start(): void {
    const dials = this.#isPassable
    detectProtocol(this.#client, this, { dials, dialDelayMs: dials ? this.#dialDelayMs() : 0 })
  }

  dialOriginal(): ByteStream {
    return this.#deps.dial(this.#destination)
  }

  onGone(): void {
    this.onClosed()
  }

  onDetected(detected: Detected): void {
    this.#protocol = detected.protocol
    try {
      this.#route(detected)
    } catch (error) {
      this.#fault(error, detected)
    }
  }

  /** Whether what is not HTTP can be passed on. */
  get #isPassable(): boolean {
    return this.#deps.side.passesOpaque && !this.#loop
  }

  /** A fault of ours costs this connection and no other, also where it comes in a later turn. */
  #fault(error: unknown, { upstream }: Detected): void {
    upstream?.reset()
    this.#resetFor(error)
    this.onClosed()
  }

  #resetFor(err: unknown): void {
    this.#deps.log.error({ err, ...this.#where() }, CONNECTION_FAULT)
    this.#client.reset()
  }

  #where(): { client: string; destination: string } {
    return {
      client: formatAddress(this.#client.remote),
      destination: formatAddress(this.#destination),
    }
  }

  #dialDelayMs(): number {
    const { side, experience, dialDelayMs } = this.#deps
    const destination = this.#destination
    const seen = experience.of(destination)
    if (seen === 'greeting') return 0
    const isHttp = seen === 'http' || isDeclaredHttp(side.servicePort(destination))
    if (isHttp) return Math.max(EXPECTED_HTTP_DIAL_DELAY_MS, dialDelayMs)
    return side.mayLeadElsewhere ? dialDelayMs : 0
  }

  #route(detected: Detected): void {
    const passable = this.#isPassable
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
      { ...this.#where(), loop: this.#loop },
      'connection refused: it is not HTTP and has nowhere to go',
    )
    this.#client.reset()
    this.onClosed()
  }

  #passThrough(detected: Detected): void {
    const destination = this.#destination
    const { side, connections, experience } = this.#deps
    if (detected.fromServer.length > 0) experience.note(destination, 'greeting')
    const found = side.servicePort(destination)
    connections.begin()
    const connection = {
      direction: side.direction,
      client: this.#client,
      destination,
      detected,
      service: identify(found),
      serviceName: side.serviceName(found),
      startedAt: this.#startedAt,
    }
    passThrough(connection, this.#deps, () => {
      connections.end()
      this.onClosed()
    })
  }

  #serveHttp1(detected: Detected): void {
    const client = this.#client
    const destination = this.#destination
    const { side, experience } = this.#deps
    if (this.#loop) {
      this.#relayHttp1(detected, this.#planLoop())
      return
    }
    experience.note(destination, 'http')
    const plan = side.plan({ client: client.remote, destination, first: detected.fromClient })
    if (!(plan instanceof Promise)) {
      this.#relayHttp1(detected, plan)
      return
    }
    client.pause()
    plan
      .then((late) => this.#relayHttp1(detected, late))
      .catch((error: unknown) => this.#fault(error, detected))
  }

  #relayHttp1({ fromClient, upstream }: Detected, plan: PlanExchange): void {
    this.plan = plan
    if (upstream !== null) this.firstUpstream = { target: this.#destination, stream: upstream }
    this.#hold(relayHttp1(this.#client, fromClient, this))
    this.firstUpstream = null
  }

  #serveHttp2(detected: Detected): void {
    const destination = this.#destination
    const { side, experience, dial, now } = this.#deps
    const { fromClient, fromServer, upstream } = detected
    if (!this.#loop) experience.note(destination, 'http')
    const planned = { client: this.#client.remote, destination }
    const http = relayHttp2(this.#client, fromClient, {
      plan: this.#loop ? this.#planLoop() : side.planStreams(planned),
      dial,
      now,
      onRefused: (refused) => this.onRefused(refused),
      onFault: (error) => this.#resetFor(error),
      firstUpstream: upstream && { target: destination, stream: upstream, fromServer },
    })
    this.#hold(http)
    void http.closed.then(() => this.onClosed())
  }

  #planLoop(): PlanExchange {
    const { side, record } = this.#deps
    const { direction } = side
    return planLoop(
      { direction, client: this.#client.remote, destination: this.#destination },
      record,
    )
  }

  #hold(http: Http1Connection | Http2Connection): void {
    const { side, connections } = this.#deps
    this.#http = http
    // Whoever connects during a drain has a request to make, perhaps after some greetings.
    const { direction } = side
    if (connections.isRetiring(direction) || connections.isDraining(direction)) http.retire()
  }

  onRefused(refused: RefusedRequest): void {
    const { side, take, identity, now } = this.#deps
    const { direction } = side
    const connection = { direction, client: this.#client.remote, destination: this.#destination }
    take(recordUnreadable(refused, connection, { identity, now }))
  }

  /** The connection is gone, or nothing is to be done with it any more. */
  onClosed(): void {
    // After a fault its relay says so, too.
    if (this.place < 0) return
    const { side, metrics, log, now, connections } = this.#deps
    connections.remove(this)
    metrics.connectionEnded(side.direction, this.#protocol)
    if (isDropped(log.debug)) return
    log.debug(
      {
        direction: side.direction,
        protocol: this.#protocol,
        ...this.#where(),
        fromClient: this.#client.bytesRead,
        toClient: this.#client.bytesWritten,
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
