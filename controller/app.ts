/** Puts the controller together: what follows the cluster, what keeps traces, and the server above. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { closeServer } from '../core/close-server.ts'
import type { KubeClient } from '../core/kube/client.ts'
import { Readiness, type Stoppable } from '../core/lifecycle.ts'
import type { Log } from '../core/log.ts'
import type { ControllerConfig } from './config.ts'
import { Cluster } from './feed/cluster.ts'
import { FeedHub } from './feed/hub.ts'
import { createMetrics } from './metrics.ts'
import { feedRoutes } from './routes/feed.ts'
import { healthRoutes } from './routes/health.ts'
import { spaceRoutes } from './routes/spaces.ts'
import { traceRoutes } from './routes/traces.ts'
import { viewerRoutes } from './routes/viewer.ts'
import { createServer } from './server.ts'
import { openDatabase } from './traces/database.ts'
import { Followers } from './traces/followers.ts'
import { createIngest } from './traces/ingest.ts'
import { TraceStore } from './traces/store.ts'

export interface ControllerOptions {
  config: ControllerConfig
  kube: KubeClient
  log: Log
  /** Monotonic time in ms. */
  now?: () => number
}

export interface RunningController extends Stoppable {
  address: { host: string; port: number }
}

/** Open requests get this much longer (ms); each takes some ms, and the whole drain has five seconds. */
const CLOSE_MS = 1000

/** Starts the controller; rejects with a sentence if its store or port cannot be opened. */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const { config, kube, log, now = () => performance.now() } = options
  const readiness = new Readiness()
  const store = new TraceStore(openDatabase(config.dataDirectory), config)
  const followers = new Followers()
  const metrics = createMetrics({
    store: () => store.counts,
    feedReaders: () => hub.size,
    followers: () => followers.size,
  })
  const cluster = new Cluster(kube, log, () => hub.changed())
  const hub = new FeedHub({
    source: cluster,
    epoch: randomUUID(),
    now,
    onMessage: metrics.feedMessage,
  })
  const app = createServer(log)
  const close = async () => {
    readiness.drain()
    cluster.stop()
    // Streams first: the server waits for every open answer before it closes.
    hub.close()
    followers.close()
    await closeServer(app, CLOSE_MS)
    store.close()
  }

  let isSynced = false
  const markSynced = readiness.task('api-server-lists')
  void cluster.synced.then(() => {
    isSynced = true
    hub.start()
    markSynced()
    log.info({ spaces: cluster.views().all.spaces.size }, 'cluster is known')
  })

  try {
    healthRoutes(app, readiness, metrics)
    feedRoutes(app, hub)
    spaceRoutes(app, () => (isSynced ? cluster.views().all : null))
    const ingest = createIngest({ store, followers, metrics, log })
    traceRoutes(app, { store, followers, ingest })
    await viewerRoutes(app, config.viewerDirectory, log)
    return { address: await listen(app, config), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function listen(app: FastifyInstance, { host, port }: ControllerConfig) {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const noIpv6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(
      (error as { code?: string }).code ?? '',
    )
    if (host !== '::' || !noIpv6) throw error
    await app.listen({ host: '0.0.0.0', port })
  }
  const bound = app.server.address() as AddressInfo
  return { host: bound.address, port: bound.port }
}
