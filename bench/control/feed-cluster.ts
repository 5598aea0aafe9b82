/** The cluster of the feed's rows: one tree of 20 spaces with 5,000 Services and 1,000 pods with sidecars. */
import { randomUUID } from 'node:crypto'
import { createClient } from '../../core/kube/client.ts'
import {
  CONTROLLER_AUDIENCE,
  CONTROLLER_SERVICE,
  LABEL,
  SYSTEM_NAMESPACE,
} from '../../core/names.ts'
import { type ApiServer, startApiServer } from '../../playground/apiserver/server.ts'
import type { FeedIdentity } from './programs/read-feeds.ts'

export const SPACES = 20
export const SERVICES = 5000
export const SIDECARS = 1000

/** Tokens are asked for this many at a time. */
const TOKENS_AT_ONCE = 20

export interface FeedCluster {
  api: ApiServer
  /** One for each sidecar, with its token. */
  identities: FeedIdentity[]
  /** Marks the next Service with the number of a change. */
  change(number: number): void
  close(): Promise<void>
}

const spaceName = (index: number) => (index === 0 ? 'dev' : `dev-${index}`)
const spaceOfService = (index: number) => spaceName(index % SPACES)

export async function startFeedCluster(): Promise<FeedCluster> {
  // What a role allows is not what is measured here; tokens are looked at all the same.
  const api = await startApiServer({ host: '127.0.0.1', port: 0, rights: 'off' })
  const put = (storage: string, apiVersion: string, kind: string, object: Fields) =>
    api.objects.store.put(storage, {
      apiVersion,
      kind,
      ...object,
      metadata: {
        uid: randomUUID(),
        resourceVersion: '',
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...(object['metadata'] as { name: string }),
      },
    })
  const account = (namespace: string, name: string) =>
    put('/serviceaccounts', 'v1', 'ServiceAccount', { metadata: { name, namespace } })

  put('/namespaces', 'v1', 'Namespace', { metadata: { name: SYSTEM_NAMESPACE } })
  account(SYSTEM_NAMESPACE, CONTROLLER_SERVICE)
  for (let index = 0; index < SPACES; index++) {
    const name = spaceName(index)
    const parent = index === 0 ? {} : { [LABEL.parentSpace]: 'dev' }
    const labels = { [LABEL.space]: 'true', ...parent }
    put('/namespaces', 'v1', 'Namespace', { metadata: { name, labels } })
    account(name, 'default')
  }
  for (let index = 0; index < SERVICES; index++) {
    put('/services', 'v1', 'Service', serviceOf(index, 'http'))
    put('discovery.k8s.io/endpointslices', 'discovery.k8s.io/v1', 'EndpointSlice', sliceOf(index))
  }
  for (let index = 0; index < SIDECARS; index++) put('/pods', 'v1', 'Pod', podOf(index))
  const identities = await identitiesOf(api)
  return {
    api,
    identities,
    change: (number) =>
      void put('/services', 'v1', 'Service', serviceOf(number % SERVICES, `change-${number}`)),
    close: () => api.close(),
  }
}

type Fields = Record<string, unknown>

function ipOf(index: number, net: number): string {
  return `10.${net}.${index >> 8}.${index & 255}`
}

function serviceOf(index: number, appProtocol: string): Fields {
  const name = `service-${index}`
  const ip = ipOf(index, 96)
  const port = { name: 'http', port: 80, targetPort: 8080, protocol: 'TCP', appProtocol }
  return {
    metadata: { name, namespace: spaceOfService(index) },
    spec: { clusterIP: ip, clusterIPs: [ip], selector: { app: name }, ports: [port] },
  }
}

function sliceOf(index: number): Fields {
  const name = `service-${index}`
  return {
    metadata: {
      name: `${name}-abcde`,
      namespace: spaceOfService(index),
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [ipOf(index, 244)], conditions: { ready: true } }],
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  }
}

function podOf(index: number): Fields {
  return {
    metadata: {
      name: `pod-${index}`,
      namespace: spaceOfService(index),
      labels: { app: `service-${index}`, [LABEL.instrumented]: 'true' },
    },
    spec: { serviceAccountName: 'default', containers: [{ name: 'app', image: 'app:1' }] },
  }
}

/** As the kubelet asks for them: for the controller alone, and bound to the pod. */
async function identitiesOf(api: ApiServer): Promise<FeedIdentity[]> {
  const client = createClient({
    server: api.url,
    namespace: 'default',
    userAgent: 'azds-bench',
    credentials: async () => ({
      ca: api.caPem,
      headers: { authorization: `Bearer ${api.adminToken}` },
    }),
  })
  const identities: FeedIdentity[] = []
  for (let from = 0; from < SIDECARS; from += TOKENS_AT_ONCE) {
    const some = Array.from({ length: TOKENS_AT_ONCE }, async (_, at): Promise<FeedIdentity> => {
      const pod = `pod-${from + at}`
      const namespace = spaceOfService(from + at)
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`
      const { status } = await client.create<{ status: { token: string } }>(path, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: [CONTROLLER_AUDIENCE],
          expirationSeconds: 3600,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod },
        },
      })
      return { namespace, pod, token: status.token }
    })
    identities.push(...(await Promise.all(some)))
  }
  return identities
}
