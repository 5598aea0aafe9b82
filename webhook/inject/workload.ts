/** The name under which traces group a pod: its Deployment, StatefulSet, CronJob and so on. */
import type { Pod } from '../../core/kube/types.ts'

/** A CronJob names its jobs `<name>-<minutes since 1970>`, which has eight digits until 2160. */
const CRON_JOB_RUN = /^(.+)-\d{8}$/

/**
 * Derives the name from the owner without asking the API server: a ReplicaSet's is the Deployment's
 * plus the pod's template hash. Null if nothing owns the pod.
 */
export function workloadOf(pod: Pod): string | null {
  const owners = pod.metadata.ownerReferences ?? []
  const owner = owners.find((candidate) => candidate.controller) ?? owners[0]
  if (!owner) return null
  if (owner.kind === 'ReplicaSet') return withoutTemplateHash(owner.name, pod)
  if (owner.kind === 'Job') return CRON_JOB_RUN.exec(owner.name)?.[1] ?? owner.name
  return owner.name
}

function withoutTemplateHash(name: string, pod: Pod): string {
  const hash = pod.metadata.labels?.['pod-template-hash']
  return hash && name.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : name
}
