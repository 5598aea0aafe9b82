/** Which namespaces are spaces, for what the controller does in each of them beside routing. */
import { spaceSince } from '../core/injection/space-since.ts'
import { watchCache } from '../core/kube/cache.ts'
import type { KubeClient } from '../core/kube/client.ts'
import type { Namespace } from '../core/kube/types.ts'
import type { Log } from '../core/log.ts'
import { LABEL } from '../core/names.ts'

export interface SpaceFacts {
  name: string
  labels: Readonly<Record<string, string>>
  /** Since when it is a space, in ms since 1970; null if nobody knows. */
  since: number | null
}

export interface SpaceWatch {
  /** By name; namespaces that are being deleted are left out, because nothing can be made in them. */
  all(): ReadonlyMap<string, SpaceFacts>
  /** Calls back when a namespace has become a space, or is one no more. */
  onChange(listener: (name: string) => void): void
  readonly synced: Promise<void>
  stop(): void
}

type Kept = Namespace & { since: number | null }

export function watchSpaces(kube: KubeClient, log: Log): SpaceWatch {
  const spaces = new Map<string, SpaceFacts>()
  const listeners: ((name: string) => void)[] = []
  const cache = watchCache<Namespace>(kube, '/api/v1/namespaces', log, { keep: keptOf })
  cache.onChange(({ key, now }) => {
    const was = spaces.has(key)
    const isSpace =
      now?.metadata.labels?.[LABEL.space] === 'true' && now.metadata.deletionTimestamp === undefined
    if (isSpace) {
      spaces.set(key, { name: key, labels: now.metadata.labels ?? {}, since: (now as Kept).since })
    } else spaces.delete(key)
    if (was !== isSpace) for (const listener of listeners) listener(key)
  })
  return {
    all: () => spaces,
    onChange: (listener) => void listeners.push(listener),
    synced: cache.synced,
    stop: () => cache.stop(),
  }
}

/** A namespace's managed fields are the longest part of it, and looked at once. */
function keptOf(namespace: Namespace): Kept {
  const { name, resourceVersion, labels = {}, deletionTimestamp } = namespace.metadata
  const ours = Object.entries(labels).filter(([key]) => key.startsWith('azds.io/'))
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      labels: Object.fromEntries(ours),
    },
    since: spaceSince(namespace),
  }
}
