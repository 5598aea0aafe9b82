/** The scheduler: gives each new pod the first ready node that fits. */
import type { JsonObject } from '../apiserver/object.ts'
import { type Cluster, keyOf } from './cluster.ts'
import { isReady, type NodeObject, type PodObject, withCondition } from './kinds.ts'
import { WorkQueue } from './work-queue.ts'

const SCHEDULER = 'default-scheduler'

/** @returns a function that stops the scheduler */
export function startScheduler(cluster: Cluster): () => Promise<void> {
  const queue = new WorkQueue('scheduler', (key) => schedule(cluster, key), cluster.log)
  const unwatch = [
    cluster.watch<PodObject>('pods', ({ now }) => {
      if (now && isOurs(now)) queue.add(keyOf(now))
    }),
    cluster.watch<NodeObject>('nodes', ({ now, old }) => {
      const better = now && canTake(now) && !(old && canTake(old))
      if (!better) return
      for (const pod of cluster.list<PodObject>('pods')) {
        if (isOurs(pod)) queue.add(keyOf(pod))
      }
    }),
  ]
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

/** A pod that names another scheduler waits for that one, if need be for ever. */
function isOurs({ spec }: PodObject): boolean {
  return !spec.nodeName && (spec['schedulerName'] ?? SCHEDULER) === SCHEDULER
}

function canTake(node: NodeObject): boolean {
  return isReady(node) && !node.spec.unschedulable
}

/** Whether a pod's node selector allows the node. */
export function fitsNode(podSpec: JsonObject, { metadata }: NodeObject): boolean {
  const wanted = (podSpec['nodeSelector'] ?? {}) as Record<string, string>
  return Object.entries(wanted).every(([label, value]) => metadata.labels?.[label] === value)
}

async function schedule(cluster: Cluster, key: string): Promise<void> {
  const pod = cluster.get<PodObject>('pods', key)
  if (!pod || !isOurs(pod) || pod.metadata.deletionTimestamp) return
  const nodes = cluster.list<NodeObject>('nodes')
  const node = nodes.find((one) => canTake(one) && fitsNode(pod.spec, one))
  if (!node) return reportUnschedulable(cluster, pod, nodes)
  const nodeName = node.metadata.name
  await cluster.change<PodObject>('pods', pod, (live) => ({
    ...live,
    spec: { ...live.spec, nodeName },
  }))
  await setScheduled(cluster, pod, 'True')
  const message = `Successfully assigned ${key} to ${nodeName}`
  await cluster.event(pod, 'Normal', 'Scheduled', message)
}

async function reportUnschedulable(
  cluster: Cluster,
  pod: PodObject,
  nodes: readonly NodeObject[],
): Promise<void> {
  const ready = nodes.filter(canTake).length
  const message = `0/${nodes.length} nodes are available: ${nodes.length - ready} not ready or cordoned, ${ready} did not match the pod's node selector.`
  const said = pod.status?.conditions?.some((one) => one.message === message)
  if (said) return
  await setScheduled(cluster, pod, 'False', message)
  await cluster.event(pod, 'Warning', 'FailedScheduling', message)
}

async function setScheduled(
  cluster: Cluster,
  { metadata }: PodObject,
  status: 'True' | 'False',
  message?: string,
): Promise<void> {
  const live = cluster.get<PodObject>('pods', `${metadata.namespace}/${metadata.name}`)
  if (!live) return
  const condition = {
    type: 'PodScheduled',
    status,
    ...(message && { reason: 'Unschedulable', message }),
  }
  const conditions = withCondition(live.status?.conditions, condition, cluster.time)
  await cluster.setStatus('pods', live, { ...live.status, conditions })
}
