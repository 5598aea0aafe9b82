/**
 * A client for people and for development: cluster and sign-in come from kubeconfigs, with all their ways
 * (certificates, exec plug-ins). The library that knows them takes 85 MB of memory by being loaded, so
 * the programs in a cluster load this file only where they are told a kubeconfig.
 */
import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { createClient, type KubeClient } from './client.ts'

export interface KubeClientOptions {
  /** Path of a kubeconfig; without one: `kubeconfigs`, then ~/.kube/config, then in-cluster. */
  kubeconfig?: string | undefined
  /**
   * Several, as KUBECONFIG lists them: those that are not there are passed over, and what two of
   * them name is taken from the first, as kubectl does.
   */
  kubeconfigs?: readonly string[] | undefined
  /** Context to use instead of the current one. */
  context?: string | undefined
}

/** What the client library falls back to when it finds no configuration at all. */
const NO_CLUSTER = 'http://localhost:8080'

/** Makes a client; throws a sentence if no cluster is configured. */
export function createKubeClient(options: KubeClientOptions = {}): KubeClient {
  const config = new KubeConfig()
  if (options.kubeconfig) config.loadFromFile(options.kubeconfig)
  else if (options.kubeconfigs?.length) loadFirstWins(config, options.kubeconfigs)
  else config.loadFromDefault()
  if (options.context) {
    if (!config.getContextObject(options.context)) {
      const known = config.getContexts().map((context) => context.name)
      throw new Error(
        `context "${options.context}" is not in the kubeconfig; it has: ${known.join(', ') || 'none'}`,
      )
    }
    config.setCurrentContext(options.context)
  }
  const cluster = config.getCurrentCluster()
  if (
    !cluster ||
    (cluster.server === NO_CLUSTER && !options.kubeconfig && !cluster.skipTLSVerify)
  ) {
    throw new Error('no cluster is configured: set KUBECONFIG or pass --kubeconfig')
  }
  return createClient({
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    userAgent: 'devspaces',
    credentials: async () => {
      const connection: RequestOptions = {}
      await config.applyToHTTPSOptions(connection)
      return connection
    },
  })
}

/** The library's own merging throws on a file that is missing and on a name that comes twice. */
function loadFirstWins(config: KubeConfig, paths: readonly string[]): void {
  const files = paths.filter((path) => existsSync(path))
  if (files.length === 0) {
    throw new Error(
      `no kubeconfig is at ${paths.join(' or ')}: set KUBECONFIG to one that is there`,
    )
  }
  const parts = files.map((path) => {
    const part = new KubeConfig()
    part.loadFromFile(path)
    return part
  })
  config.loadFromOptions({
    clusters: firstOfEachName(parts.flatMap((part) => part.getClusters())),
    users: firstOfEachName(parts.flatMap((part) => part.getUsers())),
    contexts: firstOfEachName(parts.flatMap((part) => part.getContexts())),
    currentContext: parts.map((part) => part.getCurrentContext()).find((name) => name),
  })
}

function firstOfEachName<T extends { name: string }>(all: readonly T[]): T[] {
  return [...new Map(all.toReversed().map((one) => [one.name, one])).values()].reverse()
}
