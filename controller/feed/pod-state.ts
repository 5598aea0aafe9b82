/** What a feed says of its own pod, from the pod and the Services of its namespace. Pure. */
import type { Pod, Service } from '../../core/kube/types.ts'
import { CONTAINER } from '../../core/names.ts'
import type { SelfPort } from '../../core/routing-feed.ts'
import { selfPortsOf } from './cluster-state.ts'

export interface PodState {
  self: SelfPort[]
  /** The pod is being deleted; its endpoints have stopped taking new connections. */
  leaving: boolean
  /** Its own containers are done for good. */
  finished: boolean
}

/** Of a pod that is not known, or of a reader that stands for no pod. */
export const NO_POD: PodState = { self: [], leaving: false, finished: false }

interface ContainerStatus {
  name: string
  state?: { terminated?: { exitCode?: number } }
}

/** @param services of the pod's namespace */
export function podStateOf(pod: Pod, services: Iterable<Service>): PodState {
  return {
    self: selfPortsOf(pod, services),
    leaving: pod.metadata.deletionTimestamp !== undefined,
    finished: isFinished(pod),
  }
}

/**
 * Whether only a sidecar of classic layout, an ordinary container, keeps the pod from ending.
 *
 * | restartPolicy | every other container has terminated  | finished |
 * |---------------|---------------------------------------|----------|
 * | Always        | any                                   | no       |
 * | OnFailure     | with exit code 0                      | yes      |
 * | OnFailure     | one with another, which starts again  | no       |
 * | Never         | with any exit code                    | yes      |
 */
export function isFinished({ spec, status }: Pod): boolean {
  const { restartPolicy = 'Always', containers } = spec
  if (restartPolicy === 'Always') return false
  const others = containers.filter(({ name }) => name !== CONTAINER.proxy)
  // A native sidecar is ended by the kubelet.
  if (others.length === containers.length || others.length === 0) return false
  const statuses = (status?.['containerStatuses'] ?? []) as ContainerStatus[]
  return others.every(({ name }) => {
    const terminated = statuses.find((one) => one.name === name)?.state?.terminated
    if (!terminated) return false
    return restartPolicy === 'Never' || terminated.exitCode === 0
  })
}
