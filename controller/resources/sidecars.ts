/** The sidecars of all spaces as objects: those whose feed is open, and pods that should have one. Pure. */
import { type AuditFinding, describeFinding } from '../../core/injection/audit.ts'
import type { SidecarReport } from '../../core/routing-feed.ts'
import { API_GROUP_VERSION, type Sidecar } from '../../core/trace-resource.ts'
import { timestampOf } from './objects.ts'

/** A feed that is open, as the hub tells it. */
export interface OpenFeed {
  namespace: string
  pod: string
  /** Since when, in ms since 1970. */
  since: number
  table: string | null
  report: SidecarReport | null
}

/** By namespace and name. Pods that are left alone on purpose are not missing. */
export function sidecarsOf(
  feeds: readonly OpenFeed[],
  findings: readonly AuditFinding[],
): Sidecar[] {
  const all = new Map<string, Sidecar>()
  const put = (namespace: string, name: string, status: Sidecar['status']) =>
    all.set(`${namespace}/${name}`, {
      apiVersion: API_GROUP_VERSION,
      kind: 'Sidecar',
      metadata: { name, namespace },
      status,
    })
  for (const finding of findings) {
    if (!finding.fault) continue
    const { pod, owner, reason } = finding
    put(pod.namespace, pod.name, {
      state: 'missing',
      reason,
      message: describeFinding(finding),
      owner: owner && { kind: owner.workload.kind, name: owner.workload.name },
    })
  }
  for (const { namespace, pod, since, table, report } of feeds) {
    put(namespace, pod, {
      state: 'connected',
      since: timestampOf(since),
      table,
      version: report?.version ?? null,
      search: report?.search ?? null,
      parentLookup: report?.parentLookup ?? null,
    })
  }
  const byKey = ([a]: [string, Sidecar], [b]: [string, Sidecar]) => (a < b ? -1 : 1)
  return [...all].sort(byKey).map(([, sidecar]) => sidecar)
}
