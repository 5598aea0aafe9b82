/** What `azds inspect` has to know besides the pod: from the cluster, or as the flags assume it. */
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { KubeNode, Service } from '../core/kube/types.ts'
import { CONTROLLER_SERVICE, LABEL, SYSTEM_NAMESPACE } from '../core/names.ts'
import type { TargetedService } from '../core/service-target.ts'
import { chainOf } from '../core/spaces.ts'
import type { InjectionFacts } from '../webhook/inject/facts.ts'
import { kubeletVersionsOf } from '../webhook/inject/kubelets.ts'
import { DEFAULT_PROXY_RESOURCES, parseResources } from '../webhook/inject/resources.ts'
import { CliError, usageError } from './command.ts'
import { allowedSpaces, type SpaceTree } from './spaces.ts'

/** A kubelet that has native sidecars: 1.29 was the first, and it is out of support. */
const ASSUMED_KUBELET = 'v1.29.0'

/**
 * The defaults of the webhook's settings. A cluster's webhook may be set up otherwise; nothing but
 * image names, resources and the controller's address differs then.
 */
function fixedFacts() {
  const resources = parseResources(DEFAULT_PROXY_RESOURCES, null)
  if (!resources.ok) throw new Error(`default resources: ${resources.message}`)
  return {
    images: {
      proxy: 'azds/proxy:dev',
      proxyInit: 'azds/proxy-init:dev',
      build: null,
    },
    clusterDomain: 'cluster.local',
    systemNamespace: SYSTEM_NAMESPACE,
    controllerUrl: `http://${CONTROLLER_SERVICE}.${SYSTEM_NAMESPACE}.svc.cluster.local`,
    proxyResources: resources.resources,
    proxyLogLevel: 'info',
  } as const
}

export interface OfflineFlags {
  space: string
  /** Ancestors, nearest first. */
  parents: readonly string[]
  kubelet: string | undefined
  services: readonly TargetedService[]
}

/** Facts for a space that is only assumed. */
export function offlineFacts(flags: OfflineFlags): InjectionFacts {
  const { space, parents, kubelet, services } = flags
  const names = [space, ...parents]
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice)
    throw usageError(`--parent: "${twice}" is named twice, so it would be its own ancestor`)
  const labels: Record<string, string> = { [LABEL.space]: 'true' }
  if (parents[0]) labels[LABEL.parentSpace] = parents[0]
  return {
    ...fixedFacts(),
    namespace: { name: space, labels, annotations: {} },
    chain: { names, problem: null },
    services,
    kubeletVersions: [kubelet ?? ASSUMED_KUBELET],
  }
}

/** What the cluster tells; read once, used for every pod of a manifest. */
export interface ClusterFacts {
  tree: SpaceTree
  kubeletVersions: string[]
}

/**
 * The Services of a namespace as they will be once the manifest has been applied: those of the cluster,
 * and the manifest's own in place of those with the same name. `allowed` is false where the cluster's may not
 * be read.
 */
export async function servicesIn(
  client: KubeClient,
  namespace: string,
  ofManifest: readonly TargetedService[],
): Promise<{ services: TargetedService[]; allowed: boolean }> {
  const path = `/api/v1/namespaces/${namespace}/services`
  const found = await client.get<{ items: Service[] }>(path).catch((error: Error) => {
    if (!(error instanceof KubeError) || error.status !== 403) throw error
    return null
  })
  const names = new Set(ofManifest.map(({ metadata }) => metadata.name))
  const others = (found?.items ?? []).filter(({ metadata }) => !names.has(metadata.name))
  return { services: [...others, ...ofManifest], allowed: found !== null }
}

export async function readClusterFacts(client: KubeClient): Promise<ClusterFacts> {
  const [tree, nodes] = await Promise.all([
    allowedSpaces(client),
    client.get<{ items: KubeNode[] }>('/api/v1/nodes').catch((error: Error) => {
      if (!(error instanceof KubeError) || error.status !== 403) throw error
      return { items: [] }
    }),
  ])
  return { tree, kubeletVersions: kubeletVersionsOf(nodes.items) }
}

/** Facts for a namespace of the cluster; throws where it does not exist. */
export function clusterFacts(
  { tree, kubeletVersions }: ClusterFacts,
  { name, kubelet, services }: Omit<OfflineFlags, 'space' | 'parents'> & { name: string },
): InjectionFacts {
  const namespace = tree.namespaces.get(name)
  if (!namespace) {
    throw new CliError(
      `namespace "${name}" does not exist: create it with \`azds space create ${name}\`, or pass --offline to assume it`,
    )
  }
  const { labels = {}, annotations = {} } = namespace.metadata
  return {
    ...fixedFacts(),
    namespace: { name, labels, annotations },
    chain: chainOf(tree.spaces, name),
    services,
    kubeletVersions: kubelet ? [kubelet] : kubeletVersions,
  }
}
