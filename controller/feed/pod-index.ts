/** Which pods' own state may have changed, so that only their readers are looked at. */
import type { Pod, Service } from '../../core/kube/types.ts'
import { NO_POD, type PodState, podStateOf } from './pod-state.ts'

/** What may have changed since it was asked for last. */
export interface StalePods {
  /** All pods of these namespaces. */
  namespaces: ReadonlySet<string>
  /** Single ones, as `namespace/pod`. */
  pods: ReadonlySet<string>
}

export interface PodsAndServices {
  pod(key: string): Pod | undefined
  servicesIn(namespace: string): Iterable<Service>
}

export class PodIndex {
  readonly #objects: PodsAndServices
  #namespaces = new Set<string>()
  #pods = new Set<string>()

  constructor(objects: PodsAndServices) {
    this.#objects = objects
  }

  /** A Service selects by labels, and names ports: any pod of its namespace may be concerned. */
  serviceChanged(namespace: string): void {
    this.#namespaces.add(namespace)
  }

  /** @param key `namespace/pod` */
  podChanged(key: string): void {
    this.#pods.add(key)
  }

  takeStale(): StalePods {
    const stale = { namespaces: this.#namespaces, pods: this.#pods }
    this.#namespaces = new Set()
    this.#pods = new Set()
    return stale
  }

  state(namespace: string, name: string): PodState {
    const pod = this.#objects.pod(`${namespace}/${name}`)
    return pod ? podStateOf(pod, this.#objects.servicesIn(namespace)) : NO_POD
  }
}
