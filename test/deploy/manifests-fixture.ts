/** The objects of deploy/manifests, as kubectl applies them, and of the chart. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ownChart } from '../../cli/chart/files.ts'
import { renderChart } from '../../cli/chart/render.ts'
import type { Container, KubeObject, PodSpec } from '../../core/kube/types.ts'
import { SYSTEM_NAMESPACE } from '../../core/names.ts'

export const ROOT = join(import.meta.dirname, '../..')
export const MANIFESTS = join(ROOT, 'deploy/manifests')

export interface Rule {
  apiGroups: string[]
  resources: string[]
  resourceNames?: string[]
  verbs: string[]
}

export interface Webhook {
  failurePolicy: string
  sideEffects: string
  timeoutSeconds: number
  reinvocationPolicy: string
  namespaceSelector: { matchExpressions: { key: string; operator: string; values: string[] }[] }
  matchConditions: { name: string; expression: string }[]
  clientConfig: { service: { namespace: string; name: string; port: number; path: string } }
}

export type Manifest = KubeObject & {
  rules?: Rule[]
  webhooks?: Webhook[]
  roleRef?: { kind: string; name: string }
  subjects?: { kind: string; name: string; namespace: string }[]
  spec?: {
    template?: { metadata: { labels: Record<string, string> }; spec: PodSpec }
    selector?: Record<string, string> & { matchLabels?: Record<string, string> }
    ports?: { port: number; targetPort: string }[]
  }
}

/** All documents of one text. */
export function documentsOf(text: string): Manifest[] {
  const found = parseAllDocuments(text).map((document) => document.toJS() as Manifest | null)
  return found.filter((object) => object !== null)
}

export const manifests: readonly Manifest[] = readdirSync(MANIFESTS)
  .toSorted()
  .flatMap((file) => documentsOf(readFileSync(join(MANIFESTS, file), 'utf8')))

/** The same with all programs, whether they are on by default or not. */
export const objects = renderChart(
  ownChart(),
  { api: { enabled: true }, namespace: { create: true } },
  { name: 'azds', namespace: SYSTEM_NAMESPACE },
) as readonly Manifest[]

export function find(kind: string, name: string): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (!found) throw new Error(`no ${kind} ${name} in the chart`)
  return found
}

/** The only container of a Deployment. */
export function containerOf(deployment: string): Container {
  const [container, ...others] =
    find('Deployment', deployment).spec?.template?.spec.containers ?? []
  if (!container || others.length > 0) throw new Error(`${deployment} has not one container`)
  return container
}
