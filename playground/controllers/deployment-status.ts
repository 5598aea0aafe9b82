/** A deployment's status: counts, and the conditions that `rollout status` and `helm` wait for. */
import { timestamp } from '../apiserver/object.ts'
import {
  type Condition,
  conditionOf,
  type Deployment,
  type ReplicaSet,
  type ReplicaStatus,
  withCondition,
} from './kinds.ts'
import { limitsOf } from './rollout.ts'

type Status = NonNullable<Deployment['status']>

export function deploymentStatus(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  current: ReplicaSet | null,
  now: Date,
): Status {
  const total = (field: 'replicas' | 'readyReplicas' | 'availableReplicas') =>
    sets.reduce((sum, { status }) => sum + (status?.[field] ?? 0), 0)
  const replicas = total('replicas')
  const ready = total('readyReplicas')
  const available = total('availableReplicas')
  const updated = current?.status?.replicas ?? 0
  const unavailable = Math.max(0, deployment.spec.replicas - available)
  const counts: Status = {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...(replicas > 0 && { replicas }),
    ...(updated > 0 && { updatedReplicas: updated }),
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    ...(unavailable > 0 && { unavailableReplicas: unavailable }),
  }
  const conditions = conditionsOf(deployment, counts, current, now)
  return { ...counts, conditions: withFailure(conditions, sets, timestamp(now)) }
}

/** Every pod is of the new version and available, and none of an older one is left. */
export function isComplete({ spec }: Deployment, status: ReplicaStatus): boolean {
  const wanted = spec.replicas
  return (
    (status['updatedReplicas'] ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted
  )
}

function conditionsOf(
  deployment: Deployment,
  counts: Status,
  current: ReplicaSet | null,
  now: Date,
): Condition[] {
  const time = timestamp(now)
  const { replicas, strategy } = deployment.spec
  const { maxUnavailable } =
    strategy.type === 'Recreate'
      ? { maxUnavailable: 0 }
      : limitsOf(strategy.rollingUpdate, replicas)
  const enough = (counts.availableReplicas ?? 0) >= replicas - maxUnavailable
  const available: Condition = enough
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      }
  const before = deployment.status?.conditions
  const old = conditionOf(before, 'Available')
  const sameAvailable = old?.status === available.status && old.lastUpdateTime
  const conditions = withCondition(
    before,
    { ...available, lastUpdateTime: sameAvailable || time },
    time,
  )
  const progressing = progressOf(deployment, counts, current, now)
  return progressing ? withCondition(conditions, progressing, time) : conditions
}

function progressOf(
  deployment: Deployment,
  counts: Status,
  current: ReplicaSet | null,
  now: Date,
): Condition | null {
  const old = conditionOf(deployment.status?.conditions, 'Progressing')
  const time = timestamp(now)
  const name = current?.metadata.name ?? ''
  if (deployment.spec.paused) {
    return {
      type: 'Progressing',
      status: 'Unknown',
      reason: 'DeploymentPaused',
      message: 'Deployment is paused',
      lastUpdateTime: old?.reason === 'DeploymentPaused' ? (old.lastUpdateTime ?? time) : time,
    }
  }
  if (!current) return null
  if (isComplete(deployment, counts)) {
    const message = `ReplicaSet "${name}" has successfully progressed.`
    const same = old?.reason === 'NewReplicaSetAvailable' && old.message === message
    return {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message,
      lastUpdateTime: (same && old.lastUpdateTime) || time,
    }
  }
  const message = `ReplicaSet "${name}" is progressing.`
  const moved =
    old?.message?.includes(`"${name}"`) !== true || progressed(deployment.status, counts)
  const lastUpdateTime = moved ? time : (old?.lastUpdateTime ?? time)
  const deadline = (deployment.spec.progressDeadlineSeconds ?? 600) * 1000
  // A rollout that was complete and lost a pod has not begun to roll: no deadline runs.
  if (!moved && old?.reason === 'NewReplicaSetAvailable') return old
  if (!moved && now.getTime() - Date.parse(lastUpdateTime) >= deadline) {
    return {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: `ReplicaSet "${name}" has timed out progressing.`,
      lastUpdateTime,
    }
  }
  return {
    type: 'Progressing',
    status: 'True',
    reason: 'ReplicaSetUpdated',
    message,
    lastUpdateTime,
  }
}

/** Whether more pods are new, ready or gone than before. */
function progressed(before: ReplicaStatus | undefined, now: ReplicaStatus): boolean {
  const old = (status: ReplicaStatus | undefined) =>
    (status?.replicas ?? 0) - Number(status?.['updatedReplicas'] ?? 0)
  return (
    Number(now['updatedReplicas'] ?? 0) > Number(before?.['updatedReplicas'] ?? 0) ||
    (now.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before?.availableReplicas ?? 0) ||
    old(now) < old(before)
  )
}

/** A ReplicaSet that cannot create its pods says so on the deployment too. */
function withFailure(
  conditions: Condition[],
  sets: readonly ReplicaSet[],
  time: string,
): Condition[] {
  const failure = sets
    .map(({ status }) => conditionOf(status?.conditions, 'ReplicaFailure'))
    .find((condition) => condition?.status === 'True')
  if (!failure) return conditions.filter(({ type }) => type !== 'ReplicaFailure')
  const { lastTransitionTime: _, ...condition } = failure
  const old = conditionOf(conditions, 'ReplicaFailure')
  const lastUpdateTime = (old?.message === failure.message && old?.lastUpdateTime) || time
  return withCondition(conditions, { ...condition, lastUpdateTime }, time)
}

/** Time until the rollout counts as stuck, in ms; undefined if no deadline runs. */
export function progressDeadlineInMs(
  { spec }: Deployment,
  { conditions }: ReplicaStatus,
  now: Date,
): number | undefined {
  const progressing = conditionOf(conditions, 'Progressing')
  if (progressing?.reason !== 'ReplicaSetUpdated' || !progressing.lastUpdateTime) return undefined
  const deadline = (spec.progressDeadlineSeconds ?? 600) * 1000
  // A second more, because timestamps are cut to whole seconds.
  return Math.max(0, Date.parse(progressing.lastUpdateTime) + deadline - now.getTime()) + 1000
}
