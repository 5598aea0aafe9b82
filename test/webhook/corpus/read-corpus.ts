/** The pods of a folder of manifests: alone, in lists, and in the templates of whatever makes pods. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { Pod } from '../../../core/kube/types.ts'

export interface CorpusPod {
  /** `probes.yaml: Pod tcp-by-number`. */
  title: string
  /** File without its ending. */
  family: string
  pod: Pod
}

type Json = Record<string, unknown>

/**
 * All pods below the folder, as JSON would carry them.
 * @returns also the documents that are no YAML: templates, or tests of somebody's parser
 */
export function readCorpus(folder: string): { pods: CorpusPod[]; unreadable: string[] } {
  const pods: CorpusPod[] = []
  const unreadable: string[] = []
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ya?ml|json|input|golden)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  for (const file of files) {
    const name = relative(folder, file)
    for (const object of documentsOf(file, () => unreadable.push(name))) {
      for (const { title, pod } of podsIn(object)) {
        const family = name.replace(/\.[^.]+$/, '')
        pods.push({ title: `${name}: ${title}`, family, pod })
      }
    }
  }
  return { pods, unreadable }
}

function documentsOf(file: string, onFault: () => void): unknown[] {
  try {
    return parseAllDocuments(readFileSync(file, 'utf8'), { merge: true }).flatMap((document) => {
      if (document.errors.length > 0) {
        onFault()
        return []
      }
      // Over the wire, without the sharing that anchors make.
      const text = JSON.stringify(document.toJS({ maxAliasCount: 1000 })) ?? 'null'
      return [JSON.parse(text)]
    })
  } catch {
    onFault()
    return []
  }
}

function podsIn(object: unknown): { title: string; pod: Pod }[] {
  if (!isObject(object)) return []
  if (Array.isArray(object['items'])) return object['items'].flatMap(podsIn)
  const { kind = 'nothing', metadata, spec, template } = object
  const name = isObject(metadata) ? (metadata['name'] ?? metadata['generateName']) : undefined
  const title = `${kind} ${name ?? 'without name'}`
  if (kind === 'Pod') return [{ title, pod: object as unknown as Pod }]
  return [spec, at(spec, 'jobTemplate', 'spec'), { template }].flatMap((place) => {
    const found = at(place, 'template')
    if (!isObject(found) || !Array.isArray(at(found, 'spec', 'containers'))) return []
    return [{ title, pod: podOf(found, String(kind), String(name ?? 'x')) }]
  })
}

/** As the controllers make it. */
function podOf(template: Json, kind: string, name: string): Pod {
  const metadata = isObject(template['metadata']) ? template['metadata'] : {}
  const owner = { apiVersion: 'apps/v1', kind, name, uid: 'u', controller: true }
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, generateName: `${name}-`, ownerReferences: [owner] },
    spec: template['spec'],
  }
  return JSON.parse(JSON.stringify(pod))
}

function at(value: unknown, ...keys: string[]): unknown {
  return keys.reduce<unknown>((place, key) => (isObject(place) ? place[key] : undefined), value)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
