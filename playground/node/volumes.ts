/** Writes a pod's volumes to the node and says where each container's mounts come from. */
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ContainerSpec, PodView } from './pod-view.ts'
import type { BindMount } from './rootfs.ts'
import {
  serviceAccountFiles,
  type VolumeFacts,
  type VolumeFile,
  volumeFiles,
} from './volume-files.ts'

export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Volumes on the node: name → directory, and whether containers may write. */
export type Volumes = ReadonlyMap<string, { dir: string; readOnly: boolean }>

export type VolumesResult = { ok: true; volumes: Volumes } | { ok: false; mistake: string }

/** Name of the volume that holds the service account's files; no pod can name one so. */
const SERVICE_ACCOUNT = '//serviceaccount'

/**
 * Writes all volumes of the pod below `dir`. A volume's files are written once: a later change of a
 * ConfigMap or Secret reaches new pods only.
 */
export async function writeVolumes(
  pod: PodView,
  dir: string,
  facts: VolumeFacts,
): Promise<VolumesResult> {
  const volumes = new Map<string, { dir: string; readOnly: boolean }>()
  const fsGroup = pod.spec.securityContext?.fsGroup
  for (const volume of pod.spec.volumes ?? []) {
    const result = volumeFiles(volume, facts)
    if (!result.ok) return result
    const place = `${dir}/${volume.name}`
    await writeFiles(place, result.files)
    if (!result.readOnly) {
      if (fsGroup !== undefined) await chown(place, 0, fsGroup)
      // emptyDir is open to everyone in Kubernetes too; the sticky bit is not set there either.
      await chmod(place, fsGroup === undefined ? 0o777 : 0o2777)
    }
    volumes.set(volume.name, { dir: place, readOnly: result.readOnly })
  }
  if (pod.spec.automountServiceAccountToken !== false) {
    const place = `${dir}/.serviceaccount`
    await writeFiles(place, serviceAccountFiles(facts))
    volumes.set(SERVICE_ACCOUNT, { dir: place, readOnly: true })
  }
  return { ok: true, volumes }
}

async function writeFiles(place: string, files: readonly VolumeFile[]): Promise<void> {
  await mkdir(place, { recursive: true })
  await chmod(place, 0o755)
  for (const { path, content, mode } of files) {
    const file = `${place}/${path}`
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    await chmod(file, mode)
  }
}

export type MountsResult = { ok: true; binds: BindMount[] } | { ok: false; mistake: string }

/** The mounts of one container, outermost first. */
export function containerMounts(container: ContainerSpec, volumes: Volumes): MountsResult {
  const binds: BindMount[] = []
  for (const { name, mountPath, readOnly = false, subPath } of container.volumeMounts ?? []) {
    const volume = volumes.get(name)
    if (!volume) return { ok: false, mistake: `volumeMount "${name}": the pod has no such volume` }
    const from = subPath ? `${volume.dir}/${subPath}` : volume.dir
    binds.push({ from, to: mountPath.replace(/\/+$/, ''), readOnly: readOnly || volume.readOnly })
  }
  const account = volumes.get(SERVICE_ACCOUNT)
  if (account && !binds.some(({ to }) => to === SERVICE_ACCOUNT_DIR)) {
    binds.push({ from: account.dir, to: SERVICE_ACCOUNT_DIR, readOnly: true })
  }
  binds.sort((a, b) => a.to.length - b.to.length)
  return { ok: true, binds }
}
