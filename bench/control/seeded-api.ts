/** A playground API server that holds a large cluster, and a front before it that counts who asks for what. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority, createLeaf } from '../../core/authority/certificate.ts'
import { type ApiServer, startApiServer } from '../../playground/apiserver/server.ts'

export interface ClusterSize {
  namespaces: number
  nodes: number
  services: number
}

/** Every tenth namespace is a space: a root with nine children, three levels deep. */
const SPACE_EVERY = 10
/** About what a client that applies leaves behind on a namespace (characters). */
const LAST_APPLIED = 600
/** Images that a kubelet lists in its node's status. */
const NODE_IMAGES = 40

export const spaceName = (index: number): string => `team-${index * SPACE_EVERY}`

/** Starts the server and fills it, past admission, which would take minutes. */
export async function seededApi(size: ClusterSize): Promise<ApiServer> {
  const api = await startApiServer({ host: '127.0.0.1', port: 0, rights: 'off' })
  const { store } = api.objects
  const put = (storage: string, apiVersion: string, kind: string, object: object) => {
    const { metadata, ...rest } = object as { metadata: { name: string } }
    const about = {
      uid: randomUUID(),
      resourceVersion: '',
      creationTimestamp: '2026-01-01T00:00:00Z',
    }
    store.put(storage, { apiVersion, kind, metadata: { ...about, ...metadata }, ...rest })
  }
  for (let index = 0; index < size.namespaces; index += 1) {
    put('/namespaces', 'v1', 'Namespace', namespaceAt(index))
  }
  for (let index = 0; index < size.nodes; index += 1) put('/nodes', 'v1', 'Node', nodeAt(index))
  for (let index = 0; index < size.services; index += 1) {
    put('/services', 'v1', 'Service', serviceAt(index, size))
  }
  const account = { metadata: { name: 'azds-webhook', namespace: 'azds' } }
  put('/namespaces', 'v1', 'Namespace', { metadata: { name: 'azds' } })
  put('/serviceaccounts', 'v1', 'ServiceAccount', account)
  return api
}

function namespaceAt(index: number) {
  const name = `team-${index}`
  const isSpace = index % SPACE_EVERY === 0
  const space = index / SPACE_EVERY
  // 0 is a root, 1 to 3 are its children, 4 to 9 theirs; 10 is the next root.
  const place = space % 10
  const parent = place === 0 ? null : spaceName(space - place + (place < 4 ? 0 : (place % 3) + 1))
  return {
    metadata: {
      name,
      labels: {
        'kubernetes.io/metadata.name': name,
        team: name,
        ...(isSpace && { 'azds.io/space': 'true' }),
        ...(isSpace && parent && { 'azds.io/parent-space': parent }),
      },
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(LAST_APPLIED),
      },
    },
    status: { phase: 'Active' },
  }
}

function nodeAt(index: number) {
  return {
    metadata: { name: `node-${index}`, labels: { 'kubernetes.io/os': 'linux' } },
    status: {
      nodeInfo: { kubeletVersion: `v1.34.${index % 3}`, operatingSystem: 'linux' },
      images: Array.from({ length: NODE_IMAGES }, (_, image) => ({
        names: [`registry.example/team/image-${image}@sha256:${'0'.repeat(64)}`],
        sizeBytes: 100_000_000,
      })),
    },
  }
}

function serviceAt(index: number, size: ClusterSize) {
  const spaces = Math.ceil(size.namespaces / SPACE_EVERY)
  return {
    metadata: { name: `service-${index}`, namespace: spaceName(index % spaces) },
    spec: {
      type: 'ClusterIP',
      clusterIP: `10.96.${Math.floor(index / 250)}.${index % 250}`,
      selector: { app: `app-${index % 50}` },
      ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
    },
  }
}

export interface Front {
  /** The same server by the front's address and authority. */
  api: ApiServer
  /** `METHOD /path` of each request so far. */
  requests: string[]
  close(): void
}

/** Passes everything on as it comes. */
export async function countingFront(api: ApiServer): Promise<Front> {
  const now = new Date()
  const times = { lifeMs: 3_600_000, now }
  const authority = await createAuthority({ subject: 'bench front', ...times })
  const leaf = await createLeaf(authority, { names: ['127.0.0.1'], ...times })
  const requests: string[] = []
  const { hostname, port } = new URL(api.url)
  const agent = new Agent({ keepAlive: true, timeout: 1000, ca: api.caPem })
  const server = createServer({ cert: leaf.cert, key: leaf.key }, (incoming, answer) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    const { method, url: path, headers } = incoming
    const outgoing = httpsRequest(
      { host: hostname, port, method, path, headers, agent },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers)
        answer.flushHeaders()
        response.pipe(answer)
      },
    )
    outgoing.on('error', () => answer.destroy())
    answer.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    api: { ...api, url, caPem: authority.cert },
    requests,
    close() {
      agent.destroy()
      server.closeAllConnections()
      server.close()
    },
  }
}
