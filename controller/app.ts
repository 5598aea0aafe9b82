/** Puts the controller together: what follows the cluster, what keeps traces, and the servers above. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { AuthorityKeeper } from '../core/authority/keeper.ts'
import { boundConnections } from '../core/bounded-connections.ts'
import { endOf } from '../core/close-server.ts'
import type { KubeClient } from '../core/kube/client.ts'
import { createEventRecorder } from '../core/kube/events.ts'
import { Readiness, type Stoppable } from '../core/lifecycle.ts'
import { type Bound, listen } from '../core/listen.ts'
import type { Log } from '../core/log.ts'
import { API_SERVICE, CONTROLLER_AUDIENCE } from '../core/names.ts'
import { clusterDomainFor } from '../core/place.ts'
import { handOverApiCertificate } from './api-certificate.ts'
import { callerOf, podUidOf } from './auth/caller.ts'
import { createSignIn } from './auth/sign-in.ts'
import { createTokenReview } from './auth/token-review.ts'
import { noteOfBehind, waitedFor } from './ca-backlog.ts'
import { publishCa } from './ca-publisher.ts'
import type { ControllerConfig } from './config.ts'
import { Cluster } from './feed/cluster.ts'
import { FeedHub } from './feed/hub.ts'
import { keepControllerIdentity, namesOf, ownerOf } from './identity.ts'
import { createMetrics } from './metrics.ts'
import { sidecarsOf } from './resources/sidecars.ts'
import { feedRoutes } from './routes/feed.ts'
import { healthRoutes } from './routes/health.ts'
import { spaceRoutes, summarizeSpaces } from './routes/spaces.ts'
import { ingestRoutes, traceRoutes } from './routes/traces.ts'
import { viewerRoutes } from './routes/viewer.ts'
import { createServer } from './server.ts'
import { watchSpaces } from './space-watch.ts'
import { countsOf, News } from './sweep/events.ts'
import { startSweep } from './sweep/sweep.ts'
import { openTlsPort } from './tls-port.ts'
import { createTlsServer } from './tls-server.ts'
import { openDatabase } from './traces/database.ts'
import { Followers } from './traces/followers.ts'
import { createIngest } from './traces/ingest.ts'
import { TraceStore } from './traces/store.ts'

export interface ControllerOptions {
  config: ControllerConfig
  kube: KubeClient
  log: Log
  /** Text of the program's own resolv.conf, which names the cluster's domain. */
  resolvConf?: string
  /** Monotonic time in ms. */
  now?: () => number
}

export interface RunningController extends Stoppable {
  /** The plain port. */
  address: Bound
  /** The TLS port; opened once there is a certificate, which takes the API server. */
  tls: Promise<Bound>
}

/** Open requests get this much longer (ms); each takes some ms, and the whole drain has five seconds. */
const CLOSE_MS = 1000

/**
 * Most connections of a port at once. A sidecar has two, so these are 2,500 sidecars'. One that stands open takes
 * 64 KB: all of them fit into the container's memory.
 */
const MAX_CONNECTIONS = 5000

/** Starts the controller; rejects with a sentence if its store or port cannot be opened. */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const { config, kube, log, resolvConf = '', now = () => performance.now() } = options
  const readiness = new Readiness()
  const store = new TraceStore(openDatabase(config.dataDirectory), config)
  const followers = new Followers(Date.now())
  const events = createEventRecorder({
    client: kube,
    component: 'controller',
    instance: config.podName,
    now: () => new Date(),
    log,
  })
  const metrics = createMetrics({
    store: () => store.counts,
    feedReaders: () => hub.size,
    followers: () => followers.size,
    uninjected: () => countsOf(sweep.findings()),
    unpublished: () => publisher.behind(),
    droppedEvents: () => events.dropped,
  })
  const tokens = createTokenReview({
    client: kube,
    audience: CONTROLLER_AUDIENCE,
    now,
    wallClock: () => Date.now(),
    isFollowed: (user) => {
      const { namespace = '', pod } = callerOf(user) ?? {}
      return cluster.follows(namespace, pod ?? '', podUidOf(user) ?? '')
    },
    onError: (error) => log.warn({ error: error.message }, 'tokens cannot be reviewed'),
  })
  const cluster = new Cluster(kube, log, () => hub.changed(), tokens.podGone)
  const hub = new FeedHub({
    source: cluster,
    epoch: randomUUID(),
    now,
    onMessage: metrics.feedMessage,
  })
  const ingest = createIngest({ store, followers, metrics, log })

  const spaces = watchSpaces(kube, log)
  let identity: AuthorityKeeper | null = null
  const publisher = publishCa({
    kube,
    namespaces: () => new Set([...spaces.all().keys(), config.namespace]),
    own: config.namespace,
    bundle: () => identity?.bundle() ?? null,
    waitedMs: (namespace) =>
      waitedFor(identity?.announcedSince(), spaces.all().get(namespace)?.since, Date.now()),
    owner: () => ownerOf(kube),
    log,
    onWrite: metrics.certificateWrite,
    onBehind: (behind, isAwaited) => events.note(noteOfBehind(behind, isAwaited)),
    now,
  })
  const clusterDomain = clusterDomainFor(config.clusterDomain, resolvConf)
  const apiCertificate =
    config.apiCertificate === 'on'
      ? handOverApiCertificate({
          client: kube,
          namespace: config.namespace,
          names: namesOf(API_SERVICE, config.namespace, clusterDomain),
          lifeMs: config.apiLeafSeconds * 1000,
          owner: () => ownerOf(kube),
          authority: () => identity,
          onFault: events.note,
          now: () => new Date(),
          log,
        })
      : null
  const news = new News(now)
  const sweep = startSweep({
    kube,
    spaces: spaces.all,
    systemNamespace: config.namespace,
    everyMs: config.sweepSeconds * 1000,
    onFindings: (findings) => {
      for (const note of news.of(findings)) events.note(note)
    },
    log,
    now,
  })
  spaces.onChange((name) => {
    publisher.look()
    sweep.changed(name)
  })

  let isSynced = false
  const markSynced = readiness.task('api-server-lists')
  void cluster.synced.then(() => {
    isSynced = true
    hub.start()
    markSynced()
    log.info({ spaces: cluster.views().all.spaces.size }, 'cluster is known')
  })
  const view = () => (isSynced ? cluster.views().all : null)

  const signIn = createSignIn({
    review: tokens.review,
    systemNamespace: config.namespace,
    count: metrics.signIn,
    log,
  })
  const resources = {
    store,
    followers,
    systemNamespace: config.namespace,
    spaces: () => {
      const known = view()
      return known && summarizeSpaces(known)
    },
    sidecars: () => sidecarsOf(hub.sidecars(), sweep.findings()),
    now: () => Date.now(),
  }
  const bound = ({ server }: FastifyInstance) =>
    boundConnections(server, {
      ...{ most: MAX_CONNECTIONS, now, log },
      onClosed: metrics.connectionClosed,
    })
  const tls = openTlsPort({
    keepIdentity: () =>
      keepControllerIdentity({
        config,
        clusterDomain,
        kube,
        log,
        events,
        isPublished: publisher.isPublished,
        now,
      }),
    createServer: async (leaf) => {
      const server = await createTlsServer({ leaf, signIn, hub, ingest, resources, log })
      bound(server)
      return server
    },
    host: config.host,
    port: config.tlsPort,
    onIdentity: (keeper) => {
      identity = keeper
      metrics.expiry(keeper.expiry())
      publisher.look()
      apiCertificate?.look()
    },
    log,
  })
  const isPlain = config.plainData === 'on'
  const markOpen = isPlain ? () => {} : readiness.task('certificate')
  void tls.open.then((bound) => {
    markOpen()
    log.info({ ...bound }, 'TLS port is open')
  })

  const app = createServer(log)
  bound(app)
  const end = endOf(app)
  const close = async () => {
    readiness.drain()
    for (const follower of [cluster, spaces, publisher, sweep, apiCertificate]) follower?.stop()
    // Streams first: a server waits for every open answer before it closes.
    hub.close()
    followers.close()
    await Promise.all([end(CLOSE_MS), tls.close()])
    events.close()
    store.close()
  }
  try {
    healthRoutes(app, readiness, metrics)
    if (isPlain) {
      feedRoutes(app, hub)
      spaceRoutes(app, view)
      ingestRoutes(app, { ingest })
      traceRoutes(app, { store, followers })
    }
    await viewerRoutes(app, config.viewerDirectory, log)
    return { address: await listen(app, config.host, config.port), tls: tls.open, close }
  } catch (error) {
    await close()
    throw error
  }
}
