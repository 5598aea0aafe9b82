/** Where the webhook's bundle stands: in each entry of its own MutatingWebhookConfiguration. */
import type { BundlePlace } from '../core/authority/publish.ts'
import type { KubeObject } from '../core/kube/types.ts'
import { WEBHOOK_CONFIGURATION } from '../core/names.ts'

export type WebhookConfiguration = KubeObject & {
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[]
}

const COLLECTION = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
/** With this selector a role limited to one name may list and watch. */
export const CONFIGURATION_COPIES = `${COLLECTION}?fieldSelector=metadata.name%3D${WEBHOOK_CONFIGURATION}`
export const CONFIGURATION_PATH = `${COLLECTION}/${WEBHOOK_CONFIGURATION}`

export function bundlePlaces({ webhooks = [] }: WebhookConfiguration): BundlePlace[] {
  return webhooks.map(({ name, clientConfig }, index) => ({
    pointer: `/webhooks/${index}/clientConfig/caBundle`,
    live: clientConfig.caBundle,
    // The list may have changed since it was read.
    guard: { pointer: `/webhooks/${index}/name`, value: name },
  }))
}
