/** The init container `devspaces-build`, which leaves the app's image in the node's image store. */
import type { Container } from '../../core/kube/types.ts'
import { type BuildRequest, CONTAINER } from '../../core/names.ts'
import { buildEnv, type EnvSource } from './env.ts'
import { identityMount } from './identity-volume.ts'

export function buildContainer(source: EnvSource, request: BuildRequest, image: string): Container {
  return {
    name: CONTAINER.build,
    image,
    env: buildEnv(source, request),
    resources: structuredClone(source.settings.buildResources),
    volumeMounts: [identityMount()],
    securityContext: {
      // Root of its own container only: it unpacks an archive with the owners that it names.
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
      ...source.confinement,
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
}
