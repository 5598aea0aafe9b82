/** Which pods of a namespace lack a sidecar: read with the user's rights, judged as the controller judges. */
import { type AuditFinding, audit } from '../core/injection/audit.ts'
import { spaceSince } from '../core/injection/space-since.ts'
import type { Namespace, Pod } from '../core/kube/types.ts'
import { SYSTEM_NAMESPACE } from '../core/names.ts'

/** @param systemNamespace of the control plane, whose pods are left alone */
export function auditSpace(
  namespace: Namespace,
  pods: readonly Pod[],
  systemNamespace: string = SYSTEM_NAMESPACE,
): AuditFinding[] {
  const { name = '', labels = {} } = namespace.metadata
  return audit(pods, {
    namespace: { name, labels },
    systemNamespace,
    spaceSince: spaceSince(namespace),
  })
}

/** `Deployment web: 3 pods`, each workload once; pods that nothing owns stand for themselves. */
export function byWorkload(findings: readonly AuditFinding[]): string[] {
  const pods = new Map<string, number>()
  for (const { pod, owner } of findings) {
    const { kind, name } = owner?.workload ?? { kind: 'Pod', name: pod.name }
    const key = `${pod.namespace}: ${kind} ${name}`
    pods.set(key, (pods.get(key) ?? 0) + 1)
  }
  return [...pods].map(([key, count]) => (count > 1 ? `${key} (${count} pods)` : key))
}
