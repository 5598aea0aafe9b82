/** PodDisruptionBudgets: keeps the status of each true to its pods. */
import { budgetState } from '../apiserver/disruption.ts'
import { type ApiObject, type JsonObject, sameJson } from '../apiserver/object.ts'
import { type Cluster, keyOf } from './cluster.ts'
import { type AnyObject, type Condition, type PodObject, withCondition } from './kinds.ts'
import { WorkQueue } from './work-queue.ts'

type Budget = AnyObject & { status?: JsonObject & { conditions?: Condition[] } }

/** @returns a function that stops the controller */
export function startDisruption(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('disruption', (key) => reconcile(cluster, key), cluster.log)
  const unwatch = [
    cluster.watch('poddisruptionbudgets', ({ now }) => now && queue.add(keyOf(now))),
    cluster.watch<PodObject>('pods', ({ now, old }) => {
      const namespace = (now ?? old)?.metadata.namespace
      for (const budget of cluster.list('poddisruptionbudgets', namespace)) queue.add(keyOf(budget))
    }),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function reconcile(cluster: Cluster, key: string): Promise<void> {
  const budget = cluster.get<Budget>('poddisruptionbudgets', key)
  if (!budget) return
  const state = budgetState(cluster.objects.store, budget as AnyObject as ApiObject)
  const enough = state.disruptionsAllowed > 0
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: enough ? 'True' : 'False',
    reason: enough ? 'SufficientPods' : 'InsufficientPods',
  }
  const conditions = withCondition(budget.status?.conditions, condition, cluster.time)
  const status = { ...state, conditions, observedGeneration: budget.metadata.generation ?? 1 }
  if (!sameJson(budget.status, status)) {
    await cluster.setStatus('poddisruptionbudgets', budget, status)
  }
}
