/** Follows the API server and keeps the state that feeds are cut from, recomputing only what changed. */
import { type Cached, objectKey, watchCache } from '../../core/kube/cache.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import {
  type EndpointSlice,
  type Namespace,
  type Pod,
  SERVICE_NAME_LABEL,
  type Service,
} from '../../core/kube/types.ts'
import type { Log } from '../../core/log.ts'
import { LABEL } from '../../core/names.ts'
import { type FeedService, serviceKey } from '../../core/routing-feed.ts'
import { feedServiceOf, spacesOf } from './cluster-state.ts'
import { keptNamespace, keptPod, keptService, keptSlice } from './kept-objects.ts'
import { PodIndex, type StalePods } from './pod-index.ts'
import type { PodState } from './pod-state.ts'
import { type Views, viewsOf } from './views.ts'

const PATH = {
  namespaces: '/api/v1/namespaces',
  services: '/api/v1/services',
  slices: '/apis/discovery.k8s.io/v1/endpointslices',
  // Only pods with a sidecar ask for a feed.
  pods: `/api/v1/pods?labelSelector=${encodeURIComponent(`${LABEL.instrumented}=true`)}`,
} as const

export class Cluster {
  /** Resolves once the first list of every collection is in. */
  readonly synced: Promise<void>
  readonly #namespaces: Cached<Namespace>
  readonly #services: Cached<Service>
  readonly #slices: Cached<EndpointSlice>
  readonly #pods: Cached<Pod>
  readonly #slicesOf = new Map<string, Map<string, EndpointSlice>>()
  readonly #servicesIn = new Map<string, Map<string, Service>>()
  readonly #feedServices = new Map<string, FeedService>()
  /** Services whose entry in `#feedServices` is out of date. */
  readonly #stale = new Set<string>()
  #views: Views | null = null
  readonly #podIndex: PodIndex
  readonly #onChange: () => void

  /**
   * @param onChange called after each change of any object, also while the first lists come in
   * @param onPodGone called with the uid of a pod that has gone, or has lost its label
   */
  constructor(
    kube: KubeClient,
    log: Log,
    onChange: () => void,
    onPodGone: (uid: string) => void = () => {},
  ) {
    this.#onChange = onChange
    this.#namespaces = watchCache(kube, PATH.namespaces, log, { keep: keptNamespace })
    this.#services = watchCache(kube, PATH.services, log, { keep: keptService })
    this.#slices = watchCache(kube, PATH.slices, log, { keep: keptSlice })
    this.#pods = watchCache(kube, PATH.pods, log, { keep: keptPod })
    this.#podIndex = new PodIndex({
      pod: (key) => this.#pods.get(key),
      servicesIn: (namespace) => this.#servicesIn.get(namespace)?.values() ?? [],
    })
    this.#namespaces.onChange(({ key }) => this.#namespaceChanged(key))
    this.#services.onChange(({ key, now }) => this.#serviceChanged(key, now))
    this.#slices.onChange(({ old, now }) => this.#sliceChanged(old, now))
    // A pod changes nobody's view, only what its own feed says of it.
    this.#pods.onChange(({ key, old, now }) => {
      const uid = old?.metadata.uid
      if (uid !== undefined && uid !== now?.metadata.uid) onPodGone(uid)
      this.#podIndex.podChanged(key)
      this.#onChange()
    })
    const all = [this.#namespaces, this.#services, this.#slices, this.#pods]
    this.synced = Promise.all(all.map((cache) => cache.synced)).then(() => {})
  }

  /** The present state, cut by tree. The same object until something changes. */
  views(): Views {
    if (this.#views) return this.#views
    for (const key of this.#stale) this.#refresh(key)
    this.#stale.clear()
    this.#views = viewsOf(spacesOf(this.#namespaces.values()), this.#feedServices)
    return this.#views
  }

  /** What the feed of a pod says of it. */
  podState(namespace: string, podName: string): PodState {
    return this.#podIndex.state(namespace, podName)
  }

  /** Whether this pod is there and followed, so that its end will be told. */
  follows(namespace: string, podName: string, uid: string): boolean {
    return this.#pods.get(`${namespace}/${podName}`)?.metadata.uid === uid
  }

  /** Pods whose state may have changed since this was called last. */
  takeStale(): StalePods {
    return this.#podIndex.takeStale()
  }

  stop(): void {
    for (const cache of [this.#namespaces, this.#services, this.#slices, this.#pods]) cache.stop()
  }

  #namespaceChanged(name: string): void {
    for (const key of this.#servicesIn.get(name)?.keys() ?? []) this.#stale.add(key)
    this.#changed()
  }

  #serviceChanged(key: string, now: Service | null): void {
    const [namespace = ''] = key.split('/')
    put(this.#servicesIn, namespace, key, now)
    this.#podIndex.serviceChanged(namespace)
    this.#stale.add(key)
    this.#changed()
  }

  #sliceChanged(old: EndpointSlice | null, now: EndpointSlice | null): void {
    // Both, because the label that names the Service can be changed on a living slice.
    for (const [slice, kept] of [
      [old, null],
      [now, now],
    ] as const) {
      const service = slice?.metadata.labels?.[SERVICE_NAME_LABEL]
      if (!slice || !service) continue
      const key = serviceKey(slice.metadata.namespace ?? '', service)
      put(this.#slicesOf, key, objectKey(slice), kept)
      this.#stale.add(key)
    }
    this.#changed()
  }

  #changed(): void {
    this.#views = null
    this.#onChange()
  }

  #refresh(key: string): void {
    const service = this.#services.get(key)
    const [namespace = ''] = key.split('/')
    // A namespace on its way out takes its pods along: its spaces' requests fall back from now on.
    const leaving = this.#namespaces.get(namespace)?.metadata.deletionTimestamp !== undefined
    const slices = [...(this.#slicesOf.get(key)?.values() ?? [])]
    const now = service && !leaving ? feedServiceOf(service, slices) : null
    if (now) this.#feedServices.set(key, now)
    else this.#feedServices.delete(key)
  }
}

function put<T>(index: Map<string, Map<string, T>>, outer: string, inner: string, value: T | null) {
  const entries = index.get(outer) ?? new Map<string, T>()
  if (value) entries.set(inner, value)
  else entries.delete(inner)
  if (entries.size > 0) index.set(outer, entries)
  else index.delete(outer)
}
