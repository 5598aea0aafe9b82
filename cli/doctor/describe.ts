/** One line for an object in the list below a finding. */
import type { Deployment } from '../install/apply.ts'

/** `azds-webhook: 1 of 2 ready`. */
export function describe({ metadata, spec, status = {} }: Deployment): string {
  return `${metadata.name}: ${status.availableReplicas ?? 0} of ${spec.replicas ?? 1} ready`
}
