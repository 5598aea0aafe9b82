/** Closed lists of reasons, a code for logs and metrics and a sentence for people: why a pod is left alone, and why a port. */
import { ANNOTATION, LABEL } from '../names.ts'

export const SKIP_REASON = {
  'system-namespace':
    'Pods of the cluster itself and of our own control plane are never injected: they must start while the webhook is down.',
  'not-a-space': `The namespace is not a space: label it ${LABEL.space}=true.`,
  'mirror-pod':
    'This is the mirror of a static pod: the kubelet runs it from a file, a change here has no effect.',
  windows: 'The pod runs on Windows, and the sidecar is for Linux.',
  'virtual-node':
    'The pod runs on a virtual node, which has no iptables and no init container with NET_ADMIN.',
  'host-network': "The pod uses the node's network: redirecting it would redirect the whole node.",
  'opted-out': `The pod carries the label ${LABEL.noProxy}=true.`,
  'foreign-mesh':
    'The pod already has the sidecar of another mesh; two would redirect to each other.',
  'already-injected': 'The pod has been injected before, and nothing is missing.',
} as const satisfies Record<string, string>

export type SkipReason = keyof typeof SKIP_REASON

/** What an audit finds wrong with a pod that runs, each with what to do. */
export const AUDIT_FAULT = {
  missed:
    'The pod is in a space and should have a sidecar, but was created while nothing injected it: restart its workload.',
  'before-space': 'The pod was created before its namespace was a space: restart its workload.',
  stray:
    'The pod has a sidecar, and its namespace is no space: it is not routed any more; restart its workload to take the sidecar out.',
  blocked:
    'The pod hangs in its init containers: another webhook took restartPolicy off the sidecar, which so never ends; restart its workload.',
} as const satisfies Record<string, string>

export type AuditFault = keyof typeof AUDIT_FAULT

/** Why connections to a port of an injected pod go straight to the app. */
export const DIRECT_REASON = {
  'skip-inbound-ports': `The pod lists the port in ${ANNOTATION.skipInboundPorts}.`,
  'opaque-ports': `The pod lists the port in ${ANNOTATION.opaquePorts}.`,
  'app-protocol':
    'A Service that selects the pod leads to the port, and says by appProtocol that it carries no HTTP.',
  'namespace-opaque-ports': `The namespace lists the port in ${ANNOTATION.opaquePorts}, and nobody says that it carries HTTP.`,
  'well-known': 'The port is known for a protocol that is not HTTP, and nobody says otherwise.',
} as const satisfies Record<string, string>

export type DirectReason = keyof typeof DIRECT_REASON
