/** The pods of a manifest, also those that workloads would make, and its Services. */
import { parseAllDocuments } from 'yaml'
import type { Pod } from '../core/kube/types.ts'
import type { TargetedService } from '../core/service-target.ts'
import { CliError } from './command.ts'

/** A pod as admission would see it, and where it comes from. */
export interface ManifestPod {
  kind: string
  name: string
  /** Namespace that the manifest names; null if it leaves that open. */
  namespace: string | null
  pod: Pod
}

/** A Service of the manifest, which will be there when the pods come. */
export interface ManifestService {
  namespace: string | null
  service: TargetedService
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
  return objectsOf(text, source).flatMap(podsOfObject)
}

/** The Services of a manifest, read as `podsOf` reads it; what makes no sense in one is passed over. */
export function servicesOf(text: string, source: string): ManifestService[] {
  return objectsOf(text, source)
    .filter(({ kind }) => kind === 'Service')
    .map((object) => {
      const { metadata, spec } = object
      const { name, namespace } = isObject(metadata) ? metadata : {}
      return {
        namespace: typeof namespace === 'string' ? namespace : null,
        service: {
          metadata: typeof name === 'string' ? { name } : {},
          spec: isObject(spec) ? soundSpec(spec) : {},
        },
      }
    })
}

function soundSpec({ type, selector, ports }: Json): TargetedService['spec'] {
  const isSound = (port: unknown) => isObject(port) && typeof port['port'] === 'number'
  return {
    ...(typeof type === 'string' && { type }),
    ...(isObject(selector) && { selector: selector as Record<string, string> }),
    ports: (Array.isArray(ports) ? ports : []).filter(isSound),
  }
}

function objectsOf(text: string, source: string): Json[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error) throw new CliError(`${source} is no YAML: ${error.message}`, 1, { cause: error })
    return flattened(document.toJS())
  })
}

function flattened(object: unknown): Json[] {
  if (!isObject(object)) return []
  const { kind, items } = object
  return kind === 'List' && Array.isArray(items) ? items.flatMap(flattened) : [object]
}

function podsOfObject(object: Json): ManifestPod[] {
  const kind = String(object['kind'] ?? '')
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
