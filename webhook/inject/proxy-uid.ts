/** The sidecar's uid: its traffic is never redirected, so no container of the app may share it. */
import type { Container, Pod } from '../../core/kube/types.ts'
import { ALTERNATIVE_PROXY_UIDS, PROXY_UID } from '../../core/names.ts'

/**
 * The first free uid of 1337 and its alternatives; null if the app runs as all of them.
 * A uid that only the app's image names cannot be seen here.
 */
export function chooseProxyUid(pod: Pod): number | null {
  const taken = new Set(appContainers(pod).map((container) => uidOf(pod, container)))
  return [PROXY_UID, ...ALTERNATIVE_PROXY_UIDS].find((uid) => !taken.has(uid)) ?? null
}

function appContainers(pod: Pod): Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
}

function uidOf(pod: Pod, container: Container): number | undefined {
  return container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser
}
