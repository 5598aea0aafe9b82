/** Finds what is installed: where, by whom, of which version, with which values. */
import { gunzipSync } from 'node:zlib'
import type { KubeClient } from '../../core/kube/client.ts'
import type { ConfigMap, KubeObject, Secret } from '../../core/kube/types.ts'
import { PART_OF, PART_OF_LABEL, WEBHOOK_CONFIGURATION } from '../../core/names.ts'
import { getOrNull } from '../api-resources.ts'
import { isMap } from '../chart/functions.ts'
import { parseValues, type Values } from '../chart/values.ts'

export interface Installation {
  namespace: string
  /** Who made it and so has to change it; `other` for plain manifests. */
  by: 'azds' | 'helm' | 'other'
  /** Name of the Helm release; null without Helm. */
  release: string | null
  /** As its objects' labels say; null if they do not. */
  version: string | null
}

/** Everything of ours, whatever its kind. */
export const OURS = `labelSelector=${encodeURIComponent(`${PART_OF_LABEL}=${PART_OF}`)}`

/** Where `azds install` keeps the values that it was given. */
export const VALUES_CONFIG_MAP = 'azds-values'
export const VERSION_LABEL = 'app.kubernetes.io/version'
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'
const HELM_RELEASE_ANNOTATION = 'meta.helm.sh/release-name'

export const WEBHOOK_CONFIGURATION_PATH = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}`

export type WebhookConfiguration = KubeObject & {
  webhooks?: {
    name: string
    clientConfig: { caBundle?: string; service?: { namespace: string; name: string } }
    [key: string]: unknown
  }[]
}

/** Null where nothing is there; throws a `KubeError` (403) for who may not look. */
export async function findInstallation(client: KubeClient): Promise<Installation | null> {
  const [configuration, deployments] = await Promise.all([
    getOrNull<WebhookConfiguration>(client, WEBHOOK_CONFIGURATION_PATH),
    client.get<{ items: KubeObject[] }>(`/apis/apps/v1/deployments?${OURS}`),
  ])
  const program = deployments.items.find(({ metadata }) => metadata.name === 'azds-webhook')
  const service = configuration?.webhooks?.[0]?.clientConfig.service
  const namespace = service?.namespace ?? program?.metadata.namespace
  if (namespace === undefined) return null
  const { labels = {}, annotations = {} } = (program ?? configuration)?.metadata ?? {}
  const release = annotations[HELM_RELEASE_ANNOTATION] ?? null
  const by = release !== null ? 'helm' : labels[MANAGED_BY_LABEL] === 'azds' ? 'azds' : 'other'
  return { namespace, by, release, version: labels[VERSION_LABEL] ?? null }
}

/** The values over the chart's defaults; empty for plain manifests, whose values nobody has kept. */
export async function valuesOf(client: KubeClient, installation: Installation): Promise<Values> {
  const { namespace, by, release } = installation
  if (by === 'helm' && release !== null) return helmValues(client, namespace, release)
  const path = `/api/v1/namespaces/${namespace}/configmaps/${VALUES_CONFIG_MAP}`
  const kept = await getOrNull<ConfigMap>(client, path)
  return parseValues(VALUES_CONFIG_MAP, kept?.data?.['values.yaml'] ?? '')
}

/** The newest Secret of a release holds it as JSON: base64 of the API, base64 of Helm, gzip. */
async function helmValues(client: KubeClient, namespace: string, name: string): Promise<Values> {
  const selector = encodeURIComponent(`owner=helm,name=${name},status=deployed`)
  const path = `/api/v1/namespaces/${namespace}/secrets?labelSelector=${selector}`
  const { items } = await client.get<{ items: Secret[] }>(path)
  const newest = items.toSorted((a, b) => revisionOf(b) - revisionOf(a))[0]
  const packed = newest?.data?.['release']
  if (packed === undefined) return {}
  const inner = Buffer.from(Buffer.from(packed, 'base64').toString('utf8'), 'base64')
  const { config } = JSON.parse(gunzipSync(inner).toString('utf8')) as { config?: unknown }
  return isMap(config) ? config : {}
}

function revisionOf({ metadata }: Secret): number {
  return Number(metadata.labels?.['version'] ?? 0)
}
