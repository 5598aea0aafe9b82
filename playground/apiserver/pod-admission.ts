/** What the API server itself does to each new pod: its service account and the token's volume. */
import { randomBytes } from 'node:crypto'
import type { ApiObject, JsonObject } from './object.ts'
import { objectsOf } from './pod-defaults.ts'

export const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
/** The config map with the API server's CA that every namespace has. */
export const ROOT_CA_CONFIG_MAP = 'kube-root-ca.crt'

/**
 * Gives the pod, in place, a service account and the volume with its token, as the ServiceAccount
 * admission plug-in does. Doing it twice changes nothing but for containers that came in between.
 * @param account the pod's service account; undefined if there is none of that name
 */
export function addServiceAccount(pod: ApiObject, account: ApiObject | undefined): void {
  pod.spec ??= {}
  const spec = pod.spec
  spec['serviceAccountName'] ??= 'default'
  spec['serviceAccount'] = spec['serviceAccountName']
  const automount =
    spec['automountServiceAccountToken'] ?? account?.['automountServiceAccountToken']
  if (automount === false || pod.metadata.annotations?.['kubernetes.io/config.mirror']) return
  const containers = [...objectsOf(spec['initContainers']), ...objectsOf(spec['containers'])]
  const bare = containers.filter(
    (container) =>
      !objectsOf(container['volumeMounts']).some((one) => one['mountPath'] === TOKEN_PATH),
  )
  if (bare.length === 0) return
  const name = tokenVolumeOf(spec)
  for (const container of bare) {
    const mount = { name, readOnly: true, mountPath: TOKEN_PATH }
    container['volumeMounts'] = [...objectsOf(container['volumeMounts']), mount]
  }
}

function tokenVolumeOf(spec: JsonObject): string {
  const volumes = objectsOf(spec['volumes'])
  const known = volumes.find((volume) => String(volume['name']).startsWith('kube-api-access-'))
  if (known) return String(known['name'])
  const name = `kube-api-access-${randomBytes(3).toString('hex').slice(0, 5)}`
  spec['volumes'] = [
    ...volumes,
    { name, projected: { defaultMode: 0o644, sources: tokenSources() } },
  ]
  return name
}

function tokenSources(): JsonObject[] {
  return [
    // 3607 s is what Kubernetes asks for here: an hour, recognisably not a user's own number.
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: ROOT_CA_CONFIG_MAP, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: {
        items: [
          { path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
        ],
      },
    },
  ]
}

/** A new pod's status. */
export function initialPodStatus(spec: JsonObject): JsonObject {
  return { phase: 'Pending', qosClass: qosClassOf(spec) }
}

function qosClassOf(spec: JsonObject): string {
  const all = [...objectsOf(spec['initContainers']), ...objectsOf(spec['containers'])].map(
    ({ resources }) => (resources ?? {}) as { limits?: JsonObject; requests?: JsonObject },
  )
  const some = ({ limits = {}, requests = {} }: (typeof all)[number]) =>
    Object.keys(limits).length + Object.keys(requests).length > 0
  if (!all.some(some)) return 'BestEffort'
  const guaranteed = all.every(({ limits = {}, requests = {} }) =>
    ['cpu', 'memory'].every((one) => limits[one] && limits[one] === requests[one]),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}
