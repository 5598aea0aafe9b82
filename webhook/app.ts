/** Puts the webhook together: copies of what it must know, trust, server, Events. */
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { authorityLimits } from '../core/authority/settings.ts'
import { boundConnections } from '../core/bounded-connections.ts'
import { closable, endOf } from '../core/close-server.ts'
import type { Config } from '../core/config.ts'
import { watchCache } from '../core/kube/cache.ts'
import type { KubeClient } from '../core/kube/client.ts'
import { createEventRecorder } from '../core/kube/events.ts'
import { Readiness } from '../core/lifecycle.ts'
import { listenOn } from '../core/listen.ts'
import type { Log } from '../core/log.ts'
import { CONTROLLER_SERVICE } from '../core/names.ts'
import { clusterDomainFor } from '../core/place.ts'
import { createAdmit } from './admit.ts'
import type { settings } from './config.ts'
import { createOwnerLookup } from './event-owner.ts'
import { type Copies, createFactSource, type FixedFacts } from './facts.ts'
import {
  keptOfLimitRange,
  keptOfNamespace,
  keptOfNode,
  keptOfQuota,
  keptOfService,
} from './kept-objects.ts'
import { createMetrics } from './metrics.ts'
import { type MetricsServer, serveMetrics } from './metrics-server.ts'
import { CONFIGURATION_COPIES, type WebhookConfiguration } from './registration.ts'
import { createServer } from './server.ts'
import { startTrust, type Trust } from './trust.ts'

export type WebhookConfig = Config<typeof settings>

export interface WebhookApp {
  /** Where the server listens. */
  address: AddressInfo
  metricsPort: number
  /** Certificates (PEM) by which API servers are to know this server, now. */
  authority(): string
  /** Fails readiness, serves on for the drain time, then ends. */
  close(): Promise<void>
}

export interface AppParts {
  config: WebhookConfig
  client: KubeClient
  log: Log
  /** Text of the program's own resolv.conf. */
  resolvConf?: string
  /** Wall clock. */
  now?: () => Date
}

/** Open requests get this much longer (ms): the API server gives up after 5 s. */
const CLOSE_MS = 6000

/**
 * Most connections at once. An API server opens one for each review that is under way, of which it has 200 at most, and
 * keeps 25 of them; three API servers share two replicas. One takes up to 90 KB with a head that never ends: 46 MB.
 */
const MAX_CONNECTIONS = 512

/** Resolves once the server listens; it is ready when an API server could call it. */
export async function startWebhook(parts: AppParts): Promise<WebhookApp> {
  const { config, client, log, resolvConf = '', now = () => new Date() } = parts
  const { namespace, podName } = config
  const clusterDomain = clusterDomainFor(config.clusterDomain, resolvConf)
  const complete = createOwnerLookup(client)
  const events = createEventRecorder({
    ...{ client, now, log, complete },
    component: 'webhook',
    instance: podName,
  })
  const metrics = createMetrics({ droppedEvents: () => events.dropped })
  const readiness = new Readiness()
  const cachesDone = readiness.task('namespaces, nodes and Services')
  const callable = readiness.task('webhook configuration')
  const copies = followCluster(client, log)
  const configurations = watchCache<WebhookConfiguration>(client, CONFIGURATION_COPIES, log)
  void Promise.all(
    [copies.namespaces, copies.nodes, copies.services].map((one) => one.synced),
  ).then(cachesDone)
  let trust: Trust | null = null
  let metricsServer: MetricsServer | null = null
  const stop = () => {
    trust?.stop()
    metricsServer?.close()
    events.close()
    for (const cache of [...Object.values(copies), configurations]) cache.stop()
  }
  try {
    trust = await startTrust({
      ...{ client, configurations, events, metrics, namespace, podName, clusterDomain, now, log },
      limits: authorityLimits(config),
    })
    const facts = createFactSource(copies, fixedFacts(config, clusterDomain))
    const steady = () => performance.now()
    const admit = createAdmit({ facts, metrics, log, note: events.note, now: steady })
    const { authority } = trust
    const server = createServer({
      ...{ admit, metrics, readiness },
      certificate: authority.leaf(),
      certificateEnds: () => authority.expiry().leaf,
      now: steady,
    })
    boundConnections(server, {
      ...{ most: MAX_CONNECTIONS, now: steady, log },
      onClosed: metrics.connectionClosed,
    })
    const end = endOf(closable(server))
    const { address: host, metricsPort: port } = config
    metricsServer = await serveMetrics(metrics, { address: host, port }, log)
    await listenOn(server, config.address, config.port)
    const address = server.address() as AddressInfo
    const ports = { port: address.port, metricsPort: metricsServer.port }
    log.info({ address: address.address, ...ports, clusterDomain }, 'listening')
    trust.serve(server, callable)
    return {
      address,
      metricsPort: metricsServer.port,
      authority: authority.bundle,
      async close() {
        readiness.drain()
        log.info({ seconds: config.drainSeconds }, 'draining')
        await sleep(config.drainSeconds * 1000)
        await end(CLOSE_MS)
        stop()
      },
    }
  } catch (error) {
    stop()
    throw error
  }
}

function followCluster(client: KubeClient, log: Log): Copies {
  return {
    namespaces: watchCache(client, '/api/v1/namespaces', log, { keep: keptOfNamespace }),
    nodes: watchCache(client, '/api/v1/nodes', log, { keep: keptOfNode }),
    services: watchCache(client, '/api/v1/services', log, { keep: keptOfService }),
    quotas: watchCache(client, '/api/v1/resourcequotas', log, { keep: keptOfQuota }),
    limitRanges: watchCache(client, '/api/v1/limitranges', log, { keep: keptOfLimitRange }),
  }
}

function fixedFacts(config: WebhookConfig, clusterDomain: string): FixedFacts {
  const { namespace } = config
  return {
    images: {
      proxy: config.proxyImage,
      proxyInit: config.proxyInitImage,
      build: config.buildImage,
    },
    clusterDomain,
    systemNamespace: namespace,
    layout: config.layout,
    // The whole name: it also resolves in a pod whose dnsConfig has no search domains.
    controllerUrl:
      config.controllerUrl ?? `https://${CONTROLLER_SERVICE}.${namespace}.svc.${clusterDomain}`,
    proxyResources: config.proxyResources,
    proxyLogLevel: config.proxyLogLevel,
  }
}
