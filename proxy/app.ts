/** The composition root: all parts of a proxy, joined, listening, and ended in the right order. */
import { ipFamily } from '../core/ip.ts'
import { Readiness } from '../core/lifecycle.ts'
import type { Log } from '../core/log.ts'
import { type Address, formatAddress, RoutingTable } from '../core/routing-table.ts'
import { listenAdmin } from './admin.ts'
import type { ProxyConfig } from './config.ts'
import { serveConnection } from './connection.ts'
import { Connections } from './connections.ts'
import { controllerTarget, createAskController } from './controller-endpoint.ts'
import { keepIdentity } from './controller-identity.ts'
import { DestinationExperience } from './destination-experience.ts'
import { waitUntilQuiet } from './drain.ts'
import { FeedClient } from './feed-client.ts'
import { UpstreamPool } from './http1/upstream-pool.ts'
import { ownMemory, watchIdleMemory } from './idle-memory.ts'
import { listen } from './listener.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { OpaqueDeps } from './opaque.ts'
import { watchOpenFiles } from './open-files.ts'
import type { Outside } from './outside.ts'
import { createRecordExchange, type RecordExchange } from './recorder.ts'
import type { Identity } from './request-facts.ts'
import { gatewaySide, inboundSide, outboundSide, type Side, type SideDeps } from './side.ts'
import { createSidecarReporter, type SidecarReporter } from './sidecar-report.ts'
import { createTcpProbe } from './tcp-probe.ts'
import { loopUtilization, TraceBudget } from './trace-budget.ts'
import { TraceMemory } from './trace-memory.ts'
import { TraceQueue } from './trace-queue.ts'
import { TraceSender } from './trace-sender.ts'
import { createTraceSink } from './trace-sink.ts'
import type { Listening } from './transport.ts'

/**
 * Time for the last traces, in ms. A controller that works takes them in a few; a pod whose
 * controller is gone must not hang on its account.
 */
export const LAST_TRACES_MS = 2000

export type ListenerName = 'outbound' | 'inbound' | 'gateway'

export interface ProxyApp {
  /** The pod's own containers are done, and only this one keeps it from ending; may never come. */
  finished: Promise<void>
  /** The addresses that were really bound. */
  addresses: { admin: Address } & Partial<Record<ListenerName, Address>>
  /** Drains, sends the last traces and ends; within the drain deadline and `LAST_TRACES_MS`. */
  close(): Promise<void>
}

interface Parts {
  config: ProxyConfig
  log: Log
  outside: Outside
  identity: Identity
  readiness: Readiness
  table: RoutingTable
  feed: FeedClient
  reporter: SidecarReporter | null
  finished: Promise<void>
  queue: TraceQueue
  sender: TraceSender
  connections: Connections
  metrics: Metrics
  recorder: Pick<OpaqueDeps, 'identity' | 'now' | 'take'>
  record: RecordExchange
  onDescriptor: (descriptor: number) => void
}

/** Starts everything; rejects, with nothing left open, if a port cannot be had. */
export async function startProxy(
  config: ProxyConfig,
  log: Log,
  outside: Outside,
): Promise<ProxyApp> {
  const readiness = new Readiness()
  const listening = readiness.task('listeners')
  const parts = createParts(config, { log, outside, readiness })
  const pools: UpstreamPool[] = []
  const listeners: Partial<Record<ListenerName, Listening>> = {}
  let admin: Listening | null = null
  const { giveBackMemory } = outside
  const unwatchMemory = giveBackMemory && watchIdleMemory(ownMemory(giveBackMemory))
  const stop = () => {
    unwatchMemory?.()
    for (const listener of Object.values(listeners)) listener.close()
    for (const pool of pools) pool.close()
    parts.feed.stop()
    parts.reporter?.stop()
    admin?.close()
  }
  try {
    for (const [name, { side, port }] of Object.entries(sidesOf(parts))) {
      const pool = new UpstreamPool()
      pools.push(pool)
      listeners[name as ListenerName] = await listenFor(side, { port, pool, parts })
    }
    const { host, transport } = outside
    const probeTcp = createTcpProbe(config.podIps, outside.dial)
    const pages = { ...parts, probeTcp, tcpProbes: config.tcpProbes }
    admin = await listenAdmin({ port: config.adminPort, host, transport, log }, pages)
  } catch (error) {
    stop()
    throw error
  }
  listening()
  parts.feed.start()
  const addresses = addressesOf(admin, listeners)
  const transport = outside.transport.name
  log.info({ mode: config.mode, transport, addresses: printable(addresses) }, 'listening')
  const { finished } = parts
  return { addresses, finished, close: () => closeProxy(parts, stop) }
}

function createParts(
  config: ProxyConfig,
  given: { log: Log; outside: Outside; readiness: Readiness },
): Parts {
  const { log, outside } = given
  const { now, random } = outside
  const identity = identityOf(config)
  const table = new RoutingTable()
  const controllerIdentity = keepIdentity({ dir: config.identityDir, now: () => performance.now() })
  const ask = createAskController(config.controllerUrl, config.clusterDomain, {
    ...outside,
    identity: controllerIdentity,
  })
  const connections = new Connections()
  const queue = new TraceQueue({ records: config.traceQueueRecords, bytes: config.traceQueueBytes })
  const { podNamespace: namespace, podName: pod } = config
  const budget = new TraceBudget({ busy: loopUtilization() })
  const sender = new TraceSender({
    ask,
    queue,
    namespace,
    pod,
    flushMs: config.traceFlushMs,
    log,
    random,
    budget,
  })
  const tableTaken = waitForTable(given.readiness, config.firstTableWaitMs, log)
  const finished = Promise.withResolvers<void>()
  const reporter = createReporter(config, table, outside, () => feed.again())
  const feed = new FeedClient({
    ask,
    query: config.mode === 'gateway' ? { scope: 'all' } : { namespace, pod },
    table,
    log,
    now,
    random,
    report: () => reporter?.report() ?? null,
    onTable: () => {
      tableTaken()
      reporter?.tableTaken()
      if (table.finished) finished.resolve()
      // Before the app ends, so that clients which keep their connections go elsewhere in time.
      if (table.leaving) connections.retire('inbound')
    },
  })
  const metrics = createMetrics({
    connections,
    queue,
    table,
    feed,
    transport: outside.transport,
    now,
  })
  const tracing = config.tracing === 'on'
  const sink = createTraceSink({ queue, sender, budget, metrics, tracing })
  const recorder = { identity, now, bodyBytes: config.traceBodyBytes, take: sink.take }
  const record = createRecordExchange({
    ...recorder,
    tracing,
    // Exchanges in flight are what a drain waits for.
    started: () => connections.begin(),
    finished: (exchange) => {
      connections.end()
      sink.finished(exchange)
    },
  })
  const state = { identity, table, feed, reporter, queue, sender, connections, metrics }
  const onDescriptor = watchOpenFiles(outside.openFilesLimit, { log, now })
  return { ...given, ...state, finished: finished.promise, config, recorder, record, onDescriptor }
}

/** Null for a gateway, and where the controller has an address for a name: there is no cluster's DNS to tell of. */
function createReporter(
  config: ProxyConfig,
  table: RoutingTable,
  outside: Outside,
  tell: () => void,
): SidecarReporter | null {
  const { name } = controllerTarget(config.controllerUrl, config.clusterDomain)
  if (config.mode === 'gateway' || ipFamily(name) !== 0) return null
  const { resolve, random } = outside
  return createSidecarReporter({ table, space: config.podNamespace, resolve, random, tell })
}

function identityOf(config: ProxyConfig): Identity {
  return {
    space: config.podNamespace,
    pod: config.podName,
    workload: config.workload ?? config.podName,
    spaceChain: config.spaceChain.length > 0 ? config.spaceChain : [config.podNamespace],
  }
}

/** Readiness waits for the first table, but not for ever: pods must start without a controller. */
function waitForTable(readiness: Readiness, waitMs: number, log: Log): () => void {
  const taken = readiness.task('routing-table')
  const timer = setTimeout(() => {
    taken()
    log.warn({ waitMs }, 'no routing table yet: starting with DNS along the chain of spaces')
  }, waitMs)
  timer.unref()
  return () => {
    clearTimeout(timer)
    taken()
  }
}

function sidesOf(parts: Parts): Partial<Record<ListenerName, { side: Side; port: number }>> {
  const { config, identity, table, outside, record } = parts
  const memory = new TraceMemory(
    { entries: config.traceMemoryEntries, maxAgeMs: config.traceMemoryMs },
    outside.now,
  )
  const { spaceChain } = identity
  const dns = { spaceChain, clusterDomain: config.clusterDomain, resolve: outside.resolve }
  const deps: SideDeps = { identity, table, memory, record, dns }
  if (config.mode === 'gateway') {
    return { gateway: { side: gatewaySide(deps), port: config.gatewayPort } }
  }
  return {
    outbound: { side: outboundSide(deps), port: config.outboundPort },
    inbound: { side: inboundSide(deps), port: config.inboundPort },
  }
}

function listenFor(
  side: Side,
  { port, pool, parts }: { port: number; pool: UpstreamPool; parts: Parts },
): Promise<Listening> {
  const { config, log, outside, connections, metrics, recorder, record } = parts
  const deps = {
    ...recorder,
    record,
    side,
    pool,
    dial: outside.dial,
    experience: new DestinationExperience(),
    connections,
    metrics,
    log,
    dialDelayMs: config.dialDelayMs,
  }
  return listen({
    port,
    host: outside.host,
    transport: outside.transport,
    originalDestination: config.mode === 'gateway' ? null : outside.originalDestination,
    isOwn: (address) => isOwnPort(address, config),
    onArrival: (arrival) => serveConnection(arrival, deps),
    onDescriptor: parts.onDescriptor,
    log,
  })
}

function isOwnPort({ ip, port }: Address, config: ProxyConfig): boolean {
  return (
    (port === config.inboundPort || port === config.outboundPort) &&
    (config.podIps.includes(ip) || ip === '::1' || ip.startsWith('127.'))
  )
}

async function closeProxy(parts: Parts, stop: () => void): Promise<void> {
  const { config, log, outside, readiness, connections, sender } = parts
  readiness.drain()
  // Clients on other nodes learn by this that their idle connections lead to a pod that ends.
  connections.drain('inbound')
  connections.drain('gateway')
  const { drainQuietMs: quietMs, drainDeadlineMs: deadlineMs } = config
  const { appSockets, now } = outside
  const ending = { connections, appSockets, quietMs, deadlineMs, now }
  const end = await waitUntilQuiet(ending)
  const inFlight = connections.busy
  connections.drain('outbound')
  stop()
  connections.reset()
  // The records of what was cut off come with the ends of its connections, a turn or two later.
  await waitUntilQuiet({ ...ending, appSockets: async () => 0, quietMs: 0, deadlineMs: 200 })
  const undelivered = await sender.close(LAST_TRACES_MS)
  log.info({ end, inFlight, undelivered }, 'drained')
}

function addressesOf(
  admin: Listening,
  listeners: Partial<Record<ListenerName, Listening>>,
): ProxyApp['addresses'] {
  const entries = Object.entries(listeners).map(([name, { address }]) => [name, address])
  return { admin: admin.address, ...Object.fromEntries(entries) }
}

function printable(addresses: ProxyApp['addresses']): Record<string, string> {
  const entries = Object.entries(addresses).map(([name, address]) => [name, formatAddress(address)])
  return Object.fromEntries(entries)
}
