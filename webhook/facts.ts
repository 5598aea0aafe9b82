/** Answers what the injection must know from local copies of the cluster's objects: no call per pod. */
import type { Cached } from '../core/kube/cache.ts'
import type { KubeNode, LimitRange, Namespace, ResourceQuota, Service } from '../core/kube/types.ts'
import { chainOf, type Space, spaceOf } from '../core/spaces.ts'
import { indexByNamespace } from './by-namespace.ts'
import type { InjectionFacts } from './inject/facts.ts'
import { kubeletVersionsOf } from './inject/kubelets.ts'

export type FixedFacts = Omit<
  InjectionFacts,
  'namespace' | 'chain' | 'services' | 'kubeletVersions' | 'quotas' | 'limitRanges'
>

/**
 * How long an admission waits for the copy to catch up, in ms. The API server only asks about
 * namespaces that carry our label, so one that is unknown or no space here has just been made, and
 * the watch is a few ms behind. One second of the 5 that an admission may take.
 */
export const CATCH_UP_MS = 1000

export interface FactSource {
  /**
   * Facts about a namespace; null if it is still unknown after `CATCH_UP_MS`.
   * @param givenUp ends the waiting sooner
   */
  of(namespace: string, givenUp?: Promise<void>): Promise<InjectionFacts | null>
}

/** The collections that the webhook follows. */
export interface Copies {
  namespaces: Cached<Namespace>
  nodes: Cached<KubeNode>
  services: Cached<Service>
  /** These two only make warnings: no admission waits for them. */
  quotas: Cached<ResourceQuota>
  limitRanges: Cached<LimitRange>
}

export function createFactSource(copies: Copies, fixed: FixedFacts): FactSource {
  const { namespaces, nodes, services } = copies
  const servicesOf = indexByNamespace(services)
  const quotasOf = indexByNamespace(copies.quotas)
  const limitRangesOf = indexByNamespace(copies.limitRanges)
  const kubeletVersions = followKubelets(nodes)
  const spaces = new Map<string, Space>()
  const waiting = new Set<() => void>()
  const note = (name: string, namespace: Namespace | null) => {
    const space = namespace && spaceOf(name, namespace.metadata.labels)
    if (space) spaces.set(name, space)
    else spaces.delete(name)
  }
  for (const namespace of namespaces.values()) note(namespace.metadata.name ?? '', namespace)
  namespaces.onChange(({ key, now }) => {
    note(key, now)
    for (const wake of waiting) wake()
  })

  // Half a list of nodes or Services would choose layout and ports by chance.
  let synced = false
  void Promise.all([namespaces.synced, nodes.synced, services.synced]).then(() => {
    synced = true
    for (const wake of waiting) wake()
  })

  return {
    async of(name, givenUp) {
      await becomes(() => synced && spaces.has(name), waiting, givenUp)
      const namespace = namespaces.get(name)
      if (!synced || !namespace) return null
      return {
        ...fixed,
        namespace: {
          name,
          labels: namespace.metadata.labels ?? {},
          annotations: namespace.metadata.annotations ?? {},
        },
        chain: chainOf(spaces, name),
        services: servicesOf(name),
        quotas: quotasOf(name),
        limitRanges: limitRangesOf(name),
        kubeletVersions: kubeletVersions(),
      }
    },
  }
}

/** Each version once; walked over all nodes again only after one has changed. */
function followKubelets(nodes: Cached<KubeNode>): () => readonly string[] {
  let known: readonly string[] | null = null
  nodes.onChange(() => {
    known = null
  })
  return () => {
    known ??= [...new Set(kubeletVersionsOf(nodes.values()))]
    return known
  }
}

/** Resolves once `holds` is true after some change, when the time is up, or when it is given up. */
function becomes(
  holds: () => boolean,
  waiting: Set<() => void>,
  givenUp?: Promise<void>,
): Promise<void> {
  if (holds()) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      waiting.delete(check)
      resolve()
    }
    const check = () => {
      if (holds()) end()
    }
    // A process that stood still finds its time over before it has read what came meanwhile: it reads first.
    const timer = setTimeout(() => setImmediate(end), CATCH_UP_MS)
    waiting.add(check)
    void givenUp?.then(end)
  })
}
