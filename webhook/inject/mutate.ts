/** Adds the planned containers and marks to a copy of the pod, in fixed steps. Decides nothing. */
import { STATUS_VERSION } from '../../core/injection/status.ts'
import type { Container, Pod } from '../../core/kube/types.ts'
import {
  ANNOTATION,
  type DirectPorts,
  IDENTITY_VOLUME,
  type InjectionStatus,
  LABEL,
} from '../../core/names.ts'
import { addIdentity } from './identity-volume.ts'
import type { Layout } from './layout.ts'
import { rewriteTcpProbes, rewrittenOf, type TcpProbe } from './tcp-probes.ts'

export interface Plan {
  layout: Layout
  /** Null where the pod asks for no build. */
  build: Container | null
  proxyInit: Container
  proxy: Container
  /** Inbound ports that the init container leaves alone. */
  direct: DirectPorts[]
  /** The app's TCP probes, by their places in the pod as it comes. */
  probes: TcpProbe[]
}

/** Which container `kubectl exec` and `kubectl logs` take when none is named. */
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'
const DEFAULT_LOGS_CONTAINER = 'kubectl.kubernetes.io/default-logs-container'

/** All that an injection changes in a pod; nothing else of it is touched. */
export const CHANGES: readonly { field: string; change: string }[] = [
  {
    field: `metadata.labels["${LABEL.instrumented}"]`,
    change: 'Is set to "true"',
  },
  {
    field: `metadata.annotations["${ANNOTATION.status}"]`,
    change:
      'Is set: what was injected, which ports are not redirected, which probes were rewritten',
  },
  {
    field: `metadata.annotations["${DEFAULT_CONTAINER}"]`,
    change: "Is set to the app's first container, where the pod has none or an empty one",
  },
  {
    field: `metadata.annotations["${DEFAULT_LOGS_CONTAINER}"]`,
    change: 'Is set to the same, where the pod has none',
  },
  {
    field: 'spec.initContainers',
    change:
      'Native layout: the build if one is asked for, the init container and the sidecar come before all others; classic: the build before, the init container after all others',
  },
  {
    field: 'spec.containers',
    change: 'Classic layout: the sidecar comes before all others',
  },
  {
    field: 'spec.volumes',
    change: `The volume ${IDENTITY_VOLUME}, which only our containers mount, comes after all others`,
  },
  {
    field: 'startupProbe, readinessProbe, livenessProbe of a container',
    change:
      "A tcpSocket without host, on a port that is redirected, becomes httpGet of the sidecar, which dials the app; in the classic layout not the startupProbe and livenessProbe of the app's own sidecars",
  },
]

type Step = (pod: Pod, plan: Plan) => void

// The default container and the probes are found before our containers change what is at which place.
const STEPS: readonly Step[] = [
  nameDefaultContainer,
  rewriteProbes,
  addContainers,
  addVolume,
  addLabel,
  addStatus,
]

export function mutate(pod: Pod, plan: Plan): Pod {
  const draft = draftOf(pod, plan)
  for (const step of STEPS) step(draft, plan)
  return draft
}

/**
 * A copy of those objects that the steps change. All else is the pod's own: what is one and the same object, the
 * comparison that makes the patch need not walk through.
 */
function draftOf(pod: Pod, { probes }: Plan): Pod {
  const { metadata, spec } = pod
  const { annotations } = metadata
  const copied = (list: TcpProbe['list']) =>
    spec[list]?.map((container, index) =>
      probes.some((probe) => probe.list === list && probe.index === index)
        ? { ...container }
        : container,
    )
  const draft: Pod = { ...pod, metadata: { ...metadata }, spec: { ...spec } }
  if (annotations) draft.metadata.annotations = { ...annotations }
  if (probes.length === 0) return draft
  draft.spec.containers = copied('containers') ?? []
  const inits = copied('initContainers')
  if (inits) draft.spec.initContainers = inits
  return draft
}

function nameDefaultContainer(pod: Pod): void {
  const first = pod.spec.containers[0]?.name ?? ''
  const annotations = annotationsOf(pod)
  // An empty one is none for kubectl, which would take the first container: in the classic layout the sidecar.
  annotations[DEFAULT_CONTAINER] ||= first
  annotations[DEFAULT_LOGS_CONTAINER] ||= annotations[DEFAULT_CONTAINER]
}

function rewriteProbes(pod: Pod, { probes }: Plan): void {
  rewriteTcpProbes(pod, probes)
}

/**
 * Native: the build runs before any redirection, then the sidecar is up before the app's own init
 * containers, which may already call services. Classic: no sidecar runs yet while init containers
 * do, so the redirection comes last, or it would swallow their traffic.
 */
function addContainers(pod: Pod, { layout, build, proxyInit, proxy }: Plan): void {
  const { spec } = pod
  const first = build ? [build] : []
  const own = spec.initContainers ?? []
  if (layout === 'native') {
    spec.initContainers = [...first, proxyInit, proxy, ...own]
    return
  }
  spec.initContainers = [...first, ...own, proxyInit]
  spec.containers = [proxy, ...spec.containers]
}

/** Our containers come with their mounts. */
function addVolume(pod: Pod): void {
  addIdentity(pod, [])
}

function addLabel(pod: Pod): void {
  pod.metadata.labels = { ...pod.metadata.labels, [LABEL.instrumented]: 'true' }
}

function addStatus(pod: Pod, { layout, build, proxyInit, proxy, direct, probes }: Plan): void {
  const inits = [...(build ? [build.name] : []), proxyInit.name]
  const status: InjectionStatus = {
    version: STATUS_VERSION,
    layout,
    initContainers: layout === 'native' ? [...inits, proxy.name] : inits,
    containers: layout === 'native' ? [] : [proxy.name],
    volumes: [IDENTITY_VOLUME],
    direct,
    probes: rewrittenOf(probes),
  }
  annotationsOf(pod)[ANNOTATION.status] = JSON.stringify(status)
}

function annotationsOf(pod: Pod): Record<string, string> {
  pod.metadata.annotations ??= {}
  return pod.metadata.annotations
}
