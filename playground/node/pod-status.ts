/** A pod's `status`, computed from what the kubelet knows. Pure. */
import { NETWORK } from './addresses.ts'
import type { ContainerRuntime, ContainerState, PodRuntime } from './pod-runtime.ts'
import type { PodView } from './pod-view.ts'

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

export interface Condition {
  type: string
  status: 'True' | 'False'
  lastTransitionTime: string
  lastProbeTime: null
  reason?: string
  message?: string
}

/**
 * The whole status.
 * @param before conditions as they were, whose transition times stay while their status does
 */
export function podStatus(
  pod: PodView,
  runtime: PodRuntime,
  before: readonly Condition[],
  now: number,
): Record<string, unknown> {
  const phase = phaseOf(pod, runtime)
  const conditions = conditionsOf(runtime, phase).map((condition): Condition => {
    const old = before.find(({ type }) => type === condition.type)
    const since = old?.status === condition.status ? old.lastTransitionTime : iso(now)
    return { ...condition, lastProbeTime: null, lastTransitionTime: since }
  })
  const [podIP] = runtime.ips
  const of = (inits: boolean) =>
    runtime.containers
      .filter(({ kind }) => (kind !== 'main') === inits)
      .map((container) => containerStatus(container))
  return {
    phase,
    conditions,
    ...(runtime.failure && { reason: runtime.failure.reason, message: runtime.failure.message }),
    hostIP: NETWORK.nodeIp,
    hostIPs: [{ ip: NETWORK.nodeIp }],
    ...(podIP && { podIP, podIPs: runtime.ips.map((ip) => ({ ip })) }),
    startTime: iso(runtime.startedAt),
    qosClass: 'BestEffort',
    ...(pod.spec.initContainers?.length && { initContainerStatuses: of(true) }),
    containerStatuses: of(false),
  }
}

/**
 * | inits done | main containers                        | sidecars | restartPolicy | phase |
 * |---|---|---|---|---|
 * | no         | –                                      | –        | –             | Pending; Failed once an init container failed for good |
 * | yes        | some never started                     | –        | –             | Pending |
 * | yes        | some run or will be started again      | –        | –             | Running |
 * | yes        | all ended for good                     | some run | –             | Running |
 * | yes        | all ended for good, all with code 0    | ended    | –             | Succeeded |
 * | yes        | all ended for good, one with a failure | ended    | –             | Failed |
 */
export function phaseOf(pod: PodView, runtime: PodRuntime): Phase {
  if (runtime.failure) return 'Failed'
  const policy = pod.spec.restartPolicy ?? 'Always'
  const inits = runtime.containers.filter(({ kind }) => kind === 'init')
  const mains = runtime.containers.filter(({ kind }) => kind === 'main')
  const sidecarRuns = runtime.containers.some(
    ({ kind, state }) => kind === 'sidecar' && state.kind === 'running',
  )
  const failedInit = inits.some(({ state }) => state.kind === 'terminated' && state.exitCode !== 0)
  if (failedInit && (policy === 'Never' || runtime.ending))
    return sidecarRuns ? 'Pending' : 'Failed'
  if (!initialized(runtime)) return 'Pending'
  if (mains.some(neverStarted)) return 'Pending'
  const ended = mains.every(({ state }) => endedForGood(state, policy, runtime.ending))
  if (!ended || sidecarRuns) return 'Running'
  const failed = mains.some(({ state }) => state.kind === 'terminated' && state.exitCode !== 0)
  return failed ? 'Failed' : 'Succeeded'
}

/** True once every init container has succeeded and every sidecar has started. */
export function initialized({ containers }: PodRuntime): boolean {
  return containers.every(({ kind, state, started, restartCount }) => {
    if (kind === 'init') return state.kind === 'terminated' && state.exitCode === 0
    if (kind === 'sidecar') return started || restartCount > 0 || state.kind === 'terminated'
    return true
  })
}

/** Whether a container that ended is started again. */
export function restarts(policy: string, exitCode: number): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

function neverStarted({ state, lastState }: ContainerRuntime): boolean {
  return state.kind === 'waiting' && lastState === null
}

function endedForGood(state: ContainerState, policy: string, ending: boolean): boolean {
  return state.kind === 'terminated' && (ending || !restarts(policy, state.exitCode))
}

function conditionsOf(runtime: PodRuntime, phase: Phase) {
  const mains = runtime.containers.filter(({ kind }) => kind !== 'init')
  const unready = mains.filter(({ ready }) => !ready).map(({ spec }) => spec.name)
  const uninitialized = runtime.containers
    .filter(({ kind }) => kind !== 'main')
    .filter((container) => !initialized({ ...runtime, containers: [container] }))
    .map(({ spec }) => spec.name)
  const ended = phase === 'Succeeded' || phase === 'Failed'
  const readiness = condition(unready.length === 0 && !ended, {
    reason: phase === 'Succeeded' ? 'PodCompleted' : ended ? 'PodFailed' : 'ContainersNotReady',
    message: ended ? '' : `containers with unready status: [${unready.join(' ')}]`,
  })
  return [
    { type: 'PodReadyToStartContainers', ...condition(runtime.ips.length > 0, {}) },
    {
      type: 'Initialized',
      ...condition(uninitialized.length === 0, {
        reason: 'ContainersNotInitialized',
        message: `containers with incomplete status: [${uninitialized.join(' ')}]`,
      }),
    },
    { type: 'Ready', ...readiness },
    { type: 'ContainersReady', ...readiness },
    { type: 'PodScheduled', ...condition(true, {}) },
  ]
}

function condition(holds: boolean, otherwise: { reason?: string; message?: string }) {
  if (holds) return { status: 'True' as const }
  const { reason, message } = otherwise
  return { status: 'False' as const, ...(reason && { reason }), ...(message && { message }) }
}

function containerStatus(container: ContainerRuntime): Record<string, unknown> {
  const { spec, state, lastState, restartCount, ready, started, id } = container
  const containerID = id === '' ? '' : `playground://${id}`
  return {
    name: spec.name,
    image: spec.image ?? '',
    imageID: state.kind === 'waiting' && id === '' ? '' : (spec.image ?? ''),
    ...(containerID && { containerID }),
    state: stateOnWire(state, containerID),
    lastState: lastState ? stateOnWire(lastState, containerID) : {},
    restartCount,
    ready,
    started,
  }
}

function stateOnWire(state: ContainerState, containerID: string): Record<string, unknown> {
  if (state.kind === 'waiting') {
    return { waiting: { reason: state.reason, ...(state.message && { message: state.message }) } }
  }
  if (state.kind === 'running') return { running: { startedAt: iso(state.startedAt) } }
  const { exitCode, signal, reason, startedAt, finishedAt } = state
  return {
    terminated: {
      exitCode,
      ...(signal !== null && { signal }),
      reason,
      startedAt: iso(startedAt),
      finishedAt: iso(finishedAt),
      ...(containerID && { containerID }),
    },
  }
}

/** Whole seconds, as Kubernetes writes times. */
function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
