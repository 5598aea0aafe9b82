/** What a pod belongs to: the object that made it, and the workload above that, both without asking the API server. */
import type { Pod } from '../kube/types.ts'

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  /** Absent where the pod is only a template of one. */
  uid?: string
}

export interface PodOwner {
  /** What the pod's own reference names: a ReplicaSet, a StatefulSet, a Job. */
  direct: OwnerReference
  /** What people know it by, and restart: the Deployment of the ReplicaSet, the CronJob of the Job. */
  workload: Omit<OwnerReference, 'uid'>
}

/** A CronJob names its jobs `<name>-<minutes since 1970>`, which has eight digits until 2160. */
const CRON_JOB_RUN = /^(.+)-\d{8}$/

/** What makes ReplicaSets named `<name>-<hash>`, and the label of their pods that holds the hash. */
const REPLICA_SET_MAKERS = [
  { label: 'pod-template-hash', apiVersion: 'apps/v1', kind: 'Deployment' },
  { label: 'rollouts-pod-template-hash', apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout' },
] as const

/** The one that controls the pod, else the first; null if nothing owns it. */
export function ownerOf(pod: Pod): PodOwner | null {
  const owners = pod.metadata.ownerReferences ?? []
  const owner = owners.find((candidate) => candidate.controller) ?? owners[0]
  if (!owner) return null
  const { apiVersion, kind, name, uid } = owner as OwnerReference
  const direct = { apiVersion, kind, name, ...(uid !== undefined && { uid }) }
  return { direct, workload: makerOf(direct, pod) ?? { apiVersion, kind, name } }
}

/** The name under which traces group a pod; null if nothing owns it. */
export function workloadOf(pod: Pod): string | null {
  return ownerOf(pod)?.workload.name ?? null
}

function makerOf({ kind, name }: OwnerReference, pod: Pod): PodOwner['workload'] | null {
  if (kind === 'Job') {
    const cronJob = CRON_JOB_RUN.exec(name)?.[1]
    return cronJob ? { apiVersion: 'batch/v1', kind: 'CronJob', name: cronJob } : null
  }
  if (kind !== 'ReplicaSet') return null
  for (const { label, ...maker } of REPLICA_SET_MAKERS) {
    const hash = pod.metadata.labels?.[label]
    if (!hash || !name.endsWith(`-${hash}`) || name.length === hash.length + 1) continue
    return { ...maker, name: name.slice(0, -hash.length - 1) }
  }
  return null
}
