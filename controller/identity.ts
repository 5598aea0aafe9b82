/** The controller's certificate and its authority, and by which names Services are called. */
import { type AuthorityKeeper, keepAuthority } from '../core/authority/keeper.ts'
import { authorityLimits } from '../core/authority/settings.ts'
import type { KubeClient } from '../core/kube/client.ts'
import type { EventRecorder } from '../core/kube/events.ts'
import type { KubeObject, OwnerReference } from '../core/kube/types.ts'
import type { Log } from '../core/log.ts'
import { CONTROLLER_CA_SECRET, CONTROLLER_SERVICE } from '../core/names.ts'
import type { ControllerConfig } from './config.ts'

/** Common name of the authority; the webhook's has another, so neither can pass for the other. */
const SUBJECT = 'azds-controller'

const ROLE_PATH = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${CONTROLLER_SERVICE}`

export interface IdentityParts {
  config: Pick<
    ControllerConfig,
    'namespace' | 'podName' | 'authoritySeconds' | 'leafSeconds' | 'settleSeconds'
  >
  /** The cluster's DNS domain. */
  clusterDomain: string
  kube: KubeClient
  log: Log
  events: EventRecorder
  /** Whether every object that must carry this bundle carries it now. */
  isPublished: (bundle: string) => boolean
  /** Monotonic time in ms. */
  now: () => number
}

/** Makes the authority, takes its steps, and signs the controller's own leaf. */
export function keepControllerIdentity({
  config,
  clusterDomain,
  kube,
  log,
  events,
  isPublished,
  now,
}: IdentityParts): Promise<AuthorityKeeper> {
  const { namespace, podName } = config
  const secret = { namespace, name: CONTROLLER_CA_SECRET }
  return keepAuthority({
    client: kube,
    secret,
    subject: SUBJECT,
    names: namesOf(CONTROLLER_SERVICE, namespace, clusterDomain),
    limits: authorityLimits(config),
    replica: podName,
    isPublished,
    owner: () => ownerOf(kube),
    onNews: (news) =>
      events.note({ about: { apiVersion: 'v1', kind: 'Secret', ...secret }, ...news }),
    now: () => new Date(),
    steady: now,
    log,
  })
}

/** By which names a Service is called: the API server and sidecars use the one or the other. */
export function namesOf(service: string, namespace: string, clusterDomain: string): string[] {
  const qualified = `${service}.${namespace}.svc`
  return [qualified, `${qualified}.${clusterDomain}`, `${service}.${namespace}`, service]
}

/**
 * What ends what we make outside of the chart: Kubernetes collects it when the ClusterRole goes, whether we
 * still run or not. Null where it cannot be read.
 */
export async function ownerOf(kube: Pick<KubeClient, 'get'>): Promise<OwnerReference | null> {
  try {
    const { metadata } = await kube.get<KubeObject>(ROLE_PATH)
    if (metadata.uid === undefined) return null
    return {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      name: CONTROLLER_SERVICE,
      uid: metadata.uid,
    }
  } catch {
    return null
  }
}
