/**
 * A pod that is never made: a server-side dry run goes through the API server's whole admission, so that its answer
 * shows what the next real pod of the space would get.
 */
import type { KubeClient } from '../../core/kube/client.ts'
import type { Pod } from '../../core/kube/types.ts'
import { CONTAINER } from '../../core/names.ts'

export type Canary =
  | { kind: 'injected'; layout: 'native' | 'classic'; warnings: string[]; milliseconds: number }
  | { kind: 'plain'; milliseconds: number }
  | { kind: 'refused'; message: string; milliseconds: number }

/** Keeps the level `restricted`, so that only what we add can break a level. */
function canaryPod(): unknown {
  // Limits above the requests: a sidecar would take the quality Guaranteed from a pod that had it, and warn of that.
  const requests = { cpu: '1m', memory: '1Mi' }
  const limits = { cpu: '10m', memory: '16Mi' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'azds-canary-', labels: { 'azds.io/canary': 'true' } },
    spec: {
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'canary',
          // Nothing pulls it: the pod ends with the answer.
          image: 'azds.invalid/canary:none',
          resources: { requests, limits },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  }
}

export async function sendCanary(
  client: KubeClient,
  namespace: string,
  elapsed: () => number,
): Promise<Canary> {
  const warnings: string[] = []
  const startedAt = elapsed()
  try {
    const path = `/api/v1/namespaces/${namespace}/pods`
    const onWarning = (text: string) => void warnings.push(text)
    const pod = await client.create<Pod>(path, canaryPod(), { dryRun: true, onWarning })
    const milliseconds = elapsed() - startedAt
    const has = (list: Pod['spec']['initContainers']) =>
      list?.some(({ name }) => name === CONTAINER.proxy)
    if (has(pod.spec.initContainers)) {
      return { kind: 'injected', layout: 'native', warnings, milliseconds }
    }
    if (has(pod.spec.containers)) {
      return { kind: 'injected', layout: 'classic', warnings, milliseconds }
    }
    return { kind: 'plain', milliseconds }
  } catch (error) {
    const { message } = error as Error
    // Only a right that is missing is nobody's fault; whatever else refuses a pod refuses real ones too.
    if (/cannot create resource "pods"/.test(message)) throw error
    return { kind: 'refused', message, milliseconds: elapsed() - startedAt }
  }
}

/** Why a pod was refused, in the words of each part of the API server that refuses pods, and what to do. */
export function refusal(
  message: string,
  { space: namespace, system }: { space: string; system: string },
): { cause: string; next: string } {
  const said = message.replace(/^[A-Z]+ \S+: /, '')
  const rows: readonly [RegExp, (part: string) => { cause: string; next: string }][] = [
    [
      /x509|certificate/i,
      (cause) => ({
        cause: `the API server does not trust the webhook’s certificate: ${cause}`,
        next: `let the webhook write its authority anew: kubectl -n ${system} rollout restart deployment azds-webhook`,
      }),
    ],
    [
      /failed calling webhook "inject\.azds\.io"/,
      (cause) => ({
        cause: `the API server cannot reach the webhook, so no pod of a space starts: ${cause}`,
        next: `see kubectl -n ${system} get pods; a firewall between control plane and nodes has to let port 10250 pass (webhook.port)`,
      }),
    ],
    [
      /violates PodSecurity/,
      (cause) => ({
        cause: `the Pod Security level of the space refuses the sidecar’s init container: ${cause}`,
        next: `allow it: kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=privileged --overwrite`,
      }),
    ],
    [
      /exceeded quota|failed quota/,
      (cause) => ({
        cause: `a quota of the space has no room for a pod with a sidecar: ${cause}`,
        next: 'raise the quota, or give sidecars less with the annotation azds.io/proxy-resources',
      }),
    ],
    [
      /admission webhook "([^"]+)" denied/,
      (cause) => ({
        cause: `another webhook refuses pods of the space: ${cause}`,
        next: 'see what that webhook wants; azds’ own is inject.azds.io',
      }),
    ],
  ]
  const row = rows.find(([pattern]) => pattern.test(said))
  if (row) return row[1](said)
  return {
    cause: `the API server refuses a pod: ${said}`,
    next: `try it: kubectl run canary --image=busybox --dry-run=server -n ${namespace}`,
  }
}
