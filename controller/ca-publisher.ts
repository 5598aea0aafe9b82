/**
 * Keeps ConfigMap `azds-ca` in every space and in our own namespace: the certificates by which sidecars know
 * the controller. An edit is put right as soon as it is seen; where the label goes, the ConfigMap goes.
 */
import { type Cached, watchCache } from '../core/kube/cache.ts'
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { KubeObject, OwnerReference } from '../core/kube/types.ts'
import type { Log } from '../core/log.ts'
import { CA_CONFIG_MAP, PART_OF, PART_OF_LABEL } from '../core/names.ts'

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
  /** The certificates (PEM); null while there are none. */
  bundle: () => string | null
  /** What ends the ConfigMaps when the installation goes. */
  owner: () => Promise<OwnerReference | null>
  log: Log
  onWrite: (outcome: 'applied' | 'removed' | 'failed') => void
}

export interface CaPublisher {
  /** Whether all namespaces hold this bundle. */
  isPublished(bundle: string): boolean
  /** Looks again: spaces or certificates have changed. */
  look(): void
  stop(): void
}

export function publishCa(parts: PublisherParts): CaPublisher {
  const { kube, namespaces, bundle, log, onWrite } = parts
  const maps: Cached<ConfigMap> = watchCache<ConfigMap>(kube, COLLECTION, log, { keep: keptOf })
  /** What was sent a moment ago, and may not have come back yet. */
  const sent = new Map<string, string>()
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
    const { apply, remove } = planOf(namespaces(), found(), text)
    const due = apply.filter((namespace) => sent.get(namespace) !== text)
    const owner = due.length > 0 ? await parts.owner() : null
    const jobs = [
      ...due.map((namespace) => () => write(namespace, text, owner)),
      ...remove.filter((name) => sent.get(name) !== GONE).map((name) => () => drop(name)),
    ]
    const runners = Array.from({ length: IN_FLIGHT }, async () => {
      for (let job = jobs.shift(); job && !stopped; job = jobs.shift()) await job().catch(failed)
    })
    await Promise.all(runners)
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

  function failed(error: Error): void {
    pauseMs = Math.min(pauseMs * 2, RETRY_MS.last)
    onWrite('failed')
    log.warn({ error: error.message, retryMs: pauseMs }, 'certificates not published')
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
      return isSynced && planOf(namespaces(), found(), wanted).apply.length === 0
    },
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
