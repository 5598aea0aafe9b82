/**
 * Takes an earlier injection out of a pod, so that it can be injected anew: of a copy that has lost its status
 * annotation, or that an older version of the webhook injected. Probes that were rewritten tell
 * themselves what they ask about: `tcp-probes.ts` decides about them anew.
 */
import type { Container, Pod } from '../../core/kube/types.ts'
import { ANNOTATION, CONTAINER, IDENTITY_VOLUME } from '../../core/names.ts'
import { copyOf } from './json.ts'

const OURS: readonly string[] = Object.values(CONTAINER)

/** A copy of the pod without what we inject. */
export function strip(pod: Pod): Pod {
  const copy = copyOf(pod)
  const { spec, metadata } = copy
  const isTheirs = ({ name }: Container) => !OURS.includes(name)
  spec.containers = spec.containers.filter(isTheirs)
  if (spec.initContainers) spec.initContainers = spec.initContainers.filter(isTheirs)
  if (spec.volumes) spec.volumes = spec.volumes.filter(({ name }) => name !== IDENTITY_VOLUME)
  if (metadata.annotations) delete metadata.annotations[ANNOTATION.status]
  return copy
}
