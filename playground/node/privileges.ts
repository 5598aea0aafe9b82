/** A container's identity and rights, as arguments of setpriv(1). */
import type { ContainerSpec, PodView } from './pod-view.ts'

/** Capabilities that container runtimes leave to root by default. */
const DEFAULT_CAPABILITIES = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'mknod',
  'audit_write',
  'setfcap',
]

export interface Identity {
  uid: number
  gid: number
  groups: number[]
}

export type IdentityResult = { ok: true; identity: Identity } | { ok: false; mistake: string }

/** Who the container runs as; refuses root where `runAsNonRoot` is set. */
export function identityOf(
  container: ContainerSpec,
  pod: PodView,
  imageUser: number,
): IdentityResult {
  const own = container.securityContext ?? {}
  const shared = pod.spec.securityContext ?? {}
  const uid = own.runAsUser ?? shared.runAsUser ?? imageUser
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) && uid === 0) {
    return {
      ok: false,
      mistake: `container "${container.name}" has runAsNonRoot and would run as root: set runAsUser`,
    }
  }
  const gid = own.runAsGroup ?? shared.runAsGroup ?? 0
  const extra = [...(shared.supplementalGroups ?? [])]
  if (shared.fsGroup !== undefined) extra.push(shared.fsGroup)
  return { ok: true, identity: { uid, gid, groups: extra } }
}

/** The setpriv arguments that come before the command. */
export function setprivArguments(identity: Identity, container: ContainerSpec): string[] {
  const { uid, gid, groups } = identity
  const { privileged, allowPrivilegeEscalation } = container.securityContext ?? {}
  const args = ['--reuid', String(uid), '--regid', String(gid)]
  args.push(...(groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups']))
  if (!privileged) {
    const kept = capabilities(container).map((name) => `,+${name}`)
    args.push('--bounding-set', `-all${kept.join('')}`, '--inh-caps', '-all')
  }
  if (allowPrivilegeEscalation === false) args.push('--no-new-privs')
  return args
}

/** Names as setpriv writes them, without `CAP_`, in lower case. */
export function capabilities(container: ContainerSpec): string[] {
  const { add = [], drop = [] } = container.securityContext?.capabilities ?? {}
  const plain = (name: string) => name.toLowerCase().replace(/^cap_/, '')
  const dropped = new Set(drop.map(plain))
  const kept = dropped.has('all')
    ? []
    : DEFAULT_CAPABILITIES.filter((capability) => !dropped.has(capability))
  return [...new Set([...kept, ...add.map(plain)])]
}
