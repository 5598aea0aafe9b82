/** The version of the chart inside, which is that of azds. */
import { ownChart } from '../chart/files.ts'
import { isMap } from '../chart/functions.ts'
import { readYaml } from '../chart/yaml.ts'

export function chartVersion(): string {
  const chart = readYaml('Chart.yaml', ownChart()['Chart.yaml'] ?? '')[0]
  return isMap(chart) ? String(chart['appVersion']) : ''
}
