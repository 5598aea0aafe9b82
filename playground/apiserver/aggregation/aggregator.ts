/** Keeps the state of all APIServices: the local ones listed, the others asked again and again. */
import type { Log } from '../../../core/log.ts'
import { internalWrite } from '../caller.ts'
import type { IssuedCertificate } from '../certificates.ts'
import { type JsonObject, sameJson, timestamp } from '../object.ts'
import type { Objects } from '../objects.ts'
import { apiVersionOf, splitGroupVersion } from '../resources.ts'
import { ServiceConnections } from '../service-connections.ts'
import {
  type AggregatedApi,
  API_SERVICES,
  aggregatedApiAt,
  aggregatedApis,
  availabilityOf,
  type Condition,
  readApiService,
} from './api-services.ts'
import { askApi } from './ask.ts'
import { failedCheck, LOCAL, obstacleOf, PASSED } from './availability.ts'
import { type DiscoveredVersion, discover } from './discovered.ts'
import type { ForwardContext } from './forward.ts'

/** Time between two looks at a server, in ms: while it answers, and while it does not. */
const LOOK_MS = { good: 5000, bad: 500 }

const WRITE = internalWrite('kube-aggregator')

export class Aggregator {
  readonly context: ForwardContext
  readonly #objects: Objects
  readonly #log: Log
  readonly #known = new Map<string, DiscoveredVersion>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #looking = new Map<string, Promise<void>>()
  readonly #unfollow: () => void
  #closed = false

  constructor(objects: Objects, certificate: IssuedCertificate, log: Log) {
    this.#objects = objects
    this.#log = log
    const connections = new ServiceConnections(true)
    this.context = { store: objects.store, connections, certificate }
    this.#unfollow = objects.store.follow((storage, { object, type }) => {
      if (storage === API_SERVICES) {
        if (type === 'DELETED') this.#forget(object.metadata.name)
        else if (readApiService(object)) this.#lookSoon(object.metadata.name)
      } else if (storage === 'apiextensions.k8s.io/customresourcedefinitions') {
        void this.listLocal()
      } else if (storage === '/services' || storage === 'discovery.k8s.io/endpointslices') {
        const { namespace, name, labels } = object.metadata
        this.#serviceChanged(namespace ?? '', labels?.['kubernetes.io/service-name'] ?? name)
      }
    })
  }

  /** The one that answers for a path; null if this server does. */
  at(pathname: string): AggregatedApi | null {
    return aggregatedApiAt(this.#objects.store, pathname)
  }

  /** Groups that others answer for, as `/apis` lists them in the aggregated form. */
  discovery(): JsonObject[] {
    const groups = new Map<string, JsonObject[]>()
    for (const api of aggregatedApis(this.#objects.store)) {
      const known = this.#known.get(api.name)?.version
      const version = known ?? { version: api.version, resources: [] }
      const versions = groups.get(api.group) ?? []
      versions.push({ ...version, freshness: api.available && known ? 'Current' : 'Stale' })
      groups.set(api.group, versions)
    }
    return [...groups].map(([name, versions]) => ({ metadata: { name }, versions }))
  }

  /** Versions of each group that others answer for, whether they are there or not. */
  groups(): Map<string, string[]> {
    const groups = new Map<string, string[]>()
    for (const { group, version } of aggregatedApis(this.#objects.store)) {
      groups.set(group, [...(groups.get(group) ?? []), version])
    }
    return groups
  }

  /** Paths below `/openapi/v3/` that others have documents for, and who. */
  openApi(): Map<string, AggregatedApi> {
    const paths = new Map<string, AggregatedApi>()
    for (const api of aggregatedApis(this.#objects.store)) {
      for (const path of this.#known.get(api.name)?.openApiPaths ?? []) paths.set(path, api)
    }
    return paths
  }

  /** One object for each group version that this server has itself. */
  async listLocal(): Promise<void> {
    const { registry, store } = this.#objects
    const resource = registry.builtIn('apiregistration.k8s.io/v1', 'apiservices')
    const served = new Set(registry.all().map(apiVersionOf))
    const local = store.list(API_SERVICES).filter((one) => readApiService(one) === null)
    for (const apiVersion of served) {
      const [group, version] = splitGroupVersion(apiVersion)
      const name = `${version}.${group}`
      if (store.get(API_SERVICES, undefined, name)) continue
      const spec = {
        ...(group && { group }),
        version,
        groupPriorityMinimum: 17_000,
        versionPriority: 15,
      }
      const labels = { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' }
      await this.#objects.create(
        { resource, namespace: null },
        { metadata: { name, labels }, spec },
        WRITE,
      )
      await this.#report(name, LOCAL)
    }
    for (const { metadata, spec = {} } of local) {
      const group = spec['group'] ? `${spec['group']}/` : ''
      if (served.has(`${group}${spec['version']}`)) continue
      const ref = { resource, namespace: null, name: metadata.name }
      if (this.#objects.find(ref)) await this.#objects.remove(ref, {}, WRITE)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#unfollow()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.context.connections.close()
    await Promise.all(this.#looking.values())
  }

  #serviceChanged(namespace: string, service: string): void {
    for (const api of aggregatedApis(this.#objects.store)) {
      if (api.namespace === namespace && api.service === service) this.#lookSoon(api.name)
    }
  }

  #forget(name: string): void {
    clearTimeout(this.#timers.get(name))
    this.#timers.delete(name)
    this.#known.delete(name)
  }

  #lookSoon(name: string, ms = 0): void {
    if (this.#closed) return
    clearTimeout(this.#timers.get(name))
    const timer = setTimeout(() => {
      this.#timers.delete(name)
      if (this.#looking.has(name)) return this.#lookSoon(name, LOOK_MS.bad)
      const look = this.#look(name)
        .catch((error: Error) => this.#log.warn({ name, error: error.message }, 'APIService'))
        .finally(() => this.#looking.delete(name))
      this.#looking.set(name, look)
    }, ms)
    timer.unref()
    this.#timers.set(name, timer)
  }

  async #look(name: string): Promise<void> {
    const object = this.#objects.store.get(API_SERVICES, undefined, name)
    if (!object) return
    const api = readApiService(object)
    if (!api) return
    const obstacle = obstacleOf(this.#objects.store, api) ?? (await this.#ask(api))
    if (this.#closed) return
    await this.#report(name, obstacle ?? PASSED)
    if (!this.#timers.has(name)) this.#lookSoon(name, obstacle ? LOOK_MS.bad : LOOK_MS.good)
  }

  async #ask(api: AggregatedApi): Promise<Condition | null> {
    try {
      await askApi(this.context, api, `/apis/${api.group}/${api.version}`)
      this.#known.set(api.name, await discover(this.context, api))
      return null
    } catch (error) {
      return failedCheck((error as Error).message)
    }
  }

  async #report(name: string, condition: Condition): Promise<void> {
    const resource = this.#objects.registry.builtIn('apiregistration.k8s.io/v1', 'apiservices')
    const ref = { resource, namespace: null, name, subresource: 'status' }
    const live = this.#objects.find(ref)
    if (!live) return
    const { lastTransitionTime: since, ...before } = {
      lastTransitionTime: '',
      ...availabilityOf(live),
    }
    if (sameJson(before, condition)) return
    const now = timestamp(this.#objects.now())
    const time = before.status === condition.status && since ? since : now
    const next = { ...condition, lastTransitionTime: time }
    await this.#objects.update(ref, (one) => ({ ...one, status: { conditions: [next] } }), WRITE)
  }
}
