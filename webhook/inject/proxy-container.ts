/** The sidecar `devspaces-proxy`, in its native and its classic form. */
import type { Container } from '../../core/kube/types.ts'
import { CONTAINER, PORT } from '../../core/names.ts'
import { type EnvSource, proxyEnv } from './env.ts'
import { identityMount } from './identity-volume.ts'
import type { Layout } from './layout.ts'

/**
 * How long the app waits for the sidecar: 120 tries, one a second. A ready sidecar needs no
 * controller, only its listeners, so a healthy one takes less than a second; two minutes outlast
 * a starved node.
 */
const STARTUP = { periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 1 }

export function proxyContainer(source: EnvSource, layout: Layout): Container {
  const { facts, settings, proxyUid, confinement } = source
  return {
    name: CONTAINER.proxy,
    image: facts.images.proxy,
    env: proxyEnv(source),
    ports: [{ name: 'azds-admin', containerPort: PORT.admin, protocol: 'TCP' }],
    resources: structuredClone(settings.proxyResources),
    volumeMounts: [identityMount()],
    securityContext: {
      runAsUser: proxyUid,
      runAsGroup: proxyUid,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
      ...confinement,
    },
    // The last lines of its log become the pod's status message if it fails.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...(layout === 'native' ? nativeStart() : classicStart()),
  }
}

/**
 * The next init container starts once the startup probe has passed. There is no liveness probe: a
 * restart would cut every connection of the pod, and a sidecar that crashes is restarted anyway.
 * No readiness probe either: what the pod can do is for the app's own probe to say, which passes
 * through the sidecar.
 */
export function nativeStart(): Pick<Container, 'restartPolicy' | 'startupProbe'> {
  return {
    restartPolicy: 'Always',
    startupProbe: {
      httpGet: { path: '/ready', port: PORT.admin, scheme: 'HTTP' },
      successThreshold: 1,
      ...STARTUP,
    },
  }
}

/**
 * The kubelet starts containers in order and waits for each one's postStart hook, so the first
 * container can hold back the others. The image has no shell: the program waits itself.
 */
function classicStart(): Partial<Container> {
  return {
    lifecycle: { postStart: { exec: { command: ['node', '/app/proxy.mjs', 'wait'] } } },
  }
}
