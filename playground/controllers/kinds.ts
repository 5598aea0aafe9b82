/** The kinds that controllers work on, with the fields that they use. */
import type { JsonObject, Metadata, OwnerReference } from '../apiserver/object.ts'
import type { LabelSelector } from '../apiserver/selectors.ts'

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
}

export interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: JsonObject
}

/** What all objects have in common. */
export interface AnyObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  [field: string]: unknown
}

type Typed<Kind, Spec, Status> = AnyObject & { kind: Kind; spec: Spec; status?: Status }

export type PodObject = Typed<
  'Pod',
  JsonObject & {
    nodeName?: string
    hostname?: string
    subdomain?: string
    nodeSelector?: Record<string, string>
    containers: { name: string; ports?: { name?: string; containerPort: number }[] }[]
    initContainers?: { name: string; ports?: { name?: string; containerPort: number }[] }[]
  },
  { phase?: string; podIP?: string; conditions?: Condition[]; message?: string; reason?: string }
>

interface WorkloadSpec {
  replicas: number
  selector: LabelSelector
  template: PodTemplate
  minReadySeconds?: number
  revisionHistoryLimit?: number
  [field: string]: unknown
}

export interface ReplicaStatus {
  replicas?: number
  readyReplicas?: number
  availableReplicas?: number
  observedGeneration?: number
  conditions?: Condition[]
  [field: string]: unknown
}

export type Deployment = Typed<
  'Deployment',
  WorkloadSpec & {
    paused?: boolean
    progressDeadlineSeconds?: number
    strategy: {
      type: string
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }
    }
  },
  ReplicaStatus & { collisionCount?: number }
>
export type ReplicaSet = Typed<'ReplicaSet', WorkloadSpec, ReplicaStatus>
export type StatefulSet = Typed<
  'StatefulSet',
  WorkloadSpec & {
    serviceName?: string
    podManagementPolicy?: string
    updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } }
    volumeClaimTemplates?: { metadata: { name: string } }[]
  },
  ReplicaStatus & { currentRevision?: string; updateRevision?: string }
>
export type DaemonSet = Typed<
  'DaemonSet',
  {
    selector: LabelSelector
    template: PodTemplate
    minReadySeconds?: number
    updateStrategy?: { type?: string }
  },
  JsonObject
>
export type Job = Typed<
  'Job',
  {
    selector: LabelSelector
    template: PodTemplate
    parallelism: number
    completions?: number
    backoffLimit: number
    activeDeadlineSeconds?: number
    ttlSecondsAfterFinished?: number
    suspend?: boolean
  },
  {
    active?: number
    succeeded?: number
    failed?: number
    startTime?: string
    completionTime?: string
    conditions?: Condition[]
  }
>
export type ServiceObject = Typed<
  'Service',
  {
    selector?: Record<string, string>
    clusterIP?: string
    type?: string
    publishNotReadyAddresses?: boolean
    ports?: {
      name?: string
      port: number
      targetPort?: number | string
      protocol?: string
      appProtocol?: string
    }[]
  },
  JsonObject
>
export type NodeObject = Typed<
  'Node',
  { unschedulable?: boolean },
  { conditions?: Condition[] } & JsonObject
>

export function ownerReference({ apiVersion, kind, metadata }: AnyObject): OwnerReference {
  const { name, uid } = metadata
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }
}

export function controllerOf({ metadata }: AnyObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)
}

export function isReady({ status }: { status?: { conditions?: Condition[] } }): boolean {
  return conditionOf(status?.conditions, 'Ready')?.status === 'True'
}

export function conditionOf(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** The conditions with one set; its transition time moves only if its status changes. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Condition,
  time: string,
): Condition[] {
  const list = conditions ?? []
  const old = conditionOf(list, next.type)
  const same = old?.status === next.status
  const lastTransitionTime = (same ? old?.lastTransitionTime : undefined) ?? time
  const set: Condition = { ...next, lastTransitionTime }
  return old ? list.map((one) => (one === old ? set : one)) : [...list, set]
}
