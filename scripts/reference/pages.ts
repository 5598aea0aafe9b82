/** The generated pages of docs/reference, and which of them are out of date. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cliPage } from './cli.ts'
import { configurationPage } from './configuration.ts'
import { errorsPage } from './errors.ts'
import { namesPage } from './names.ts'
import { reasonsPage } from './reasons.ts'
import { valuesPage } from './values.ts'

export interface ReferencePage {
  /** From the root of the repository. */
  path: string
  text: string
}

export function referencePages(root: string): ReferencePage[] {
  return [
    { path: 'docs/reference/configuration.md', text: configurationPage() },
    { path: 'docs/reference/errors.md', text: errorsPage() },
    { path: 'docs/reference/annotations.md', text: namesPage(root) },
    { path: 'docs/reference/reasons.md', text: reasonsPage() },
    { path: 'docs/reference/cli.md', text: cliPage() },
    { path: 'docs/reference/values.md', text: valuesPage(root) },
  ]
}

/** Paths of the pages whose file is missing or differs from what the code says now. */
export function stalePages(root: string): string[] {
  return referencePages(root)
    .filter(({ path, text }) => {
      const file = join(root, path)
      return !existsSync(file) || readFileSync(file, 'utf8') !== text
    })
    .map(({ path }) => path)
}
