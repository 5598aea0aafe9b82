/** The repository's own files, for tests that look at them. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

/** Folders that are made, not written. */
const MADE = new Set(['node_modules', 'dist', 'coverage', '.git', '.cache'])

/** Every file below `folder`, as paths from the root. */
export function filesIn(folder = '.'): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return MADE.has(entry.name) ? [] : filesIn(path)
    return entry.isFile() ? [relative('.', path)] : []
  })
}

export function isSource(path: string): boolean {
  return /\.(ts|tsx|mjs|cjs)$/.test(path)
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export function exists(path: string): boolean {
  return statSync(join(ROOT, path), { throwIfNoEntry: false }) !== undefined
}
