/**
 * Which AppArmor profile our containers name. A pod's own profile is written for the app: under one that denies
 * a socket or NET_ADMIN, ours would not start, and the pod with them. So they name the runtime's, but only
 * where the pod names one of the node's: a kubelet without AppArmor refuses any pod that names a profile.
 *
 * | the pod's own appArmorProfile | ours           |
 * |-------------------------------|----------------|
 * | of type Localhost             | RuntimeDefault |
 * | any other, or none            | none           |
 *
 * The seccomp profile has no such condition: our containers name it always. The kernel's labels (seLinuxOptions)
 * stay the pod's, since no type is known to be right on every node.
 */
import type { Pod } from '../../core/kube/types.ts'
import { isObject } from './json.ts'

/** Fields of a container's securityContext. */
export interface Confinement {
  appArmorProfile?: { type: 'RuntimeDefault' }
}

export function confinementIn({ spec }: Pod): Confinement {
  const profile = spec.securityContext?.['appArmorProfile']
  const isNodes = isObject(profile) && profile['type'] === 'Localhost'
  return isNodes ? { appArmorProfile: { type: 'RuntimeDefault' } } : {}
}
