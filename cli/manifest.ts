/** The pods of a manifest: pods themselves, and those that workloads would make. */
import { parseAllDocuments } from 'yaml'
import type { Pod } from '../core/kube/types.ts'
import { CliError } from './command.ts'

/** A pod as admission would see it, and where it comes from. */
export interface ManifestPod {
  kind: string
  name: string
  /** Namespace that the manifest names; null if it leaves that open. */
  namespace: string | null
  pod: Pod
}

type Json = Record<string, unknown>

/** Where the pod template is in each workload kind. */
const TEMPLATE: Record<string, readonly string[]> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
}

/** Kinds that are, or make, pods. */
export const POD_KINDS = ['Pod', ...Object.keys(TEMPLATE)]

/**
 * Reads YAML (several documents) or JSON; objects that make no pods are passed over.
 * Throws a sentence where the text cannot be read.
 */
export function podsOf(text: string, source: string): ManifestPod[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error) throw new CliError(`${source} is no YAML: ${error.message}`, 1, { cause: error })
    return fromObject(document.toJS())
  })
}

function fromObject(object: unknown): ManifestPod[] {
  if (!isObject(object)) return []
  const kind = String(object['kind'] ?? '')
  if (kind === 'List' && Array.isArray(object['items'])) return object['items'].flatMap(fromObject)
  const metadata = isObject(object['metadata']) ? object['metadata'] : {}
  const name = String(metadata['name'] ?? metadata['generateName'] ?? '')
  const namespace = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : null
  if (kind === 'Pod') return [{ kind, name, namespace, pod: object as unknown as Pod }]
  const path = TEMPLATE[kind]
  if (!path) return []
  const template = path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), object)
  if (!isObject(template)) {
    throw new CliError(`${kind} "${name}": ${path.join('.')} is missing or no object`)
  }
  return [{ kind, name, namespace, pod: podOfTemplate(template, kind, name) }]
}

/** The owner is named, because the sidecar's env carries the workload's name. */
function podOfTemplate(template: Json, kind: string, name: string): Pod {
  const own = isObject(template['metadata']) ? template['metadata'] : {}
  const ownerReferences = [{ apiVersion: 'apps/v1', kind, name, controller: true }]
  const metadata = { ...own, generateName: `${name}-`, ownerReferences }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: template['spec'] } as unknown as Pod
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
