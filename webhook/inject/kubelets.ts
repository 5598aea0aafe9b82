/** The kubelets that could run an injected pod: their versions decide the layout. */
import type { KubeNode } from '../../core/kube/types.ts'

/** Versions of the Linux nodes; empty, which counts as too old, where a node has not reported yet. */
export function kubeletVersionsOf(nodes: Iterable<KubeNode>): string[] {
  return [...nodes].filter(runsOurPods).map(({ status }) => status?.nodeInfo?.kubeletVersion ?? '')
}

/** Pods of Windows and of virtual nodes are never injected. */
function runsOurPods({ metadata, status }: KubeNode): boolean {
  const system = status?.nodeInfo?.operatingSystem ?? 'linux'
  return system === 'linux' && metadata.labels?.['type'] !== 'virtual-kubelet'
}
