/** Whether the API server trusts the webhook, and sidecars the controller, and for how long. */
import type { KubeClient } from '../../../core/kube/client.ts'
import type { CoreEvent, Secret } from '../../../core/kube/types.ts'
import { CA_CONFIG_MAP, WEBHOOK_CA_SECRET, WEBHOOK_SERVICE } from '../../../core/names.ts'
import { getOrNull } from '../../api-resources.ts'
import { type Check, counted, failure, ok, skipped, warning } from '../check.ts'
import { decoded, parsed } from '../pem.ts'

const DAY_MS = 86_400_000
/** An authority is followed by the next one long before; so little left means that nobody does that. */
const LITTLE_DAYS = 30

export const CERTIFICATE_CHECKS: readonly Check[] = [
  {
    id: 'ca-bundle',
    title: 'the API server knows the webhook’s authority',
    admin: true,
    after: ['webhook-registered'],
    async run({ client, installed, webhookConfiguration }) {
      const { namespace } = await installed()
      const next = `the webhook writes it within a second where it runs; else kubectl -n ${namespace} rollout restart deployment azds-webhook`
      const bundle = (await webhookConfiguration())?.webhooks?.[0]?.clientConfig.caBundle
      if (!bundle) return failure('caBundle of the webhook configuration is empty', next)
      const known = parsed(decoded(bundle))
      if (known === null || known.length === 0) {
        return failure('caBundle of the webhook configuration holds no certificate', next)
      }
      const path = `/api/v1/namespaces/${namespace}/secrets/${WEBHOOK_CA_SECRET}`
      const secret = await getOrNull<Secret>(client, path)
      if (!secret) return failure(`the Secret ${namespace}/${WEBHOOK_CA_SECRET} is gone`, next)
      if ((secret.type ?? 'Opaque') !== 'Opaque') {
        return failure(
          `the Secret ${namespace}/${WEBHOOK_CA_SECRET} is of type ${secret.type}, which cannot be changed: no authority can be kept in it`,
          `kubectl -n ${namespace} delete secret ${WEBHOOK_CA_SECRET}; the webhook writes its own back at once`,
        )
      }
      const [current] = parsed(decoded(secret.data?.['current.crt'])) ?? []
      if (!current)
        return failure(`the Secret ${namespace}/${WEBHOOK_CA_SECRET} holds no authority`, next)
      if (known.some(({ fingerprint256 }) => fingerprint256 === current.fingerprint256)) {
        return ok(counted(known.length, 'certificate'))
      }
      return failure('caBundle has another authority than the one that signs for the webhook', next)
    },
  },
  {
    id: 'ca-age',
    title: 'the webhook’s authority has time left',
    admin: true,
    after: ['ca-bundle'],
    async run({ webhookConfiguration, now }) {
      const bundle = (await webhookConfiguration())?.webhooks?.[0]?.clientConfig.caBundle
      const ends = (parsed(decoded(bundle)) ?? []).map(({ validTo }) => Date.parse(validTo))
      const days = Math.floor((Math.max(...ends) - now()) / DAY_MS)
      const next =
        'ask for a new one: kubectl annotate secret azds-webhook-ca azds.io/rotate=now --overwrite, in its namespace'
      if (days < 0) return failure('it has expired', next)
      if (days < LITTLE_DAYS)
        return warning(`it ends in ${days} days, and no other is announced`, next)
      return ok(`${days} days`)
    },
  },
  {
    id: 'leaf-age',
    title: 'the webhook’s certificate has time left',
    admin: true,
    after: ['webhook-endpoints'],
    async run({ client, installed, now }) {
      const { namespace } = await installed()
      const service = `https:${WEBHOOK_SERVICE}:https`
      const path = `/api/v1/namespaces/${namespace}/services/${service}/proxy/healthz`
      const health = await client.get<{ certificateEnds?: string }>(path)
      const end = Date.parse(health.certificateEnds ?? '')
      if (!Number.isFinite(end)) return skipped('the webhook does not tell')
      const hours = Math.floor((end - now()) / 3_600_000)
      const next = `kubectl -n ${namespace} rollout restart deployment azds-webhook makes a new one`
      if (hours < 0) return failure('it has expired', next)
      // It lives for 7 days, and is renewed when a third of that is left.
      if (hours < 24)
        return warning(`it ends in ${hours} h, and should have been renewed before`, next)
      return ok(hours < 72 ? `${hours} h` : `${Math.floor(hours / 24)} days`)
    },
  },
  {
    id: 'ca-published',
    title: 'every space has the certificates by which sidecars know the controller',
    admin: true,
    after: ['installed'],
    async run({ client, authorityMaps, installed, spaces }) {
      const { namespace } = await installed()
      const maps = await authorityMaps()
      const own = maps.find(({ metadata }) => metadata.namespace === namespace)?.data?.['ca.crt']
      if (own === undefined) return skipped('the controller publishes none')
      const known = new Map(
        maps.map(({ metadata, data }) => [metadata.namespace, data?.['ca.crt']]),
      )
      const names = (await spaces()).map(({ metadata }) => metadata.name ?? '')
      const bad = names.filter((name) => known.get(name) !== own)
      if (bad.length === 0) return ok(counted(names.length, 'space'))
      return failure(
        `the ConfigMap ${CA_CONFIG_MAP} is missing or old, so that sidecars started there do not trust the controller:`,
        `the controller writes it within seconds where it runs and may; it waits for an hour with a new authority. Its log: kubectl -n ${namespace} logs deployment/azds-controller`,
        await withCauses(client, bad),
      )
    },
  },
]

/** Names of spaces, each with what the controller tells of it in Events. */
async function withCauses(client: KubeClient, names: readonly string[]): Promise<string[]> {
  const of = encodeURIComponent(
    `involvedObject.kind=ConfigMap,involvedObject.name=${CA_CONFIG_MAP}`,
  )
  // Who may not read Events still learns which spaces it is.
  const events = await client
    .get<{ items: CoreEvent[] }>(`/api/v1/events?fieldSelector=${of}`)
    .then(
      ({ items }) => items,
      () => [],
    )
  return names.map((name) => {
    const last = events
      .filter(({ metadata }) => metadata.namespace === name)
      .toSorted((a, b) => Date.parse(a.lastTimestamp ?? '') - Date.parse(b.lastTimestamp ?? ''))
      .at(-1)
    return last ? `${name}: ${last.message}` : name
  })
}
