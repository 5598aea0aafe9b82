/**
 * Keeps ConfigMap `azds-ca` in every space and in our own namespace: the certificates by which sidecars know
 * the controller. An edit is put right as soon as it is seen; where the label goes, the ConfigMap goes.
 */
import { type Cached, watchCache } from '../core/kube/cache.ts'
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { KubeObject, OwnerReference } from '../core/kube/types.ts'
import type { Log } from '../core/log.ts'
import { CA_CONFIG_MAP, PART_OF, PART_OF_LABEL } from '../core/names.ts'
import { type Behind, CaBacklog } from './ca-backlog.ts'

export type ConfigMap = KubeObject & { data?: Record<string, string> }

const KEY = 'ca.crt'
const MANAGER = 'azds-controller'
/** With this selector a role limited to one name may list and watch, over all namespaces. */
const COLLECTION = `/api/v1/configmaps?fieldSelector=metadata.name%3D${CA_CONFIG_MAP}`
/**
 * What has not come back through the watch is done again after the first time (ms); what fails, later each
 * time, until the last.
 */
const RETRY_MS = { first: 2000, last: 60_000 }
/** Writes under way at once: 1,000 spaces are done in a second or two, and nobody else is kept waiting. */
const IN_FLIGHT = 5

export interface Plan {
  /** Namespaces whose ConfigMap is to be made or put right. */
  apply: string[]
  /** Namespaces whose ConfigMap is to go. */
  remove: string[]
}

/**
 * @param wanted namespaces that must have it
 * @param found what is there, by namespace
 */
export function planOf(
  wanted: ReadonlySet<string>,
  found: ReadonlyMap<string, ConfigMap>,
  bundle: string,
): Plan {
  return {
    apply: [...wanted].filter((namespace) => !isRight(found.get(namespace), bundle)),
    // What only has the name is somebody else's.
    remove: [...found]
      .filter(([namespace, { metadata }]) => !wanted.has(namespace) && isOurs(metadata.labels))
      .map(([namespace]) => namespace),
  }
}

function isRight(map: ConfigMap | undefined, bundle: string): boolean {
  return map?.data?.[KEY] === bundle && isOurs(map.metadata.labels)
}

const isOurs = (labels: Record<string, string> | undefined): boolean =>
  labels?.[PART_OF_LABEL] === PART_OF

export interface PublisherParts {
  kube: KubeClient
  /** Names of all spaces, and our own namespace. */
  namespaces: () => ReadonlySet<string>
  /** Our own namespace. */
  own: string
  /** The certificates (PEM); null while there are none. */
  bundle: () => string | null
  /** For how long (ms) a rotation has waited for a namespace, also before this process started; null for none under way. */
  waitedMs: (namespace: string) => number | null
  /** What ends the ConfigMaps when the installation goes. */
  owner: () => Promise<OwnerReference | null>
  log: Log
  onWrite: (outcome: 'applied' | 'removed' | 'failed') => void
  /** Told at each try of a namespace that has been without them for longer than it takes to write. */
  onBehind: (behind: Behind, isAwaited: boolean) => void
  /** Monotonic time in ms. */
  now: () => number
}

export interface CaPublisher {
  /** Whether all namespaces hold this bundle, but for those that a rotation waits for no more. */
  isPublished(bundle: string): boolean
  /** Namespaces that have been without the bundle for longer than it takes to write it. */
  behind(): Behind[]
  /** Looks again: spaces or certificates have changed. */
  look(): void
  stop(): void
}

export function publishCa(parts: PublisherParts): CaPublisher {
  const { kube, namespaces, bundle, log, onWrite } = parts
  const maps: Cached<ConfigMap> = watchCache<ConfigMap>(kube, COLLECTION, log, { keep: keptOf })
  /** What was sent a moment ago, and may not have come back yet. */
  const sent = new Map<string, string>()
  const backlog = new CaBacklog(parts.own, parts.now)
  let isSynced = false
  let working = false
  let again = false
  let pauseMs: number = RETRY_MS.first
  let retry: NodeJS.Timeout | undefined
  let stopped = false

  const found = () =>
    new Map([...maps.values()].map((map) => [map.metadata.namespace ?? '', map] as const))

  const look = (): void => {
    if (!isSynced || stopped) return
    if (working) again = true
    else void work()
  }

  async function work(): Promise<void> {
    working = true
    do {
      again = false
      const text = bundle()
      if (text !== null) await bring(text)
    } while (again && !stopped)
    working = false
    if (sent.size > 0) rest()
  }

  async function bring(text: string): Promise<void> {
    const wanted = namespaces()
    const { apply, remove } = planOf(wanted, found(), text)
    const lacking = new Set(apply)
    const right = [...wanted].filter((namespace) => !lacking.has(namespace))
    backlog.update({ behind: apply, right, waitedMs: parts.waitedMs })
    const due = apply.filter((namespace) => sent.get(namespace) !== text)
    const owner = due.length > 0 ? await parts.owner() : null
    const jobs = [
      ...due.map((name) => () => write(name, text, owner).catch((error) => failed(name, error))),
      ...remove
        .filter((name) => sent.get(name) !== GONE)
        .map((name) => () => drop(name).catch((error) => failed(name, error))),
    ]
    const runners = Array.from({ length: IN_FLIGHT }, async () => {
      for (let job = jobs.shift(); job && !stopped; job = jobs.shift()) await job()
    })
    await Promise.all(runners)
    const tried = new Set(due)
    for (const one of backlog.list())
      if (tried.has(one.namespace)) parts.onBehind(one, backlog.isAwaited(one.namespace))
  }

  async function write(
    namespace: string,
    text: string,
    owner: OwnerReference | null,
  ): Promise<void> {
    sent.set(namespace, text)
    const apply = () =>
      kube.apply(pathOf(namespace), configMapOf(namespace, text, owner), {
        manager: MANAGER,
        force: true,
      })
    try {
      await apply()
    } catch (error) {
      // 422: somebody has made it immutable, and one space must not keep all from a new authority.
      if (!(error instanceof KubeError) || error.status !== 422) throw error
      await kube.delete(pathOf(namespace))
      await apply()
    }
    pauseMs = RETRY_MS.first
    backlog.wrote(namespace, null)
    onWrite('applied')
  }

  async function drop(namespace: string): Promise<void> {
    sent.set(namespace, GONE)
    try {
      await kube.delete(pathOf(namespace))
      onWrite('removed')
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 404) throw error
    }
  }

  function failed(namespace: string, error: Error): void {
    pauseMs = Math.min(pauseMs * 2, RETRY_MS.last)
    backlog.wrote(namespace, error.message)
    onWrite('failed')
    log.warn({ namespace, error: error.message, retryMs: pauseMs }, 'certificates not published')
  }

  function rest(): void {
    clearTimeout(retry)
    retry = setTimeout(() => {
      sent.clear()
      look()
    }, pauseMs).unref()
  }

  maps.onChange(({ old, now }) => {
    // Somebody has touched it: what was sent before does not count.
    const namespace = (now ?? old)?.metadata.namespace ?? ''
    if (sent.get(namespace) !== (now?.data?.[KEY] ?? GONE)) sent.delete(namespace)
    look()
  })
  void maps.synced.then(() => {
    isSynced = true
    look()
  })
  return {
    isPublished(wanted) {
      if (!isSynced) return false
      const { apply } = planOf(namespaces(), found(), wanted)
      return !apply.some(backlog.isAwaited)
    },
    behind: () => backlog.list(),
    look,
    stop() {
      stopped = true
      clearTimeout(retry)
      maps.stop()
    },
  }
}

/** Stands for a ConfigMap that was removed; no bundle is empty. */
const GONE = ''

const pathOf = (namespace: string): string =>
  `/api/v1/namespaces/${namespace}/configmaps/${CA_CONFIG_MAP}`

function configMapOf(namespace: string, bundle: string, owner: OwnerReference | null): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: CA_CONFIG_MAP,
      namespace,
      labels: { [PART_OF_LABEL]: PART_OF },
      ...(owner && { ownerReferences: [owner] }),
    },
    data: { [KEY]: bundle },
  }
}

function keptOf({ metadata, data }: ConfigMap): ConfigMap {
  const { name, namespace, resourceVersion, labels } = metadata
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels && { labels }),
    },
    ...(data?.[KEY] !== undefined && { data: { [KEY]: data[KEY] } }),
  }
}
