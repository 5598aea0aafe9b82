/** The files of our chart: inside of azds where that is one file, else the folder in the repository. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Text of each file by its path in the chart: `templates/11-webhook.yaml`. */
export type ChartFiles = Readonly<Record<string, string>>

/** Put in by the build; not there where azds runs from its sources. */
declare const __AZDS_CHART__: ChartFiles

/** Throws where there is neither: a bundle is never made without its chart. */
export function ownChart(): ChartFiles {
  if (typeof __AZDS_CHART__ !== 'undefined') return __AZDS_CHART__
  return readChart(join(import.meta.dirname, '../../deploy/chart'))
}

/** All files of a folder but hidden ones. */
export function readChart(folder: string): ChartFiles {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return Object.fromEntries(
    files.map((path) => [relative(folder, path), readFileSync(path, 'utf8')]),
  )
}
