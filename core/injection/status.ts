/** The annotation that records what was injected, and what it tells about a pod that comes again. */
import type { Container, Pod } from '../kube/types.ts'
import {
  ANNOTATION,
  CONTAINER,
  type DirectPorts,
  ENV,
  type InjectionStatus,
  type RewrittenProbe,
} from '../names.ts'

/** Grows by one whenever the injected containers change their form. */
export const STATUS_VERSION = '3'

const OUR_NAMES: readonly string[] = Object.values(CONTAINER)

/** A container that has one of our names. */
export interface OurContainer {
  /** `spec.initContainers[1].name`. */
  field: string
  name: string
  container: Container
}

/**
 * What a pod already carries.
 *
 * | containers with our names | status annotation names them all | they have our environment | state     |
 * |---------------------------|----------------------------------|---------------------------|-----------|
 * | none                      | any                              |                           | fresh     |
 * | some                      | yes                              | any                       | injected  |
 * | some                      | no, or no annotation             | all of them               | remains   |
 * | some                      | no, or no annotation             | not all of them           | collision |
 *
 * A status that does not name the sidecar and its init container is none of ours. A status without
 * containers is a copy (`kubectl get pod -o yaml` pasted into a Deployment) and is
 * overwritten. Remains are what `kubectl debug --copy-to` leaves, which takes annotations off.
 */
export type Injected =
  | { state: 'fresh' }
  | { state: 'injected'; status: InjectionStatus }
  | { state: 'remains' }
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
  const remain = found.every(({ container }) => hasOurEnvironment(container))
  const claimed = status ? [...status.initContainers, ...status.containers].toSorted() : []
  const present = found.map(({ name }) => name).toSorted()
  if (status && claimed.join() === present.join()) return { state: 'injected', status }
  return remain ? { state: 'remains' } : { state: 'collision', found }
}

/** All that we inject has a log level, and either a place in the tree of spaces or a build to do. */
function hasOurEnvironment({ env }: Container): boolean {
  const names = Array.isArray(env) ? env.map((variable) => variable?.name) : []
  const purpose = names.includes(ENV.spaceChain) || names.includes(ENV.buildRequest)
  return purpose && names.includes(ENV.logLevel)
}

function ourContainers(pod: Pod): OurContainer[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container: Container, index) =>
      OUR_NAMES.includes(container.name)
        ? [{ field: `spec.${list}[${index}].name`, name: container.name, container }]
        : [],
    ),
  )
}

/** Null for anything that the webhook cannot have written. */
export function parseStatus(text: string | null | undefined): InjectionStatus | null {
  if (typeof text !== 'string') return null
  try {
    const status = JSON.parse(text)
    const sound =
      typeof status?.version === 'string' &&
      (status.layout === 'native' || status.layout === 'classic') &&
      isNames(status.initContainers) &&
      isNames(status.containers) &&
      status.initContainers.includes(CONTAINER.proxyInit) &&
      status[status.layout === 'native' ? 'initContainers' : 'containers'].includes(CONTAINER.proxy)
    if (!sound) return null
    return { ...status, direct: directOf(status.direct), probes: probesOf(status.probes) }
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

/** As `directOf`. */
function probesOf(value: unknown): RewrittenProbe[] {
  if (!Array.isArray(value)) return []
  return value.filter(
    (entry) =>
      typeof entry?.container === 'string' &&
      typeof entry.probe === 'string' &&
      typeof entry.port === 'number',
  )
}
