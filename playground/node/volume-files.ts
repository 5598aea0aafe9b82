/** What is in a pod's volumes, as data: file name → content. Pure; writing is `volumes.ts`. */
import { type EnvFacts, fieldValue } from './container-env.ts'
import type { DownwardItems, KeyItems, VolumeSpec } from './pod-view.ts'

export interface VolumeFile {
  /** Path relative to the volume. */
  path: string
  content: string
  mode: number
}

export interface VolumeFacts extends EnvFacts {
  /** A token for the pod's service account, and the CA of the API server. */
  token: string
  caCertificate: string
}

export type VolumeResult =
  | { ok: true; files: VolumeFile[]; readOnly: boolean }
  | { ok: false; mistake: string }

/** Files of kubernetes.io/serviceaccount, as every pod has them. */
export function serviceAccountFiles(facts: VolumeFacts): VolumeFile[] {
  const namespace = facts.pod.metadata.namespace ?? 'default'
  return [
    { path: 'token', content: facts.token, mode: 0o644 },
    { path: 'ca.crt', content: facts.caCertificate, mode: 0o644 },
    { path: 'namespace', content: namespace, mode: 0o644 },
  ]
}

const DEFAULT_MODE = 0o644

/** Contents of one volume; a kind that the playground lacks is a mistake with a sentence. */
export function volumeFiles(volume: VolumeSpec, facts: VolumeFacts): VolumeResult {
  if (volume.emptyDir) return { ok: true, files: [], readOnly: false }
  if (volume.configMap) {
    const { name = '', optional, items, defaultMode } = volume.configMap
    return keyed('configmap', { name, optional, items, mode: defaultMode }, facts.configMap(name))
  }
  if (volume.secret) {
    const { secretName: name = '', optional, items, defaultMode } = volume.secret
    return keyed('secret', { name, optional, items, mode: defaultMode }, facts.secret(name))
  }
  if (volume.downwardAPI) return downward(volume.downwardAPI, facts, volume.downwardAPI.defaultMode)
  if (volume.projected) return projected(volume.projected, facts)
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'no kind'
  return {
    ok: false,
    mistake: `volume "${volume.name}": ${kind} is not available in the playground; use emptyDir, configMap, secret, downwardAPI or projected`,
  }
}

interface Keyed {
  name: string
  optional: boolean | undefined
  items: KeyItems['items'] | undefined
  mode: number | undefined
}

function keyed(kind: string, want: Keyed, data: Record<string, string> | null): VolumeResult {
  if (!data && !want.optional) {
    return { ok: false, mistake: `${kind} "${want.name}" not found` }
  }
  const mode = want.mode ?? DEFAULT_MODE
  const whole = () => Object.keys(data ?? {}).map((key) => ({ key, path: key }))
  const items: NonNullable<KeyItems['items']> = want.items ?? whole()
  const files: VolumeFile[] = []
  for (const item of items) {
    const content = data?.[item.key]
    if (content === undefined && !want.optional) {
      return { ok: false, mistake: `${kind} "${want.name}" has no key ${item.key}` }
    }
    if (content !== undefined) files.push({ path: item.path, content, mode: item.mode ?? mode })
  }
  return { ok: true, files, readOnly: true }
}

function downward(
  { items = [] }: DownwardItems,
  facts: VolumeFacts,
  mode = DEFAULT_MODE,
): VolumeResult {
  const files: VolumeFile[] = []
  for (const { path, fieldRef } of items) {
    const content = fieldValue(fieldRef?.fieldPath ?? '', facts)
    if (content === null) {
      return { ok: false, mistake: `fieldPath "${fieldRef?.fieldPath}" is not known` }
    }
    files.push({ path, content, mode })
  }
  return { ok: true, files, readOnly: true }
}

function projected(
  { sources = [], defaultMode }: NonNullable<VolumeSpec['projected']>,
  facts: VolumeFacts,
): VolumeResult {
  const files: VolumeFile[] = []
  for (const source of sources) {
    const result = sourceFiles(source, facts, defaultMode)
    if (!result.ok) return result
    files.push(...result.files)
  }
  return { ok: true, files, readOnly: true }
}

type Source = NonNullable<NonNullable<VolumeSpec['projected']>['sources']>[number]

function sourceFiles(source: Source, facts: VolumeFacts, mode: number | undefined): VolumeResult {
  if (source.serviceAccountToken) {
    const { path } = source.serviceAccountToken
    const file = { path, content: facts.token, mode: mode ?? DEFAULT_MODE }
    return { ok: true, files: [file], readOnly: true }
  }
  if (source.downwardAPI) return downward(source.downwardAPI, facts, mode)
  const { name = '', optional, items } = source.configMap ?? source.secret ?? {}
  if (source.secret) return keyed('secret', { name, optional, items, mode }, facts.secret(name))
  // Every namespace of a cluster has this one; here its content is known without it.
  const known = name === 'kube-root-ca.crt' ? { 'ca.crt': facts.caCertificate } : null
  const data = facts.configMap(name) ?? known
  return keyed('configmap', { name, optional, items, mode }, data)
}
