/** A small cluster as data: the tree dev -> alice -> alice-web, one node, and the facts about it. */
import type { Cached } from '../../core/kube/cache.ts'
import { objectKey } from '../../core/kube/cache.ts'
import type {
  KubeNode,
  KubeObject,
  LimitRange,
  Namespace,
  ResourceQuota,
  Service,
} from '../../core/kube/types.ts'
import { type Copies, createFactSource, type FixedFacts } from '../../webhook/facts.ts'
import type { InjectionFacts } from '../../webhook/inject/facts.ts'

export const fixed: FixedFacts = {
  images: { proxy: 'azds/proxy:1', proxyInit: 'azds/proxy-init:1', build: 'azds/build-init:1' },
  systemNamespace: 'azds',
  clusterDomain: 'cluster.local',
  controllerUrl: 'http://azds-controller.azds',
  proxyResources: {
    limits: { cpu: '1', memory: '256Mi' },
    requests: { cpu: '20m', memory: '96Mi' },
  },
  proxyLogLevel: 'info',
}

export function namespace(
  name: string,
  labels: Record<string, string> = {},
  annotations: Record<string, string> = {},
): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations } }
}

export function space(name: string, parent?: string): Namespace {
  return namespace(name, {
    'azds.io/space': 'true',
    ...(parent && { 'azds.io/parent-space': parent }),
  })
}

export function node(name: string, kubeletVersion: string): KubeNode {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { nodeInfo: { kubeletVersion, operatingSystem: 'linux' } },
  }
}

export const TREE = [space('dev'), space('alice', 'dev'), space('alice-web', 'alice')]
export const NODES = [node('node-1', 'v1.34.1')]

/** A copy of a collection that never changes unless the test says so. */
export function cacheOf<T extends KubeObject>(objects: T[]) {
  const map = new Map(objects.map((object) => [objectKey(object), object]))
  const listeners: Parameters<Cached<T>['onChange']>[0][] = []
  const cached: Cached<T> = {
    get: (key) => map.get(key),
    values: () => map.values(),
    get size() {
      return map.size
    },
    synced: Promise.resolve(),
    onChange: (listener) => listeners.push(listener),
    stop: () => {},
  }
  const set = (object: T) => {
    const key = objectKey(object)
    const old = map.get(key) ?? null
    map.set(key, object)
    for (const listener of listeners) listener({ key, old, now: object })
  }
  const remove = (object: T) => {
    const key = objectKey(object)
    const old = map.get(key) ?? null
    map.delete(key)
    for (const listener of listeners) listener({ key, old, now: null })
  }
  return { cached, set, remove }
}

/** Copies that never change. */
export function copiesOf(objects: {
  namespaces?: Namespace[]
  nodes?: KubeNode[]
  services?: Service[]
  quotas?: ResourceQuota[]
  limitRanges?: LimitRange[]
}): Copies {
  const { namespaces = TREE, nodes = NODES, services = [], quotas = [], limitRanges = [] } = objects
  return {
    namespaces: cacheOf(namespaces).cached,
    nodes: cacheOf(nodes).cached,
    services: cacheOf(services).cached,
    quotas: cacheOf(quotas).cached,
    limitRanges: cacheOf(limitRanges).cached,
  }
}

/** Facts about one namespace of the cluster, which must exist. */
export async function factsOf(
  name = 'alice',
  namespaces: Namespace[] = TREE,
  nodes: KubeNode[] = NODES,
  services: Service[] = [],
): Promise<InjectionFacts> {
  const source = createFactSource(copiesOf({ namespaces, nodes, services }), fixed)
  const facts = await source.of(name)
  if (!facts) throw new Error(`the test names no namespace ${name}`)
  return facts
}
