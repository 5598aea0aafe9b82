/** Reads `azds.io/build` and checks it against the pod that asks. */
import type { Container, Pod } from '../../core/kube/types.ts'
import { ANNOTATION, type BuildRequest } from '../../core/names.ts'
import type { FieldError } from './facts.ts'
import { isObject, parseObject } from './json.ts'

export type BuildRequestResult = { ok: true; value: BuildRequest } | { ok: false; message: string }

const REQUIRED = ['source', 'image'] as const
const OPTIONAL = ['dockerfile', 'context', 'target'] as const
const KEYS: readonly string[] = [...REQUIRED, ...OPTIONAL, 'args']

/** The JSON as a request with only the keys of the contract, or what is wrong with it. */
export function parseBuildRequest(text: string): BuildRequestResult {
  const value = parseObject(text)
  if (!value)
    return fail(
      'is not a JSON object: expected {"source": "<archive>", "image": "<repository>:<tag>"}',
    )
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key))
  if (unknown !== undefined)
    return fail(`has the unknown key "${unknown}"; known are ${KEYS.join(', ')}`)
  for (const key of REQUIRED) {
    if (!isFilled(value[key])) return fail(`${key} is missing: expected a string that is not empty`)
  }
  for (const key of OPTIONAL) {
    if (value[key] !== undefined && !isFilled(value[key]))
      return fail(`${key} is ${JSON.stringify(value[key])}: expected a string that is not empty`)
  }
  for (const key of ['dockerfile', 'context'] as const) {
    if (leavesArchive(value[key]))
      return fail(`${key} "${value[key]}" leads out of the source archive`)
  }
  if (!isArgs(value['args'])) return fail('args is not an object of strings')
  return { ok: true, value: value as unknown as BuildRequest }
}

/** A pod that waits for an image which nobody has would hang, and only its node's kubelet would say why. */
export const NO_BUILDS: FieldError = {
  field: `metadata.annotations["${ANNOTATION.build}"]`,
  message:
    'asks for a build, and this installation builds nothing: remove it, and give the container an image that a registry has',
}

/** Faults that only show together with the pod: nobody uses the image, or the kubelet would pull it. */
export function checkBuild(pod: Pod, request: BuildRequest): FieldError[] {
  const users = (['initContainers', 'containers'] as const).flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container, index) =>
      container.image === request.image ? [{ field: `spec.${list}[${index}]`, container }] : [],
    ),
  )
  if (users.length === 0) {
    return [
      {
        field: `metadata.annotations["${ANNOTATION.build}"]`,
        message: `image "${request.image}" is used by no container of the pod: write it exactly as the container does`,
      },
    ]
  }
  return users
    .filter(({ container }) => isAlwaysPulled(container))
    .map(({ field }) => ({
      field: `${field}.imagePullPolicy`,
      message: `is Always, so the kubelet would ask a registry for "${request.image}", which is built on the node: set IfNotPresent`,
    }))
}

/** Kubernetes' own default applies where the field is empty: Always for `latest` and for no tag. */
function isAlwaysPulled({ imagePullPolicy, image = '' }: Container): boolean {
  if (imagePullPolicy) return imagePullPolicy === 'Always'
  if (image.includes('@')) return false
  const tag = /:([^/:]+)$/.exec(image)?.[1]
  return tag === undefined || tag === 'latest'
}

function leavesArchive(path: unknown): boolean {
  if (typeof path !== 'string') return false
  return path.startsWith('/') || path.split('/').includes('..')
}

function isArgs(value: unknown): boolean {
  if (value === undefined) return true
  return isObject(value) && Object.values(value).every((item) => typeof item === 'string')
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== ''
}

const fail = (message: string): BuildRequestResult => ({ ok: false, message })
