/**
 * The Kubernetes objects that we read, as they are on the wire. Only fields that we use are named;
 * whatever else an object carries stays in it, because objects are never rebuilt from these types.
 */

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid?: string
  controller?: boolean
}

export interface ObjectMeta {
  name?: string
  generateName?: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  /** Grows with what is wanted of the object, not with its status. */
  generation?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  creationTimestamp?: string
  deletionTimestamp?: string
}

export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

export type Namespace = KubeObject & { status?: { phase?: string } }

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: unknown
}

export interface Container {
  name: string
  image?: string
  command?: string[]
  args?: string[]
  env?: EnvVar[]
  ports?: { name?: string; containerPort: number; hostPort?: number; protocol?: string }[]
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> }
  securityContext?: { runAsUser?: number; runAsGroup?: number; [key: string]: unknown }
  restartPolicy?: string
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[]
  imagePullPolicy?: string
  [key: string]: unknown
}

export interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  /** What all containers share, where a pod says that (Kubernetes 1.34 and later). */
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> }
  ephemeralContainers?: Container[]
  hostNetwork?: boolean
  os?: { name: string }
  nodeSelector?: Record<string, string>
  dnsPolicy?: string
  securityContext?: { runAsUser?: number; runAsGroup?: number; [key: string]: unknown }
  serviceAccountName?: string
  nodeName?: string
  volumes?: { name: string; [key: string]: unknown }[]
  [key: string]: unknown
}

export interface Pod extends KubeObject {
  spec: PodSpec
  status?: {
    phase?: string
    podIP?: string
    podIPs?: { ip: string }[]
    conditions?: { type: string; status: string; reason?: string; message?: string }[]
    [key: string]: unknown
  }
}

export interface KubeNode extends KubeObject {
  status?: { nodeInfo?: { kubeletVersion?: string; operatingSystem?: string } }
}

export interface Service extends KubeObject {
  spec: {
    type?: string
    clusterIP?: string
    clusterIPs?: string[]
    selector?: Record<string, string>
    ports?: {
      name?: string
      port: number
      targetPort?: number | string
      protocol?: string
      appProtocol?: string
    }[]
  }
}

export interface EndpointSlice extends KubeObject {
  addressType: 'IPv4' | 'IPv6' | 'FQDN'
  endpoints?: {
    addresses: string[]
    conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
    targetRef?: { kind?: string; name?: string; namespace?: string }
  }[]
  ports?: { name?: string; port?: number; protocol?: string; appProtocol?: string }[]
}

/** Label by which an EndpointSlice names its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/** `data` is base64, as the API gives it. */
export type Secret = KubeObject & { type?: string; data?: Record<string, string> }

export type ConfigMap = KubeObject & { data?: Record<string, string> }

/** What an Event is about; `kubectl describe` finds Events by the uid. */
export interface ObjectReference {
  apiVersion?: string
  kind?: string
  namespace?: string
  name?: string
  uid?: string
}

/** An Event of the core group, v1. */
export type CoreEvent = KubeObject & {
  involvedObject: ObjectReference
  /** CamelCase, for programs. */
  reason: string
  /** For people; the API server refuses more than 1024 characters. */
  message: string
  type: 'Normal' | 'Warning'
  source?: { component?: string; host?: string }
  reportingComponent?: string
  reportingInstance?: string
  firstTimestamp?: string
  lastTimestamp?: string
  count?: number
}

/** Quantities by resource: `limits.cpu`, `requests.memory`, `pods`. */
type Quantities = Record<string, string>

export type ResourceQuota = KubeObject & {
  spec?: {
    hard?: Quantities
    scopes?: string[]
    scopeSelector?: {
      matchExpressions?: { scopeName: string; operator: string; values?: string[] }[]
    }
  }
  status?: { hard?: Quantities; used?: Quantities }
}

export type LimitRange = KubeObject & {
  spec?: {
    limits?: {
      type: string
      min?: Quantities
      max?: Quantities
      default?: Quantities
      defaultRequest?: Quantities
      maxLimitRequestRatio?: Quantities
    }[]
  }
}

export type ApiService = KubeObject & {
  spec: {
    group?: string
    version?: string
    caBundle?: string
    insecureSkipTLSVerify?: boolean
    service?: { namespace?: string; name?: string; port?: number }
  }
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] }
}
