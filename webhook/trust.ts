/**
 * Keeps API servers able to call this replica: the authority it shares with the others, its own leaf, the
 * bundle in the live configuration, and the proof of all three, a call to itself.
 */
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type AuthorityKeeper, keepAuthority } from '../core/authority/keeper.ts'
import { applySecureContext } from '../core/authority/leaf.ts'
import { keepPublished, type Publication } from '../core/authority/publish.ts'
import type { AuthorityLimits } from '../core/authority/state.ts'
import type { Cached } from '../core/kube/cache.ts'
import type { KubeClient } from '../core/kube/client.ts'
import type { EventRecorder } from '../core/kube/events.ts'
import type { ObjectReference, OwnerReference } from '../core/kube/types.ts'
import type { Log } from '../core/log.ts'
import { WEBHOOK_CA_SECRET, WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE } from '../core/names.ts'
import type { Metrics } from './metrics.ts'
import { bundlePlaces, CONFIGURATION_PATH, type WebhookConfiguration } from './registration.ts'
import { selfDial } from './self-dial.ts'

export const AUTHORITY_SUBJECT = 'azds webhook authority'
const WEBHOOK_ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/azds-webhook'

export interface TrustParts {
  client: KubeClient
  configurations: Cached<WebhookConfiguration>
  events: EventRecorder
  metrics: Metrics
  namespace: string
  podName: string
  clusterDomain: string
  limits: AuthorityLimits
  now: () => Date
  log: Log
}

export interface Trust {
  authority: AuthorityKeeper
  /** Serves the leaf from now on, and calls back once an API server could call. */
  serve(server: Server, onCallable: () => void): void
  stop(): void
}

/** A mismatch that no change has told of is seen after this time (ms). */
const DIAL_AGAIN_MS = 60_000

/** The names by which an API server may call; it uses `<service>.<namespace>.svc`. */
export function serverNames(namespace: string, clusterDomain: string): string[] {
  const full = `${WEBHOOK_SERVICE}.${namespace}.svc`
  return [full, `${full}.${clusterDomain}`, `${WEBHOOK_SERVICE}.${namespace}`, WEBHOOK_SERVICE]
}

/** Resolves once there is an authority and a leaf. @throws with the next step where there can be none */
export async function startTrust(parts: TrustParts): Promise<Trust> {
  const { client, configurations, events, metrics, namespace, log } = parts
  const steady = () => performance.now()
  const secret = { namespace, name: WEBHOOK_CA_SECRET }
  const aboutSecret: ObjectReference = { apiVersion: 'v1', kind: 'Secret', ...secret }
  const names = serverNames(namespace, parts.clusterDomain)
  let publication: Publication | null = null
  const authority = await keepAuthority({
    ...{ client, secret, names, steady, log },
    limits: parts.limits,
    now: parts.now,
    subject: AUTHORITY_SUBJECT,
    replica: parts.podName,
    isPublished: (bundle) => publication?.isPublished(bundle) ?? false,
    owner: () => ownRole(client),
    onNews: (news) => events.note({ ...news, about: aboutSecret }),
  })
  const measure = () => {
    const { leaf, authority: end } = authority.expiry()
    metrics.certificateExpiry('leaf', leaf)
    metrics.certificateExpiry('authority', end)
  }
  measure()
  authority.onChange(measure)
  let timer: NodeJS.Timeout | undefined

  function serve(server: Server, onCallable: () => void): void {
    const address = server.address() as AddressInfo
    const dial = async () => {
      clearTimeout(timer)
      timer = setTimeout(() => void dial(), DIAL_AGAIN_MS).unref()
      const fault = await selfDial(address, names[0] ?? '', liveBundle(configurations))
      metrics.callable(fault === null)
      if (fault === null) onCallable()
      else log.warn({ fault }, 'an API server would not accept our certificate')
    }
    applySecureContext(server, authority.leaf())
    authority.onChange(() => {
      applySecureContext(server, authority.leaf())
      publication?.look()
      void dial()
    })
    publication = keepPublished<WebhookConfiguration>({
      ...{ client, steady, log },
      copies: configurations,
      name: WEBHOOK_CONFIGURATION,
      path: CONFIGURATION_PATH,
      placesIn: bundlePlaces,
      bundle: authority.bundle,
      manager: 'azds-webhook',
      settleMs: parts.limits.settleMs,
      onPublished: () => {
        authority.look()
        void dial()
      },
      onRepaired: () => {
        metrics.bundleRepaired()
        events.note({ ...REPAIRED, about: aboutConfiguration(configurations) })
      },
    })
  }

  return {
    authority,
    serve,
    stop() {
      clearTimeout(timer)
      publication?.stop()
      authority.close()
    },
  }
}

const REPAIRED = {
  type: 'Warning',
  reason: 'CaBundleRepaired',
  message:
    'caBundle had lost the certificate by which API servers know the webhook; it was put back. See who writes this field: an upgrade or a GitOps tool must leave it out',
} as const

function aboutConfiguration(configurations: Cached<WebhookConfiguration>): ObjectReference {
  const uid = configurations.get(WEBHOOK_CONFIGURATION)?.metadata.uid
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    name: WEBHOOK_CONFIGURATION,
    ...(uid !== undefined && { uid }),
  }
}

/** What an API server trusts now (PEM); all entries get the same, so the first one speaks for them. */
function liveBundle(configurations: Cached<WebhookConfiguration>): string {
  const configuration = configurations.get(WEBHOOK_CONFIGURATION)
  const [first] = configuration ? bundlePlaces(configuration) : []
  return Buffer.from(first?.live ?? '', 'base64').toString('utf8')
}

/**
 * Kubernetes' garbage collector takes the Secret away when the role goes, so that nothing of ours is left
 * after `helm uninstall`, which knows only what it has made. Without the right to see it there is no owner.
 */
async function ownRole(client: KubeClient): Promise<OwnerReference | null> {
  try {
    const { metadata } = await client.get<{ metadata: { name: string; uid: string } }>(WEBHOOK_ROLE)
    const { name, uid } = metadata
    return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name, uid }
  } catch {
    return null
  }
}
