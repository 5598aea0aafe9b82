/** PodDisruptionBudgets: how many of its pods each can spare now, and whether one of them may be evicted. */
import { ApiError } from './api-error.ts'
import { type ApiObject, isObject, type JsonObject, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import { type LabelSelector, matchesSelector } from './selectors.ts'
import type { Store } from './store.ts'

export interface BudgetState {
  expectedPods: number
  currentHealthy: number
  desiredHealthy: number
  disruptionsAllowed: number
}

function isHealthy({ metadata, status }: ApiObject): boolean {
  const conditions = objectsOf(status?.['conditions'])
  const ready = conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True')
  return ready && !metadata.deletionTimestamp
}

function isOver({ status }: ApiObject): boolean {
  return status?.['phase'] === 'Succeeded' || status?.['phase'] === 'Failed'
}

function concerns(budget: ApiObject, pod: ApiObject): boolean {
  const selector = budget.spec?.['selector']
  return isObject(selector) && matchesSelector(selector as LabelSelector, pod.metadata.labels)
}

/** What a budget's status says of the pods that there are. */
export function budgetState(store: Store, budget: ApiObject): BudgetState {
  const namespace = budget.metadata.namespace ?? ''
  const pods = store.list('/pods', namespace).filter((pod) => concerns(budget, pod) && !isOver(pod))
  const { minAvailable, maxUnavailable } = budget.spec ?? {}
  const currentHealthy = pods.filter(isHealthy).length
  let expectedPods = pods.length
  let desiredHealthy = typeof minAvailable === 'number' ? minAvailable : 1
  if (maxUnavailable !== undefined) {
    expectedPods = expectedOf(store, pods)
    desiredHealthy = Math.max(expectedPods - shareOf(maxUnavailable, expectedPods), 0)
  } else if (typeof minAvailable === 'string') {
    expectedPods = expectedOf(store, pods)
    desiredHealthy = shareOf(minAvailable, expectedPods)
  }
  const disruptionsAllowed = expectedPods > 0 ? Math.max(currentHealthy - desiredHealthy, 0) : 0
  return { expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed }
}

/** A percentage is rounded up, as Kubernetes does it for both fields. */
function shareOf(given: unknown, of: number): number {
  const percent = /^(\d+)%$/.exec(String(given))?.[1]
  return percent === undefined ? Number(given) : Math.ceil((Number(percent) * of) / 100)
}

/** How many pods the pods' owners want in all. */
function expectedOf(store: Store, pods: readonly ApiObject[]): number {
  const wanted = new Map<string, number>()
  for (const { metadata } of pods) {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller)
    const plural = { ReplicaSet: 'replicasets', StatefulSet: 'statefulsets' }[owner?.kind ?? '']
    const object = plural && store.get(`apps/${plural}`, metadata.namespace, owner?.name ?? '')
    if (!owner || !object) continue
    // Of a Deployment's ReplicaSets those that are being replaced count for what they still want.
    wanted.set(owner.uid, Number(valueAt(object, ['spec', 'replicas']) ?? 1))
  }
  return [...wanted.values()].reduce((sum, replicas) => sum + replicas, 0)
}

/** Throws 429 where a budget cannot spare the pod, and 500 where several claim it. */
export function requireEvictable(store: Store, pod: ApiObject): void {
  if (isOver(pod) || pod.status?.['phase'] === 'Pending' || pod.metadata.deletionTimestamp) return
  const budgets = store
    .list('policy/poddisruptionbudgets', pod.metadata.namespace ?? '')
    .filter((budget) => concerns(budget, pod))
  if (budgets.length > 1) {
    throw new ApiError(
      500,
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    )
  }
  const [budget] = budgets
  if (!budget) return
  const state = budgetState(store, budget)
  if (!isHealthy(pod) && mayGoUnhealthy(budget.spec ?? {}, state)) return
  if (state.disruptionsAllowed > 0) return
  const { name } = budget.metadata
  const message = `The disruption budget ${name} needs ${state.desiredHealthy} healthy pods and has ${state.currentHealthy} currently`
  throw new ApiError(
    429,
    'TooManyRequests',
    "Cannot evict pod as it would violate the pod's disruption budget.",
    { causes: [{ reason: 'DisruptionBudget', message }] },
  )
}

/** A pod that serves nobody: always, or as long as those that do are enough. */
function mayGoUnhealthy(spec: JsonObject, state: BudgetState): boolean {
  if (spec['unhealthyPodEvictionPolicy'] === 'AlwaysAllow') return true
  return state.desiredHealthy > 0 && state.currentHealthy >= state.desiredHealthy
}
