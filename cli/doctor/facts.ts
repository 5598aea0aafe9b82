/** What checks look at, each read from the cluster once, at the first check that needs it. */
import type { AuditFinding } from '../../core/injection/audit.ts'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type {
  ApiService,
  ConfigMap,
  KubeNode,
  KubeObject,
  Namespace,
  Pod,
} from '../../core/kube/types.ts'
import { CA_CONFIG_MAP, LABEL } from '../../core/names.ts'
import { type SidecarList, sidecarsPath } from '../../core/trace-resource.ts'
import { type ApiResources, discover, getOrNull } from '../api-resources.ts'
import type { ChartFiles } from '../chart/files.ts'
import { renderChart } from '../chart/render.ts'
import type { Deployment } from '../install/apply.ts'
import {
  findInstallation,
  type Installation,
  OURS,
  valuesOf,
  WEBHOOK_CONFIGURATION_PATH,
  type WebhookConfiguration,
} from '../install/installation.ts'
import { API_SERVICE_PATH } from '../install/ownership.ts'
import { auditSpace } from '../space-audit.ts'
import { NAMESPACES, readSpaces, type SpaceTree } from '../spaces.ts'
import { type Canary, sendCanary } from './canary.ts'

export interface DoctorFacts {
  readonly client: KubeClient
  readonly chart: ChartFiles
  /** Where an installation would go, for checks that come before it. */
  readonly target: string
  /** The space that `--space` names; null: the first one. */
  readonly space: string | null
  /** Milliseconds since 1970, of this machine. */
  now(): number
  /** Milliseconds that only grow, for durations. */
  elapsed(): number

  version(): Promise<{ gitVersion: string; major: string; minor: string }>
  /** Who we are to the server; empty if it does not tell. */
  user(): Promise<string>
  /** The server's clock, in ms since 1970; null where we may not even try to make something. */
  serverTime(): Promise<number | null>
  resources(): Promise<ApiResources>
  installation(): Promise<Installation | null>
  /** The installation where there is one; its absence is an error that the check names. */
  installed(): Promise<Installation>
  /** The chart's objects with the values of the installation. */
  rendered(): Promise<readonly KubeObject[]>
  deployments(): Promise<readonly Deployment[]>
  webhookConfiguration(): Promise<WebhookConfiguration | null>
  apiService(): Promise<ApiService | null>
  nodes(): Promise<readonly KubeNode[]>
  tree(): Promise<SpaceTree>
  /** Namespaces that are spaces, by name. */
  spaces(): Promise<readonly Namespace[]>
  /** Pods of one namespace. */
  pods(namespace: string): Promise<readonly Pod[]>
  /** Published certificates of the controller's authority, of all namespaces. */
  authorityMaps(): Promise<readonly ConfigMap[]>
  /** The answer to a pod that is only tried, in `--space` or the first space; null where there is no space. */
  canary(): Promise<{ space: string; answer: Canary } | null>
  /** What lacks a sidecar in the spaces, or hangs because of one. */
  audits(): Promise<readonly AuditFinding[]>
  /** What has a sidecar outside of them. */
  strays(): Promise<readonly AuditFinding[]>
  /** What sidecars tell, and which pods lack one; null where nobody serves that. */
  sidecars(): Promise<SidecarList['items'] | null>
}

export interface FactParts {
  client: KubeClient
  chart: ChartFiles
  target: string
  space: string | null
  /** True where nothing of other spaces than `space` is looked at, because one may not see them. */
  onlySpace?: boolean
  now(): number
  elapsed(): number
}

/** Pods a page, so that no answer grows past a few megabytes. */
const PAGE = 500

export function doctorFacts(parts: FactParts): DoctorFacts {
  const { client, chart } = parts
  const list = async <T>(path: string) => (await client.get<{ items: T[] }>(path)).items
  const installation = once(() => findInstallation(client))
  const installed = async () => {
    const found = await installation()
    if (!found) throw new Error('azds is not installed: run azds install')
    return found
  }
  const tree = once(() => readSpaces(client))
  /** The one namespace that all is about; null: every space's. */
  const only = parts.onlySpace ? parts.space : null
  const own = once(() => client.get<Namespace>(`${NAMESPACES}/${only}`))
  const spaces = async () =>
    (only === null ? [...(await tree()).namespaces.values()] : [await own()]).filter(
      ({ metadata }) => metadata.labels?.[LABEL.space] === 'true' && !metadata.deletionTimestamp,
    )
  const podsOf = (namespace: string) => {
    const known = perNamespace.get(namespace) ?? listPods(client, namespace)
    perNamespace.set(namespace, known)
    return known
  }
  /** Our namespace; the usual one for those who may not see where we are. */
  const system = async () => {
    const found = await installation().catch((error: Error) => {
      if (error instanceof KubeError && error.status === 403) return null
      throw error
    })
    return found?.namespace ?? parts.target
  }
  const perNamespace = new Map<string, Promise<Pod[]>>()
  return {
    ...parts,
    version: once(() => client.get('/version')),
    user: once(() => askUser(client)),
    serverTime: once(() => askTime(client)),
    resources: once(() => discover(client)),
    installation,
    installed,
    rendered: once(async () => {
      const place = await installed()
      const values = await valuesOf(client, place)
      return renderChart(chart, values, {
        name: place.release ?? 'azds',
        namespace: place.namespace,
      })
    }),
    deployments: once(async () => {
      const { namespace } = await installed()
      return list<Deployment>(`/apis/apps/v1/namespaces/${namespace}/deployments?${OURS}`)
    }),
    webhookConfiguration: once(() =>
      getOrNull<WebhookConfiguration>(client, WEBHOOK_CONFIGURATION_PATH),
    ),
    apiService: once(() => getOrNull<ApiService>(client, API_SERVICE_PATH)),
    nodes: once(() => list<KubeNode>('/api/v1/nodes')),
    tree,
    spaces,
    pods: podsOf,
    authorityMaps: once(() =>
      list<ConfigMap>(`/api/v1/configmaps?fieldSelector=metadata.name%3D${CA_CONFIG_MAP}`),
    ),
    canary: once(async () => {
      const space = parts.space ?? (await spaces())[0]?.metadata.name
      if (space === undefined) return null
      return { space, answer: await sendCanary(client, space, parts.elapsed) }
    }),
    audits: once(async () => {
      const all = (await spaces()).map(async (namespace) =>
        auditSpace(namespace, await podsOf(namespace.metadata.name ?? ''), await system()),
      )
      return (await Promise.all(all)).flat()
    }),
    strays: once(async () => {
      if (only !== null) {
        const found = auditSpace(await own(), await podsOf(only), await system())
        return found.filter(({ reason }) => reason === 'stray')
      }
      const injected = await list<Pod>(`/api/v1/pods?labelSelector=${LABEL.instrumented}%3Dtrue`)
      const { namespaces } = await tree()
      const groups = Map.groupBy(injected, ({ metadata }) => metadata.namespace ?? '')
      const found = [...groups].map(async ([name, pods]) =>
        auditSpace(namespaces.get(name) ?? { metadata: { name } }, pods, await system()),
      )
      return (await Promise.all(found)).flat().filter(({ reason }) => reason === 'stray')
    }),
    sidecars: once(async () => {
      const answer = await getOrNull<SidecarList>(client, sidecarsPath(only))
      return answer?.items ?? null
    }),
  }
}

export async function listPods(client: KubeClient, namespace: string): Promise<Pod[]> {
  const pods: Pod[] = []
  let next = ''
  do {
    const page = await client.get<{ items: Pod[]; metadata: { continue?: string } }>(
      `/api/v1/namespaces/${namespace}/pods?limit=${PAGE}${next}`,
    )
    pods.push(...page.items)
    next = page.metadata.continue ? `&continue=${encodeURIComponent(page.metadata.continue)}` : ''
  } while (next !== '')
  return pods
}

async function askUser(client: KubeClient): Promise<string> {
  const review = await client.create<
    KubeObject & { status?: { userInfo?: { username?: string } } }
  >('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
  })
  return review.status?.userInfo?.username ?? ''
}

/** An object that is only tried gets the server's time as that of its creation. */
async function askTime(client: KubeClient): Promise<number | null> {
  const path = `/api/v1/namespaces/${client.namespace}/configmaps`
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'azds-clock-' } }
  const tried = await client
    .create<KubeObject>(path, body, { dryRun: true })
    .catch((error: Error) => {
      if (error instanceof KubeError && [403, 404].includes(error.status)) return null
      throw error
    })
  const time = Date.parse(tried?.metadata.creationTimestamp ?? '')
  return Number.isNaN(time) ? null : time
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= read()
    return answer
  }
}
