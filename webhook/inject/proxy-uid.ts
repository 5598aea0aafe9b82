/** The sidecar's uid: its traffic is never redirected, so no container of the app may share it. */
import type { Container, Pod } from '../../core/kube/types.ts'
import { ALTERNATIVE_PROXY_UIDS, CONTAINER, PROXY_UID } from '../../core/names.ts'

/**
 * The first free uid of 1337 and its alternatives; null if the app runs as all of them.
 * A uid that only the app's image names cannot be seen here. The pod's own counts also where each of its
 * containers names another: containers of other webhooks, and for debugging, may still come.
 */
export function chooseProxyUid({ spec }: Pod): number | null {
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  const taken = [spec, ...all].map(({ securityContext }) => securityContext?.runAsUser)
  return [PROXY_UID, ...ALTERNATIVE_PROXY_UIDS].find((uid) => !taken.includes(uid)) ?? null
}

/** Whether a container that has come after the sidecar runs as it does, and would never be redirected. */
export function hasUidClash({ spec }: Pod): boolean {
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  const uidOf = ({ securityContext }: Container) =>
    securityContext?.runAsUser ?? spec.securityContext?.runAsUser
  const proxy = all.find(({ name }) => name === CONTAINER.proxy)
  const uid = proxy && uidOf(proxy)
  return typeof uid === 'number' && all.some((one) => one !== proxy && uidOf(one) === uid)
}
