/** What is in a pod's volumes, as data: file name → content. Pure; writing is `volume-writer.ts`. */
import { type EnvFacts, fieldValue } from './container-env.ts'
import type { DownwardItems, KeyItems, PodView, VolumeSpec } from './pod-view.ts'

export interface VolumeFile {
  /** Path relative to the volume. */
  path: string
  content: string
  mode: number
  /** Owner, where it is not root. */
  uid?: number
  gid?: number
}

/** What a token is asked for: whom it is for (nobody in particular: the API server) and how long it lasts. */
export interface TokenSource {
  path: string
  audience?: string
  expirationSeconds?: number
}

export interface VolumeFacts extends EnvFacts {
  /** A token for the pod's service account; null if there is none (yet). */
  token(source: TokenSource): string | null
  /** The CA of the API server. */
  caCertificate: string
}

export type VolumeResult =
  | { ok: true; files: VolumeFile[]; readOnly: boolean }
  | { ok: false; mistake: string }

const DEFAULT_MODE = 0o644
/** Of a token where its readers are known: the one user of all containers, or the pod's group. */
const TOKEN_MODE = 0o600
/** What the pod's group may do with files that the kubelet writes. */
const GROUP_MODE = 0o440

/** Contents of one volume; a kind that the playground lacks is a mistake with a sentence. */
export function volumeFiles(volume: VolumeSpec, facts: VolumeFacts): VolumeResult {
  const result = plainFiles(volume, facts)
  const gid = facts.pod.spec.securityContext?.fsGroup
  if (!result.ok || gid === undefined) return result
  const files = result.files.map((file) => ({ ...file, gid, mode: file.mode | GROUP_MODE }))
  return { ...result, files }
}

function plainFiles(volume: VolumeSpec, facts: VolumeFacts): VolumeResult {
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
  if (source.serviceAccountToken) return tokenFile(source.serviceAccountToken, facts, mode)
  if (source.downwardAPI) return downward(source.downwardAPI, facts, mode)
  const { name = '', optional, items } = source.configMap ?? source.secret ?? {}
  if (source.secret) return keyed('secret', { name, optional, items, mode }, facts.secret(name))
  // Every namespace of a cluster has this one; here its content is known without it.
  const known = name === 'kube-root-ca.crt' ? { 'ca.crt': facts.caCertificate } : null
  const data = facts.configMap(name) ?? known
  return keyed('configmap', { name, optional, items, mode }, data)
}

/** A token is for the pod's user or group alone where there is one of them, else for whom the mode lets. */
function tokenFile(source: TokenSource, facts: VolumeFacts, mode = DEFAULT_MODE): VolumeResult {
  const content = facts.token(source)
  if (content === null) {
    const who = facts.pod.spec.serviceAccountName ?? 'default'
    return { ok: false, mistake: `there is no token for service account "${who}"` }
  }
  const uid = onlyUser(facts.pod)
  const fsGroup = facts.pod.spec.securityContext?.fsGroup
  const known = uid !== null || fsGroup !== undefined
  const file = { path: source.path, content, mode: known ? TOKEN_MODE : mode }
  return { ok: true, files: [uid === null ? file : { ...file, uid }], readOnly: true }
}

/** The user as whom all containers are told to run; null if one of them is told another, or none. */
export function onlyUser({ spec }: PodView): number | null {
  const shared = spec.securityContext?.runAsUser
  const users = [...(spec.initContainers ?? []), ...spec.containers].map(
    ({ securityContext }) => securityContext?.runAsUser ?? shared,
  )
  const [first] = users
  return first !== undefined && users.every((one) => one === first) ? first : null
}

/** All tokens that a pod's volumes hold. */
export function tokenSources({ spec }: PodView): TokenSource[] {
  const sources = (spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? [])
  return sources.flatMap(({ serviceAccountToken }) => serviceAccountToken ?? [])
}
