/** `npm run bench`: measures the proxy against its peers, row by row, and says what falls short. */
import { readOptions } from './options.ts'
import { type RowReport, rowText } from './report-text.ts'
import type { Row } from './row.ts'
import { ROWS } from './rows.ts'
import { judge } from './verdict.ts'

const read = readOptions(
  process.argv.slice(2),
  ROWS.map(({ name }) => name),
)
if (!read.ok) {
  process[read.help ? 'stdout' : 'stderr'].write(read.text)
  process.exit(read.help ? 0 : 2)
}
// Every process and namespace of a row dies with this one, whatever way it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(130))
}
// Nothing of the lab keeps this process alive by itself.
const alive = setInterval(() => {}, 60_000)
const { options } = read
const reports: RowReport[] = []
for (const row of ROWS.filter(
  ({ name }) => options.only.length === 0 || options.only.includes(name),
)) {
  for (const placement of row.placements.filter((each) => options.placements.includes(each))) {
    const report = await runRow(row, placement)
    reports.push(report)
    process.stdout.write(`${rowText(report)}\n`)
  }
}
clearInterval(alive)

async function runRow(row: Row, placement: Row['placements'][number]): Promise<RowReport> {
  const progress = (text: string) =>
    process.stderr.isTTY && process.stderr.write(`\r\x1b[K${row.name} [${placement}] ${text}`)
  const outcome = await row
    .run({ placement, options, progress })
    .catch((error: Error) => ({ samples: {}, notes: [`the row could not run: ${error.message}`] }))
  progress('')
  return { row, placement, outcome, verdicts: judge(row.goals, outcome) }
}
