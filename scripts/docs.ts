/** Writes docs/reference from the code's own tables; `--check` only compares, and fails on a difference. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { referencePages, stalePages } from './reference/pages.ts'

const ROOT = join(import.meta.dirname, '..')

if (process.argv.includes('--check')) {
  const stale = stalePages(ROOT)
  for (const path of stale) console.error(`${path} differs from the code: run \`npm run docs\``)
  process.exitCode = stale.length === 0 ? 0 : 1
} else {
  mkdirSync(join(ROOT, 'docs/reference'), { recursive: true })
  for (const path of stalePages(ROOT)) console.log(`writing ${path}`)
  for (const { path, text } of referencePages(ROOT)) writeFileSync(join(ROOT, path), text)
}
