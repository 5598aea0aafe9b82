/**
 * Keeps our authority in the MutatingWebhookConfiguration, so that the API server trusts this
 * replica. `kubectl replace`, a GitOps tool or an edit may take it out again; the watch puts it back.
 */
import { X509Certificate } from 'node:crypto'
import type { Cached } from '../core/kube/cache.ts'
import type { KubeClient } from '../core/kube/client.ts'
import type { KubeObject } from '../core/kube/types.ts'
import type { Log } from '../core/log.ts'
import { WEBHOOK_CONFIGURATION } from '../core/names.ts'

export type WebhookConfiguration = KubeObject & {
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[]
}

const COLLECTION = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
/** With this selector a role limited to one name may list and watch. */
export const CONFIGURATION_PATH = `${COLLECTION}?fieldSelector=metadata.name%3D${WEBHOOK_CONFIGURATION}`

/** Certificates kept beside our own: those of replicas that still run with an older authority. */
const MAX_OTHERS = 3

/**
 * The bundle that a webhook should have (base64 of PEM texts): as it is if our certificate is in it,
 * otherwise ours first and then those that were there. Replacing them would make two replicas with
 * different authorities overwrite each other for ever.
 */
export function bundleWith(bundle: string | undefined, authority: string): string {
  const own = authority.trim()
  const known = certificatesIn(Buffer.from(bundle ?? '', 'base64').toString('utf8'))
  if (bundle && known.includes(own)) return bundle
  return Buffer.from(`${[own, ...known.slice(0, MAX_OTHERS)].join('\n')}\n`).toString('base64')
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** Text that is no certificate is left out: the API server refuses the whole bundle for it. */
function certificatesIn(text: string): string[] {
  return (text.match(PEM) ?? []).filter((pem) => {
    try {
      return Boolean(new X509Certificate(pem))
    } catch {
      return false
    }
  })
}

/** The JSON patch that gives each webhook our certificate; empty if nothing is missing. */
export function registrationPatch(
  configuration: WebhookConfiguration,
  authority: string,
): { op: 'test' | 'add'; path: string; value: string }[] {
  return (configuration.webhooks ?? []).flatMap(({ name, clientConfig }, index) => {
    const bundle = bundleWith(clientConfig.caBundle, authority)
    if (bundle === clientConfig.caBundle) return []
    return [
      // Holds the patch back if the list has changed since it was read.
      { op: 'test' as const, path: `/webhooks/${index}/name`, value: name },
      { op: 'add' as const, path: `/webhooks/${index}/clientConfig/caBundle`, value: bundle },
    ]
  })
}

export interface RegistrationParts {
  client: KubeClient
  configurations: Cached<WebhookConfiguration>
  /** PEM text of the authority's certificate. */
  authority: string
  log: Log
  /** Called once the live configuration trusts our authority; may be called again. */
  onRegistered: () => void
}

/** A patch that failed is tried again after this time (ms), if no change comes first. */
const RETRY_MS = 2000

export function keepRegistered(parts: RegistrationParts): { stop(): void } {
  const { client, configurations, authority, log, onRegistered } = parts
  let retry: NodeJS.Timeout | undefined
  let stopped = false

  async function register(): Promise<void> {
    clearTimeout(retry)
    const configuration = configurations.get(WEBHOOK_CONFIGURATION)
    if (stopped || !configuration?.webhooks?.length) return
    const patch = registrationPatch(configuration, authority)
    if (patch.length === 0) return onRegistered()
    try {
      await client.patch(
        `${COLLECTION}/${WEBHOOK_CONFIGURATION}`,
        'application/json-patch+json',
        patch,
      )
      log.info({ configuration: WEBHOOK_CONFIGURATION }, 'authority registered')
    } catch (error) {
      log.warn(
        { configuration: WEBHOOK_CONFIGURATION, error: (error as Error).message },
        'authority not registered',
      )
    }
    // The change comes back through the watch and ends the retries; until then it is not in force.
    if (!stopped) retry = setTimeout(() => void register(), RETRY_MS)
  }

  configurations.onChange(({ key }) => {
    if (key === WEBHOOK_CONFIGURATION) void register()
  })
  void register()
  return {
    stop() {
      stopped = true
      clearTimeout(retry)
    },
  }
}
