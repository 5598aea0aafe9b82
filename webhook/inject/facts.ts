/** What the injection must know besides the pod: all of it data, so that the server and the command line can both supply it. */
import type { LogLevel } from '../../core/config.ts'
import type { LimitRange, ResourceQuota } from '../../core/kube/types.ts'
import type { TargetedService } from '../../core/service-target.ts'
import type { Chain } from '../../core/spaces.ts'
import type { Layout } from './layout.ts'
import type { ContainerResources } from './resources.ts'

export interface InjectionFacts {
  /** The namespace that the pod is created in. */
  namespace: {
    name: string
    labels: Readonly<Record<string, string>>
    annotations: Readonly<Record<string, string>>
  }
  /** The namespace of our own control plane. */
  systemNamespace: string
  /** The namespace's chain of spaces, nearest first. */
  chain: Chain
  /** The Services of that namespace. */
  services: readonly TargetedService[]
  /** Kubelet versions (`v1.34.1`) of all nodes that could run the pod. */
  kubeletVersions: readonly string[]
  /** The layout of pods that do not choose for themselves; absent or `auto`: the kubelets decide. */
  layout?: Layout | 'auto'
  /** Of that namespace; absent where nobody knows them: then nothing is said of them. */
  quotas?: readonly ResourceQuota[]
  limitRanges?: readonly LimitRange[]
  images: {
    proxy: string
    proxyInit: string
    /** Null where nothing is built in the cluster. */
    build: string | null
  }
  clusterDomain: string
  controllerUrl: string
  /** Resources of the sidecar where the pod asks for none. */
  proxyResources: ContainerResources
  /** Log level of the sidecar where neither pod nor namespace names one. */
  proxyLogLevel: LogLevel
}

/** One fault of a pod: the field as `kubectl` users write it, and what is wrong and what to do. */
export interface FieldError {
  field: string
  message: string
}
