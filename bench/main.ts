/** `npm run bench`: measures the proxy against its peers, row by row, and says what falls short. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exec } from '../core/exec.ts'
import { doubts, machineFacts, moment } from './machine.ts'
import { type BenchOptions, readOptions } from './options.ts'
import { type RunReport, reportMarkdown } from './report-markdown.ts'
import { type RowReport, rowText, summaryText } from './report-text.ts'
import type { Row, RunSettings } from './row.ts'
import { ROWS } from './rows.ts'
import { closeStages } from './stage.ts'
import { judge } from './verdict.ts'

const DOCUMENT = join(import.meta.dirname, '../docs/benchmarks.md')

const read = readOptions(process.argv.slice(2), ROWS)
if (!read.ok) {
  process[read.help ? 'stdout' : 'stderr'].write(read.text)
  process.exit(read.help ? 0 : 2)
}
if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  process.stderr.write(
    'The benchmarks make network namespaces and redirect connections: run them as root on Linux.\n',
  )
  process.exit(2)
}
// Every process and namespace of a row dies with this one, whatever way it ends; so it is tidier.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void closeStages().finally(() => process.exit(130)))
}
// Nothing of the lab keeps this process alive by itself.
const alive = setInterval(() => {}, 60_000)
await main(read.options)
clearInterval(alive)

async function main(options: BenchOptions): Promise<void> {
  const { rounds, seconds, baseline, profile } = options
  const settings = { rounds, seconds, baseline }
  const machine = await machineFacts(exec)
  const started = moment()
  const doubted = doubts(started, machine.cores)
  for (const doubt of doubted) process.stderr.write(`Doubtful figures: ${doubt}.\n`)
  const rows: RowReport[] = []
  for (const row of ROWS.filter(({ name }) => isWanted(name, options))) {
    for (const placement of row.placements.filter((each) => options.placements.includes(each))) {
      const compared = peersOf(row)
      const asked = profile === null ? null : compared
      const report = await runRow(row, placement, { ...settings, profile: asked })
      if (options.full && row.profilable && report.verdicts.some(({ met }) => !met)) {
        const { outcome } = await runRow(row, placement, { ...settings, profile: compared })
        const { profile = [], split = [], notes } = outcome
        report.outcome = {
          ...report.outcome,
          profile,
          split,
          notes: [...report.outcome.notes, ...notes],
        }
      }
      rows.push(report)
      process.stdout.write(`${rowText(report)}\n`)
    }
  }
  const report = { machine, started, ended: moment(), doubts: doubted, rounds, seconds, rows }
  write(report, options)
  if (profile === null) process.stdout.write(`${summaryText(rows)}\n`)
}

function isWanted(name: string, { only, profile }: BenchOptions): boolean {
  if (profile !== null) return name === profile
  return only.length === 0 || only.includes(name)
}

/** Those that the goals of a row compare ours with. */
function peersOf({ goals }: Row): string[] {
  return [...new Set(goals.flatMap(({ against }) => against ?? []))]
}

async function runRow(
  row: Row,
  placement: Row['placements'][number],
  settings: RunSettings,
): Promise<RowReport> {
  const progress = (text: string) =>
    process.stderr.isTTY && process.stderr.write(`\r\x1b[K${row.name} [${placement}] ${text}`)
  const outcome = await row
    .run({ placement, settings, progress })
    .catch((error: Error) => ({ samples: {}, notes: [`the row could not run: ${error.message}`] }))
  progress('')
  const { name, title, metrics, goals, remark = '' } = row
  const verdicts = settings.profile === null ? judge(goals, outcome) : []
  return { row: { name, title, metrics, goals, remark }, placement, outcome, verdicts }
}

/** The document speaks of full runs only; a row that could not run is in it as such. */
function write(report: RunReport, { full, json }: BenchOptions): void {
  if (json !== null) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  if (full) writeFileSync(DOCUMENT, reportMarkdown(report))
}
