/** What checks look at, each read from the cluster once, at the first check that needs it. */
import type { KubeClient } from '../../core/kube/client.ts'
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
import { readSpaces, type SpaceTree } from '../spaces.ts'

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
  /** Who we are to the server, and the server's own time. */
  self(): Promise<{ user: string; serverTime: number }>
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
  /** What sidecars tell, and which pods lack one; null where nobody serves that. */
  sidecars(): Promise<SidecarList['items'] | null>
}

export interface FactParts {
  client: KubeClient
  chart: ChartFiles
  target: string
  space: string | null
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
  const perNamespace = new Map<string, Promise<Pod[]>>()
  return {
    ...parts,
    version: once(() => client.get('/version')),
    self: once(() => askSelf(client)),
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
    spaces: async () =>
      [...(await tree()).namespaces.values()].filter(
        ({ metadata }) => metadata.labels?.[LABEL.space] === 'true' && !metadata.deletionTimestamp,
      ),
    pods: (namespace) => {
      const known = perNamespace.get(namespace) ?? listPods(client, namespace)
      perNamespace.set(namespace, known)
      return known
    },
    authorityMaps: once(() =>
      list<ConfigMap>(`/api/v1/configmaps?fieldSelector=metadata.name%3D${CA_CONFIG_MAP}`),
    ),
    sidecars: once(async () => {
      const answer = await getOrNull<SidecarList>(client, sidecarsPath(null))
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

/** The answer of a review is made at that moment, and so tells the server's time. */
async function askSelf(client: KubeClient): Promise<{ user: string; serverTime: number }> {
  const review = await client.create<
    KubeObject & { status?: { userInfo?: { username?: string } } }
  >('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
  })
  return {
    user: review.status?.userInfo?.username ?? '',
    serverTime: Date.parse(review.metadata.creationTimestamp ?? ''),
  }
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= read()
    return answer
  }
}
