/** Jobs: pods that run until enough of them have succeeded. */
import { type Cluster, keyOf } from './cluster.ts'
import {
  type Condition,
  conditionOf,
  isReady,
  type Job,
  type PodObject,
  withCondition,
} from './kinds.ts'
import { createPod, deletePod, isActive, podsOf } from './pod-set.ts'
import { watchOwnedPods } from './replica-set.ts'
import { WorkQueue } from './work-queue.ts'

/** Pause before a failed pod's successor, in ms: doubles from the first to the last. */
const RETRY_MS = { first: 1000, last: 360_000 }

/** @returns a function that stops the controller */
export function startJobs(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('job', (key) => reconcile(cluster, key), cluster.log)
  const unwatch = [
    cluster.watch<Job>('jobs', ({ now }) => now && queue.add(keyOf(now))),
    watchOwnedPods(cluster, 'Job', 'jobs', queue),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(cluster: Cluster, key: string): Promise<number | undefined> {
  const job = cluster.get<Job>('jobs', key)
  if (!job || job.metadata.deletionTimestamp) return
  const pods = podsOf(cluster, job)
  if (isFinished(job)) return expire(cluster, job)
  const ending = endingOf(job, pods, cluster.now)
  if (ending) {
    for (const pod of pods.filter(isActive)) await deletePod(cluster, job, pod)
    await writeStatus(cluster, job, ending)
    return
  }
  const wait = retryInMs(pods, cluster.now)
  if (wait <= 0 && !job.spec.suspend) await fill(cluster, job, pods)
  await writeStatus(cluster, job, null)
  const deadline = deadlineInMs(job, cluster.now)
  const waits = [wait, deadline].filter((ms): ms is number => ms !== null && ms > 0)
  return waits.length > 0 ? Math.min(...waits) : undefined
}

function isFinished({ status }: Job): boolean {
  return ['Complete', 'Failed'].some((type) => conditionOf(status?.conditions, type))
}

/** Takes a finished job away once its time is over. */
async function expire(cluster: Cluster, job: Job): Promise<number | undefined> {
  const { ttlSecondsAfterFinished: ttl } = job.spec
  if (ttl === undefined) return
  const done = job.status?.conditions?.find(({ type }) => type === 'Complete' || type === 'Failed')
  const leftMs = Date.parse(done?.lastTransitionTime ?? '') + ttl * 1000 - cluster.now.getTime()
  if (leftMs > 0) return leftMs
  await cluster.remove('jobs', job, { propagationPolicy: 'Foreground' })
  return undefined
}

const countPhase = (pods: readonly PodObject[], phase: string) =>
  pods.filter(({ status }) => status?.phase === phase).length

/** The final conditions, if the job is over. */
function endingOf(job: Job, pods: readonly PodObject[], now: Date): Condition[] | null {
  const succeeded = countPhase(pods, 'Succeeded')
  const { completions, backoffLimit } = job.spec
  const wanted = completions ?? 1
  // Without a count the job is done once one has succeeded and none runs any more.
  const running = completions === undefined && pods.some(isActive)
  if (succeeded >= wanted && !running) {
    const reason = 'CompletionsReached'
    const message = 'Reached expected number of succeeded pods'
    return [
      { type: 'SuccessCriteriaMet', status: 'True', reason, message },
      { type: 'Complete', status: 'True', reason, message },
    ]
  }
  const failed = (reason: string, message: string): Condition[] => [
    { type: 'FailureTarget', status: 'True', reason, message },
    { type: 'Failed', status: 'True', reason, message },
  ]
  if (countPhase(pods, 'Failed') > backoffLimit) {
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit')
  }
  const left = deadlineInMs(job, now)
  if (left !== null && left <= 0) {
    return failed('DeadlineExceeded', 'Job was active longer than specified deadline')
  }
  return null
}

function deadlineInMs({ spec, status }: Job, now: Date): number | null {
  if (spec.activeDeadlineSeconds === undefined || !status?.startTime) return null
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now.getTime()
}

/** Time until the next try after failures, in ms; 0 or less if it may start now. */
function retryInMs(pods: readonly PodObject[], now: Date): number {
  const failed = pods.filter(({ status }) => status?.phase === 'Failed')
  if (failed.length === 0) return 0
  const pause = Math.min(RETRY_MS.first * 2 ** (failed.length - 1), RETRY_MS.last)
  const last = Math.max(
    ...failed.map((pod) => {
      const ready = conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime
      return Date.parse(ready ?? pod.metadata.creationTimestamp)
    }),
  )
  return last + pause - now.getTime()
}

async function fill(cluster: Cluster, job: Job, pods: readonly PodObject[]): Promise<void> {
  const active = pods.filter(isActive).length
  const { completions, parallelism, template } = job.spec
  const succeeded = countPhase(pods, 'Succeeded')
  // A work queue ends by itself: its pods are not replaced once one of them has succeeded.
  const open =
    completions === undefined ? (succeeded > 0 ? 0 : parallelism) : completions - succeeded
  const wanted = Math.min(parallelism, open)
  for (let n = active; n < wanted; n++) await createPod(cluster, { owner: job, template })
}

async function writeStatus(
  cluster: Cluster,
  job: Job,
  ending: readonly Condition[] | null,
): Promise<void> {
  const pods = podsOf(cluster, job)
  let conditions = job.status?.conditions ?? []
  for (const condition of ending ?? []) {
    conditions = withCondition(conditions, condition, cluster.time)
  }
  const active = pods.filter(isActive)
  const succeeded = countPhase(pods, 'Succeeded')
  const failed = countPhase(pods, 'Failed')
  const complete = ending?.some(({ type }) => type === 'Complete')
  await cluster.setStatus('jobs', job, {
    startTime: job.status?.startTime ?? cluster.time,
    ...(complete && { completionTime: cluster.time }),
    ...(active.length > 0 && { active: active.length }),
    ready: active.filter(isReady).length,
    terminating: pods.filter(({ metadata }) => metadata.deletionTimestamp).length,
    ...(succeeded > 0 && { succeeded }),
    ...(failed > 0 && { failed }),
    ...(conditions.length > 0 && { conditions }),
    uncountedTerminatedPods: {},
  })
}
