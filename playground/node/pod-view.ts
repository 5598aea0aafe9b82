/** The parts of a Pod that the kubelet acts on, as they are on the wire. */
import type { KubeObject } from '../../core/kube/types.ts'

export type IntOrName = number | string

export interface HttpGet {
  path?: string
  port: IntOrName
  host?: string
  scheme?: 'HTTP' | 'HTTPS'
  httpHeaders?: { name: string; value: string }[]
}

/** One thing to try: a probe's question or a lifecycle hook's order. Exactly one field is set. */
export interface Action {
  exec?: { command?: string[] }
  httpGet?: HttpGet
  tcpSocket?: { port: IntOrName; host?: string }
  grpc?: { port: number; service?: string }
  sleep?: { seconds: number }
}

export interface Probe extends Action {
  initialDelaySeconds?: number
  periodSeconds?: number
  timeoutSeconds?: number
  successThreshold?: number
  failureThreshold?: number
}

export interface KeySelector {
  name: string
  key: string
  optional?: boolean
}

export interface EnvSource {
  name: string
  value?: string
  valueFrom?: {
    fieldRef?: { fieldPath: string }
    resourceFieldRef?: { resource: string }
    configMapKeyRef?: KeySelector
    secretKeyRef?: KeySelector
  }
}

export interface SecurityContext {
  runAsUser?: number
  runAsGroup?: number
  runAsNonRoot?: boolean
  privileged?: boolean
  allowPrivilegeEscalation?: boolean
  readOnlyRootFilesystem?: boolean
  capabilities?: { add?: string[]; drop?: string[] }
}

export interface VolumeMount {
  name: string
  mountPath: string
  readOnly?: boolean
  subPath?: string
}

export interface ContainerSpec {
  name: string
  image?: string
  command?: string[]
  args?: string[]
  workingDir?: string
  env?: EnvSource[]
  envFrom?: {
    prefix?: string
    configMapRef?: { name: string; optional?: boolean }
    secretRef?: { name: string; optional?: boolean }
  }[]
  ports?: { name?: string; containerPort: number }[]
  securityContext?: SecurityContext
  volumeMounts?: VolumeMount[]
  startupProbe?: Probe
  readinessProbe?: Probe
  livenessProbe?: Probe
  lifecycle?: { postStart?: Action; preStop?: Action }
  restartPolicy?: string
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> }
}

export interface KeyItems {
  name?: string
  optional?: boolean
  items?: { key: string; path: string; mode?: number }[]
}

export interface DownwardItems {
  items?: { path: string; fieldRef?: { fieldPath: string } }[]
}

export interface VolumeSpec {
  name: string
  emptyDir?: object
  configMap?: KeyItems & { defaultMode?: number }
  secret?: Omit<KeyItems, 'name'> & { secretName?: string; defaultMode?: number }
  downwardAPI?: DownwardItems & { defaultMode?: number }
  projected?: {
    defaultMode?: number
    sources?: {
      configMap?: KeyItems
      secret?: KeyItems
      downwardAPI?: DownwardItems
      serviceAccountToken?: { path: string; audience?: string; expirationSeconds?: number }
    }[]
  }
  [kind: string]: unknown
}

export interface PodView extends KubeObject {
  metadata: KubeObject['metadata'] & { deletionGracePeriodSeconds?: number }
  spec: {
    nodeName?: string
    hostname?: string
    subdomain?: string
    restartPolicy?: 'Always' | 'OnFailure' | 'Never'
    terminationGracePeriodSeconds?: number
    serviceAccountName?: string
    dnsPolicy?: string
    dnsConfig?: {
      nameservers?: string[]
      searches?: string[]
      options?: { name: string; value?: string }[]
    }
    hostAliases?: { ip: string; hostnames?: string[] }[]
    hostNetwork?: boolean
    securityContext?: {
      runAsUser?: number
      runAsGroup?: number
      runAsNonRoot?: boolean
      fsGroup?: number
      supplementalGroups?: number[]
    }
    initContainers?: ContainerSpec[]
    containers: ContainerSpec[]
    volumes?: VolumeSpec[]
  }
  status?: Record<string, unknown> & { phase?: string }
}
