/** Restarts what owns pods, so that the pods come back as admission makes them now. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { OwnerReference, PodOwner } from '../core/injection/owner.ts'
import { ownerOf } from '../core/injection/owner.ts'
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { Pod } from '../core/kube/types.ts'

/** How the pods of a workload come back. */
export type Restart =
  /** By a new template, rolled out by the workload's own strategy. */
  | { how: 'template'; path: string }
  /** By deleting its pods one by one; it makes new ones. */
  | { how: 'pods' }
  /** Not by us. */
  | { how: 'none'; next: string }

export interface Workload {
  namespace: string
  kind: string
  name: string
  pods: readonly { name: string; uid: string }[]
  restart: Restart
}

/** Kinds with a pod template that they roll out, by plural. */
const ROLLED: Readonly<Record<string, string>> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
}

/** Groups pods by what has to be restarted. Pure. */
export function workloadsOf(pods: readonly Pod[]): Workload[] {
  const groups = new Map<string, Workload & { pods: { name: string; uid: string }[] }>()
  for (const pod of pods) {
    const { namespace = '', name = '', uid = '' } = pod.metadata
    const owner = ownerOf(pod)
    const workload = owner?.workload ?? { apiVersion: 'v1', kind: 'Pod', name }
    const key = `${namespace} ${workload.kind} ${workload.name}`
    const restart = restartOf(namespace, owner, name)
    const group = groups.get(key) ?? {
      namespace,
      kind: workload.kind,
      name: workload.name,
      pods: [],
      restart,
    }
    group.pods.push({ name, uid })
    groups.set(key, group)
  }
  return [...groups.values()]
}

function restartOf(namespace: string, owner: PodOwner | null, pod: string): Restart {
  if (!owner) {
    return {
      how: 'none',
      next: `nothing would make it anew: kubectl get pod ${pod} -n ${namespace} -o yaml, delete it, and apply it again`,
    }
  }
  const { kind, name, apiVersion } = owner.workload
  const plural = ROLLED[kind]
  if (plural && apiVersion === 'apps/v1') {
    // Nobody has checked what a pod names as its owner.
    const path = `/apis/apps/v1/namespaces/${namespace}/${plural}/${encodeURIComponent(name)}`
    return { how: 'template', path }
  }
  if (kind === 'ReplicaSet' || kind === 'ReplicationController') return { how: 'pods' }
  return { how: 'none', next: nextFor(owner.direct, owner.workload, namespace) }
}

function nextFor(
  direct: OwnerReference,
  { kind, name }: { kind: string; name: string },
  namespace: string,
) {
  if (kind === 'CronJob') return 'its next run is made anew by itself'
  if (kind === 'Job') {
    return `a Job’s template cannot change: delete and make it again, kubectl delete job ${direct.name} -n ${namespace}`
  }
  if (kind === 'Rollout') return `kubectl argo rollouts restart ${name} -n ${namespace}`
  if (kind === 'Node') return 'the kubelet runs it from a file'
  return `${kind} ${name} is of a kind that azds does not know: restart it by its own tool`
}

/** The annotation that `kubectl rollout restart` writes, so that both are seen by the same tools. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'

export async function restart(client: KubeClient, workload: Workload, now: Date): Promise<void> {
  const { restart: way, namespace, pods } = workload
  if (way.how === 'template') {
    const annotations = { [RESTARTED_AT]: now.toISOString() }
    await client.patch(way.path, 'application/strategic-merge-patch+json', {
      spec: { template: { metadata: { annotations } } },
    })
  }
  if (way.how !== 'pods') return
  for (const { name, uid } of pods) {
    await client
      .delete(`/api/v1/namespaces/${namespace}/pods/${name}`, { uid })
      .catch((error: Error) => {
        if (!(error instanceof KubeError) || ![404, 409].includes(error.status)) throw error
      })
  }
}

/** How long (ms) a restart may take until its pods have been replaced, and between two looks. */
const REPLACED = { pauseMs: 500, longestMs: 180_000 } as const

/**
 * Waits until none of the pods is left that were to be replaced.
 * @returns those that are still there
 */
export async function waitUntilReplaced(
  look: () => Promise<readonly Pod[]>,
  workloads: readonly Workload[],
  stop: AbortSignal,
): Promise<readonly Pod[]> {
  const old = new Set(workloads.flatMap(({ pods }) => pods.map(({ uid }) => uid)))
  const end = performance.now() + REPLACED.longestMs
  for (;;) {
    const left = (await look()).filter(({ metadata }) => old.has(metadata.uid ?? ''))
    if (left.length === 0 || performance.now() > end) return left
    await sleep(REPLACED.pauseMs, undefined, { signal: stop })
  }
}
