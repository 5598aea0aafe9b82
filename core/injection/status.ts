/** The annotation that records what was injected, and what it tells about a pod that comes again. */
import type { Container, Pod } from '../kube/types.ts'
import { ANNOTATION, CONTAINER, type DirectPorts, type InjectionStatus } from '../names.ts'

/** Grows by one whenever the injected containers change their form. */
export const STATUS_VERSION = '2'

const OUR_NAMES: readonly string[] = Object.values(CONTAINER)

/** A container that has one of our names. */
export interface OurContainer {
  /** `spec.initContainers[1].name`. */
  field: string
  name: string
}

/**
 * What a pod already carries.
 *
 * | containers with our names | status annotation names them all | state     |
 * |---------------------------|----------------------------------|-----------|
 * | none                      | any                              | fresh     |
 * | some                      | yes                              | injected  |
 * | some                      | no, or no annotation             | collision |
 *
 * A status that does not name the sidecar and its init container is none of ours. A status without
 * containers is a copy (`kubectl get pod -o yaml` pasted into a Deployment) and is
 * overwritten.
 */
export type Injected =
  | { state: 'fresh' }
  | { state: 'injected'; status: InjectionStatus }
  | { state: 'collision'; found: OurContainer[] }

/** The status of a pod that has been injected; null for any other. */
export function statusOf(pod: Pod): InjectionStatus | null {
  const injected = stateOf(pod)
  return injected.state === 'injected' ? injected.status : null
}

export function stateOf(pod: Pod): Injected {
  const found = ourContainers(pod)
  if (found.length === 0) return { state: 'fresh' }
  const status = parseStatus(pod.metadata.annotations?.[ANNOTATION.status])
  const claimed = status ? [...status.initContainers, ...status.containers].toSorted() : []
  const present = found.map(({ name }) => name).toSorted()
  if (status && claimed.join() === present.join()) return { state: 'injected', status }
  return { state: 'collision', found }
}

function ourContainers(pod: Pod): OurContainer[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) =>
    (pod.spec[list] ?? []).flatMap(({ name }: Container, index) =>
      OUR_NAMES.includes(name) ? [{ field: `spec.${list}[${index}].name`, name }] : [],
    ),
  )
}

/** Null for anything that the webhook cannot have written. */
export function parseStatus(text: string | undefined): InjectionStatus | null {
  if (text === undefined) return null
  try {
    const status = JSON.parse(text)
    const sound =
      typeof status?.version === 'string' &&
      (status.layout === 'native' || status.layout === 'classic') &&
      isNames(status.initContainers) &&
      isNames(status.containers) &&
      status.initContainers.includes(CONTAINER.proxyInit) &&
      status[status.layout === 'native' ? 'initContainers' : 'containers'].includes(CONTAINER.proxy)
    return sound ? { ...status, direct: directOf(status.direct) } : null
  } catch {
    return null
  }
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

/** What the status says of ports; what cannot be ours is left out, since it is only shown. */
function directOf(value: unknown): DirectPorts[] {
  if (!Array.isArray(value)) return []
  return value.filter(
    (entry) =>
      typeof entry === 'object' &&
      entry !== null &&
      ['ports', 'reason'].every((key) => typeof entry[key] === 'string') &&
      ['service', 'appProtocol'].every((key) =>
        ['string', 'undefined'].includes(typeof entry[key]),
      ),
  )
}
