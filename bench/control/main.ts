/** `npm run bench:control`: measures the control plane against its goals, row by row. Exit 1 if one falls short. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { exec } from '../../core/exec.ts'
import { doubts, machineFacts, moment } from '../machine.ts'
import { type ControlReport, isGood, type RowResult, reportMarkdown, resultText } from './report.ts'
import type { ControlRow } from './row.ts'
import { CONTROL_ROWS } from './rows.ts'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENT = join(ROOT, 'docs/control-benchmarks.md')
const USAGE = `Usage: npm run bench:control -- [options]

  --only ROW,…   these rows only: ${CONTROL_ROWS.map(({ name }) => name).join(', ')}
  --json FILE    also write a machine-readable report
  --write        write docs/control-benchmarks.md; needs all rows
`

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)))
}
process.exit(await main(process.argv.slice(2)))

async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const only = values.only?.split(',') ?? []
  const unknown = only.filter((name) => !CONTROL_ROWS.some((row) => row.name === name))
  const wrong =
    unknown.length > 0
      ? `no such row: ${unknown.join(', ')}`
      : values.write && only.length > 0
        ? 'the document speaks of all rows: leave --only out'
        : null
  if (values.help || wrong) {
    process[values.help ? 'stdout' : 'stderr'].write(wrong ? `${wrong}\n\n${USAGE}` : USAGE)
    return values.help ? 0 : 2
  }
  if (!existsSync(join(ROOT, 'dist/webhook.mjs'))) {
    process.stderr.write('dist/ is not built: run `npm run build` first\n')
    return 2
  }
  const started = moment()
  const machine = await machineFacts(exec)
  const found = doubts(started, machine.cores)
  for (const doubt of found) process.stderr.write(`Doubtful figures: ${doubt}.\n`)
  const results: RowResult[] = []
  for (const row of CONTROL_ROWS) {
    if ((only.length > 0 && !only.includes(row.name)) || stop.signal.aborted) continue
    results.push(await measure(row))
    process.stdout.write(`${resultText(results.at(-1) as RowResult)}\n\n`)
  }
  const report: ControlReport = { machine, started, ended: moment(), doubts: found, results }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
  if (values.write && !stop.signal.aborted) writeFileSync(DOCUMENT, reportMarkdown(report))
  return results.every(isGood) && !stop.signal.aborted ? 0 : 1
}

async function measure(row: ControlRow): Promise<RowResult> {
  const { name, title, how } = row
  const progress = (text: string) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r\x1b[K${text === '' ? '' : `${name}: ${text}`}`)
  }
  const nothing = { figures: [], notes: [] }
  try {
    const outcome = await row.run(progress, stop.signal)
    return { row: { name, title, how }, outcome, problem: null }
  } catch (error) {
    return { row: { name, title, how }, outcome: nothing, problem: (error as Error).message }
  } finally {
    progress('')
  }
}
