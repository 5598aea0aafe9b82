/** Puts the webhook together: copies of what it must know, certificate, server, registration. */
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeServer } from '../core/close-server.ts'
import type { Config } from '../core/config.ts'
import { watchCache } from '../core/kube/cache.ts'
import type { KubeClient } from '../core/kube/client.ts'
import type { KubeNode, Namespace, Service } from '../core/kube/types.ts'
import { Readiness } from '../core/lifecycle.ts'
import type { Log } from '../core/log.ts'
import { CONTROLLER_SERVICE, SYSTEM_NAMESPACE } from '../core/names.ts'
import { createAdmit } from './admit.ts'
import { loadAuthority } from './authority-secret.ts'
import { createLeaf, expiryOf } from './certificate.ts'
import type { settings } from './config.ts'
import { createFactSource, type FixedFacts } from './facts.ts'
import { keepLeafFresh } from './leaf-renewal.ts'
import { createMetrics } from './metrics.ts'
import { CONFIGURATION_PATH, keepRegistered, type WebhookConfiguration } from './registration.ts'
import { createServer, type WebhookServer } from './server.ts'
import { keptOfService } from './services.ts'

export type WebhookConfig = Config<typeof settings>

export interface WebhookApp {
  /** Where the server listens. */
  address: AddressInfo
  /** Certificate of the authority (PEM) that signs for this server. */
  authority: string
  /** Fails readiness, serves on for the drain time, then ends. */
  close(): Promise<void>
}

export interface AppParts {
  config: WebhookConfig
  client: KubeClient
  log: Log
  /** Wall clock. */
  now?: () => Date
}

/** Open requests get this much longer (ms): the API server gives up after 5 s. */
const CLOSE_MS = 6000

export async function startWebhook(parts: AppParts): Promise<WebhookApp> {
  const { config, client, log, now = () => new Date() } = parts
  const authority = await loadAuthority(client, now())
  const leaf = await createLeaf(authority, now())
  const metrics = createMetrics()
  metrics.certificateExpiry(expiryOf(leaf))
  const readiness = new Readiness()
  const cachesDone = readiness.task('namespaces, nodes and Services')
  const registered = readiness.task('webhook configuration')

  const namespaces = watchCache<Namespace>(client, '/api/v1/namespaces', log)
  const nodes = watchCache<KubeNode>(client, '/api/v1/nodes', log)
  const services = watchCache<Service>(client, '/api/v1/services', log, { keep: keptOfService })
  const configurations = watchCache<WebhookConfiguration>(client, CONFIGURATION_PATH, log)
  void Promise.all([namespaces.synced, nodes.synced, services.synced]).then(cachesDone)
  const stopCaches = () => {
    for (const cache of [namespaces, nodes, services, configurations]) cache.stop()
  }

  const facts = createFactSource({ namespaces, nodes, services }, fixedFacts(config))
  const admit = createAdmit({ facts, metrics, log, now: () => performance.now() })
  const server = createServer({ certificate: leaf, admit, metrics, readiness })
  try {
    await listen(server, config)
  } catch (error) {
    stopCaches()
    throw error
  }
  const address = server.server.address() as AddressInfo
  log.info({ address: address.address, port: address.port }, 'listening')
  const renewal = keepLeafFresh({ authority, server: server.server, metrics, now, log })
  const registration = keepRegistered({
    client,
    configurations,
    authority: authority.cert,
    log,
    onRegistered: registered,
  })

  return {
    address,
    authority: authority.cert,
    async close() {
      readiness.drain()
      log.info({ seconds: config.drainSeconds }, 'draining')
      await sleep(config.drainSeconds * 1000)
      registration.stop()
      renewal.stop()
      await closeServer(server, CLOSE_MS)
      stopCaches()
    },
  }
}

function fixedFacts(config: WebhookConfig): FixedFacts {
  return {
    images: {
      proxy: config.proxyImage,
      proxyInit: config.proxyInitImage,
      build: config.buildImage,
    },
    clusterDomain: config.clusterDomain,
    systemNamespace: SYSTEM_NAMESPACE,
    // The whole name: it also resolves in a pod whose dnsConfig has no search domains.
    controllerUrl:
      config.controllerUrl ??
      `http://${CONTROLLER_SERVICE}.${SYSTEM_NAMESPACE}.svc.${config.clusterDomain}`,
    proxyResources: config.proxyResources,
    proxyLogLevel: config.proxyLogLevel,
  }
}

/** `::` takes both families; a machine without IPv6 has no such address and gets all of IPv4. */
async function listen(server: WebhookServer, { address, port }: WebhookConfig): Promise<void> {
  try {
    await server.listen({ host: address, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT' || address !== '::') throw error
    await server.listen({ host: '0.0.0.0', port })
  }
}
