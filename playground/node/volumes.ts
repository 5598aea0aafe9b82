/** A pod's volumes on the node: where each lies, and where a container's mounts come from. */
import { chmod, chown, mkdir } from 'node:fs/promises'
import type { ContainerSpec, PodView } from './pod-view.ts'
import type { BindMount } from './rootfs.ts'
import { type VolumeFacts, type VolumeFile, volumeFiles } from './volume-files.ts'
import { writeVolume } from './volume-writer.ts'

export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Volumes on the node: name → directory, and whether containers may write. */
export type Volumes = ReadonlyMap<string, { dir: string; readOnly: boolean }>

/** What was written last into each volume that the kubelet fills, as text to compare with. */
export type Written = Map<string, string>

export type VolumesResult = { ok: true; volumes: Volumes } | { ok: false; mistake: string }

/**
 * Writes all volumes of the pod below `dir`; of those that are there, the ones whose content has changed.
 * With a mistake in one of them, none is touched.
 */
export async function writeVolumes(
  pod: PodView,
  dir: string,
  facts: VolumeFacts,
  written: Written,
): Promise<VolumesResult> {
  const volumes = new Map<string, { dir: string; readOnly: boolean }>()
  const contents: { name: string; files: VolumeFile[] }[] = []
  for (const volume of pod.spec.volumes ?? []) {
    const result = volumeFiles(volume, facts)
    if (!result.ok) return result
    const { readOnly, files } = result
    volumes.set(volume.name, { dir: `${dir}/${volume.name}`, readOnly })
    if (readOnly) contents.push({ name: volume.name, files })
  }
  for (const [name, { dir: place, readOnly }] of volumes) {
    if (readOnly || written.has(name)) continue
    await makeScratch(place, pod.spec.securityContext?.fsGroup)
    written.set(name, '')
  }
  for (const { name, files } of contents) {
    const text = JSON.stringify(files)
    if (written.get(name) === text) continue
    await writeVolume(`${dir}/${name}`, files)
    written.set(name, text)
  }
  return { ok: true, volumes }
}

/** emptyDir is open to everyone in Kubernetes too; the sticky bit is not set there either. */
async function makeScratch(place: string, fsGroup: number | undefined): Promise<void> {
  await mkdir(place, { recursive: true })
  if (fsGroup !== undefined) await chown(place, 0, fsGroup)
  await chmod(place, fsGroup === undefined ? 0o777 : 0o2777)
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
  binds.sort((a, b) => a.to.length - b.to.length)
  return { ok: true, binds }
}
