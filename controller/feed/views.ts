/** Cuts the cluster into one view for each tree of spaces. Pure. */
import type { FeedService } from '../../core/routing-feed.ts'
import { chainOf, type Space } from '../../core/spaces.ts'
import { EMPTY_VIEW, type View } from './diff.ts'

export interface Views {
  /** Every tree at once. */
  all: View
  /** The tree that a namespace belongs to; empty if the namespace is no space. */
  ofNamespace(namespace: string): View
  /** Name of that tree's root; null if the namespace is no space. */
  rootOf(namespace: string): string | null
  /** The tree of a root; empty if there is none. */
  ofRoot(root: string): View
}

/** @param services by `space/name`; those outside every space are left out */
export function viewsOf(
  spaces: ReadonlyMap<string, Space>,
  services: Iterable<[string, FeedService]>,
): Views {
  const trees = new Map<
    string,
    { spaces: Map<string, Space>; services: Map<string, FeedService> }
  >()
  const all = { spaces: new Map(spaces), services: new Map<string, FeedService>() }
  const rootOf = new Map<string, string>()
  for (const space of spaces.values()) {
    const root = chainOf(spaces, space.name).names.at(-1) ?? space.name
    rootOf.set(space.name, root)
    const tree = trees.get(root)
    if (tree) tree.spaces.set(space.name, space)
    else trees.set(root, { spaces: new Map([[space.name, space]]), services: new Map() })
  }
  for (const [key, service] of services) {
    const root = rootOf.get(service.space)
    if (root === undefined) continue
    trees.get(root)?.services.set(key, service)
    all.services.set(key, service)
  }
  const ofNamespace = (namespace: string) => {
    const root = rootOf.get(namespace)
    return (root !== undefined && trees.get(root)) || EMPTY_VIEW
  }
  return {
    all,
    ofNamespace,
    rootOf: (namespace) => rootOf.get(namespace) ?? null,
    ofRoot: (root) => trees.get(root) ?? EMPTY_VIEW,
  }
}
