/**
 * The volume with which our containers prove who they are: a token for the controller alone, and the
 * certificates by which they know it. It lies where Kubernetes would put the pod's API token: a container
 * that mounts something there gets none, so ours hold no rights on the API.
 */

import type { Container, Pod } from '../../core/kube/types.ts'
import {
  CA_CONFIG_MAP,
  CONTROLLER_AUDIENCE,
  IDENTITY_DIR,
  IDENTITY_VOLUME,
} from '../../core/names.ts'
import type { FieldError } from './facts.ts'
import { isObject } from './json.ts'

type Volume = NonNullable<Pod['spec']['volumes']>[number]
type Mount = NonNullable<Container['volumeMounts']>[number]

/** Seconds that a token lives: Kubernetes' own default. The kubelet renews it after four fifths of that. */
const TOKEN_SECONDS = 3600

/**
 * What a kubelet would do without a mode: everybody in the pod may read, nobody may write. With an fsGroup it
 * takes away the others' right, and gives every container that group. As octal 0644.
 */
const MODE = 420

export function identityVolume(): Volume {
  return {
    name: IDENTITY_VOLUME,
    projected: {
      defaultMode: MODE,
      sources: [
        {
          serviceAccountToken: {
            audience: CONTROLLER_AUDIENCE,
            expirationSeconds: TOKEN_SECONDS,
            path: 'token',
          },
        },
        {
          // Optional, or a pod would wait for a controller that has not published it yet.
          configMap: {
            name: CA_CONFIG_MAP,
            items: [{ key: 'ca.crt', path: 'ca.crt' }],
            optional: true,
          },
        },
      ],
    },
  }
}

export function identityMount(): Mount {
  return { name: IDENTITY_VOLUME, mountPath: IDENTITY_DIR, readOnly: true }
}

/** Faults of a pod that uses the volume's name for something of its own. */
export function identityTaken(pod: Pod): FieldError[] {
  const volumes = (pod.spec.volumes ?? []).flatMap((volume, index) =>
    volume.name === IDENTITY_VOLUME && !isIdentityVolume(volume)
      ? [fault(`spec.volumes[${index}].name`, 'is the name of the volume', 'rename the volume')]
      : [],
  )
  const mounts = (['initContainers', 'containers'] as const).flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container, index) =>
      (container.volumeMounts ?? []).flatMap(({ name }, mountIndex) =>
        name === IDENTITY_VOLUME
          ? [
              fault(
                `spec.${list}[${index}].volumeMounts[${mountIndex}].name`,
                'is the volume',
                `let container "${container.name}" mount one of the pod's own`,
              ),
            ]
          : [],
      ),
    ),
  )
  return [...volumes, ...mounts]
}

function fault(field: string, what: string, next: string): FieldError {
  const message = `"${IDENTITY_VOLUME}" ${what} with the sidecar's token for the controller: ${next}`
  return { field, message }
}

/** Puts the volume into the pod, in place of one of that name, and its mount into our containers. Changes the pod. */
export function addIdentity(pod: Pod, ours: readonly Container[]): void {
  const volumes = pod.spec.volumes ?? []
  const index = volumes.findIndex(({ name }) => name === IDENTITY_VOLUME)
  const known = volumes[index]
  if (!known) pod.spec.volumes = [...volumes, identityVolume()]
  else if (!isIdentityVolume(known)) pod.spec.volumes = volumes.with(index, identityVolume())
  for (const container of ours) addMount(container)
}

/** The API server's own step may have come to the path first, with the API token. */
function addMount(container: Container): void {
  const mounts = container.volumeMounts ?? []
  const there = mounts.filter(({ mountPath }) => withoutSlash(mountPath) === IDENTITY_DIR)
  const [only, ...more] = there
  if (only?.name === IDENTITY_VOLUME && only.readOnly === true && more.length === 0) return
  const others = mounts.filter((mount) => !there.includes(mount))
  container.volumeMounts = [...others, identityMount()]
}

const withoutSlash = (path: unknown): string => String(path).replace(/\/+$/, '')

/** Whether it gives what ours gives, however it is written. */
function isIdentityVolume({ projected }: Volume): boolean {
  const sources = isObject(projected) ? projected['sources'] : null
  if (!Array.isArray(sources) || sources.length !== 2) return false
  const [token, bundle] = sources.filter(isObject)
  const { audience, path } = isObject(token?.['serviceAccountToken'])
    ? token['serviceAccountToken']
    : {}
  const { name, optional } = isObject(bundle?.['configMap']) ? bundle['configMap'] : {}
  return (
    audience === CONTROLLER_AUDIENCE &&
    path === 'token' &&
    name === CA_CONFIG_MAP &&
    optional === true
  )
}
