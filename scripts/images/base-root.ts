/** A base root filesystem, as a folder or as an archive: the loader and the libraries of the images come from it. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { readTar } from './untar.ts'

export type BaseEntry =
  | { kind: 'file'; mode: number }
  | { kind: 'folder' }
  | { kind: 'link'; target: string }

/** Paths are relative to the root, without a slash in front; `look` follows no link. */
export interface BaseRoot {
  /** How messages name it. */
  name: string
  look(path: string): BaseEntry | null
  read(path: string): Buffer
  /** Names in a folder, sorted; none where there is no such folder. */
  list(path: string): string[]
}

/**
 * @param path a folder, or an archive (.tar, .tar.gz)
 * @throws with a sentence if it is neither
 */
export function openBase(path: string): BaseRoot {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) throw new Error(`there is no base root filesystem at ${path}`)
  return found.isDirectory() ? folderBase(path) : archiveBase(path)
}

function folderBase(root: string): BaseRoot {
  return {
    name: root,
    look: (path) => {
      const found = lstatSync(join(root, path), { throwIfNoEntry: false })
      if (!found) return null
      if (found.isSymbolicLink()) return { kind: 'link', target: readlinkSync(join(root, path)) }
      if (found.isDirectory()) return { kind: 'folder' }
      return found.isFile() ? { kind: 'file', mode: found.mode & 0o777 } : null
    },
    read: (path) => readFileSync(join(root, path)),
    list: (path) => {
      const found = statSync(join(root, path), { throwIfNoEntry: false })
      return found?.isDirectory() ? readdirSync(join(root, path)).toSorted() : []
    },
  }
}

function archiveBase(path: string): BaseRoot {
  const bytes = readFileSync(path)
  const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b
  const entries = readTar(isCompressed ? gunzipSync(bytes) : bytes)
  return {
    name: path,
    look: (wanted) => {
      const entry = entries.get(wanted)
      if (!entry) return null
      if (entry.kind === 'link') return { kind: 'link', target: entry.target }
      return entry.kind === 'file' ? { kind: 'file', mode: entry.mode } : { kind: 'folder' }
    },
    read: (wanted) => {
      const entry = entries.get(wanted)
      if (entry?.kind !== 'file') throw new Error(`${path} has no file ${wanted}`)
      return Buffer.from(entry.content)
    },
    list: (folder) => {
      const start = `${folder}/`
      const below = [...entries.keys()].filter((key) => key.startsWith(start))
      return [
        ...new Set(below.map((key) => key.slice(start.length).split('/')[0] ?? '')),
      ].toSorted()
    },
  }
}
