/**
 * Writes deploy/manifests from deploy/chart with the real helm, for those who install by kubectl; `--check` only
 * compares, and fails on a difference.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Exec, exec, execOk } from '../core/exec.ts'
import { SYSTEM_NAMESPACE } from '../core/names.ts'
import { kubernetesTools } from '../playground/kubectl.ts'

const ROOT = join(import.meta.dirname, '..')
const CHART = join(ROOT, 'deploy/chart')
export const MANIFESTS = join(ROOT, 'deploy/manifests')

/** Values in which the manifests differ from the chart's defaults: nobody else makes the namespace. */
const VALUES = ['namespace.create=true']

/** Files of the rendered chart by name, one a template. Rejects with helm's own words if it refuses the chart. */
export async function renderManifests(run: Exec): Promise<Map<string, string>> {
  const { helm } = await kubernetesTools()
  const folder = mkdtempSync(join(tmpdir(), 'azds-manifests-'))
  try {
    const settings = VALUES.flatMap((value) => ['--set', value])
    const target = ['--namespace', SYSTEM_NAMESPACE, '--output-dir', folder]
    await execOk(run, helm, ['template', 'azds', CHART, ...target, ...settings])
    const rendered = join(folder, 'azds/templates')
    const files = readdirSync(rendered).toSorted()
    return new Map(
      files.map((name) => [name, asManifest(readFileSync(join(rendered, name), 'utf8'))]),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Nobody looks for a Helm release behind objects that kubectl has made. */
function asManifest(rendered: string): string {
  const documents = rendered
    .replaceAll(/^# Source: .*\n/gm, '')
    .replaceAll('app.kubernetes.io/managed-by: Helm', 'app.kubernetes.io/managed-by: kubectl')
    .split(/^---\n/m)
    .map((text) => text.trim())
    .filter((text) => text !== '')
  const head = '# Rendered from deploy/chart by `npm run manifests`: change it there.\n'
  return `${head}${documents.join('\n---\n')}\n`
}

/** Names of the files in `folder` that differ from what is to be there, lack or are too many. */
export function staleManifests(wanted: ReadonlyMap<string, string>, folder: string): string[] {
  const found = readdirSync(folder)
  const differing = [...wanted].filter(
    ([name, text]) => !found.includes(name) || readFileSync(join(folder, name), 'utf8') !== text,
  )
  return [...differing.map(([name]) => name), ...found.filter((name) => !wanted.has(name))]
}

if (import.meta.main) {
  const wanted = await renderManifests(exec)
  const stale = staleManifests(wanted, MANIFESTS)
  if (process.argv.includes('--check')) {
    for (const name of stale) {
      console.error(`deploy/manifests/${name} differs from the chart: run \`npm run manifests\``)
    }
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    for (const name of stale) {
      const text = wanted.get(name)
      console.log(`${text === undefined ? 'removing' : 'writing'} deploy/manifests/${name}`)
      if (text === undefined) rmSync(join(MANIFESTS, name))
      else writeFileSync(join(MANIFESTS, name), text)
    }
  }
}
