/** The init container `devspaces-proxy-init`: search domains in resolv.conf, and iptables. */
import type { Container } from '../../core/kube/types.ts'
import { CONTAINER } from '../../core/names.ts'
import { type EnvSource, proxyInitEnv } from './env.ts'
import { identityMount } from './identity-volume.ts'

export function proxyInitContainer(source: EnvSource): Container {
  return {
    name: CONTAINER.proxyInit,
    image: source.facts.images.proxyInit,
    env: proxyInitEnv(source),
    // The sidecar's resources again: a pod is scheduled by the larger of init containers and
    // sidecars, so these cost nothing, and equal limits and requests keep a Guaranteed pod Guaranteed.
    resources: structuredClone(source.settings.proxyResources),
    volumeMounts: [identityMount()],
    securityContext: {
      // Root, because /etc/resolv.conf belongs to root. `runAsNonRoot: false` also where the pod says
      // true for all its containers: the kubelet would refuse to start this one.
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      // The runtime mounts resolv.conf read-only where the root filesystem is.
      readOnlyRootFilesystem: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
      seccompProfile: { type: 'RuntimeDefault' },
      ...source.confinement,
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
}
