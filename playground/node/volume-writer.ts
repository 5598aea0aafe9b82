/**
 * Writes the files of a volume so that its reader sees all of the old ones or all of the new: each state
 * has a folder of its own, to which the link `..data` leads, and every file is a link through that.
 */
import { randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import type { VolumeFile } from './volume-files.ts'

const DATA = '..data'

/** Makes the folder if need be, and replaces what is in it. */
export async function writeVolume(place: string, files: readonly VolumeFile[]): Promise<void> {
  await mkdir(place, { recursive: true })
  await chmod(place, 0o755)
  const before = await readlink(`${place}/${DATA}`).catch(() => null)
  const state = `..${Date.now()}.${randomBytes(4).toString('hex')}`
  await mkdir(`${place}/${state}`)
  await chmod(`${place}/${state}`, 0o755)
  for (const file of files) await writeOne(`${place}/${state}/${file.path}`, file)
  await symlink(state, `${place}/${DATA}_tmp`)
  await rename(`${place}/${DATA}_tmp`, `${place}/${DATA}`)
  await linkAll(place, new Set(files.map(({ path }) => path.split('/')[0] ?? path)))
  if (before) await rm(`${place}/${before}`, { recursive: true, force: true })
}

async function writeOne(path: string, { content, mode, uid, gid }: VolumeFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  if (uid !== undefined || gid !== undefined) await chown(path, uid ?? 0, gid ?? 0)
  await chmod(path, mode)
}

/** What the volume shows: one link for each name at its top, and none for what is no longer there. */
async function linkAll(place: string, names: ReadonlySet<string>): Promise<void> {
  const there = (await readdir(place)).filter((name) => !name.startsWith('..'))
  for (const name of names) {
    if (!there.includes(name)) await symlink(`${DATA}/${name}`, `${place}/${name}`)
  }
  for (const name of there) if (!names.has(name)) await rm(`${place}/${name}`)
}
