/** What a run of the control plane's benchmark says: on the terminal, and in docs/control-benchmarks.md. Pure. */
import type { MachineFacts, Moment } from '../machine.ts'
import { type ControlOutcome, type ControlRow, type Figure, isMet } from './row.ts'

export interface RowResult {
  row: Pick<ControlRow, 'name' | 'title' | 'how'>
  outcome: ControlOutcome
  /** Why the row could not be measured; null if it was. */
  problem: string | null
}

export interface ControlReport {
  machine: MachineFacts
  started: Moment
  ended: Moment
  /** Reasons to trust the figures less. */
  doubts: string[]
  results: RowResult[]
}

export function isGood({ outcome, problem }: RowResult): boolean {
  return problem === null && outcome.figures.every(isMet)
}

export function resultText(result: RowResult): string {
  const { row, outcome, problem } = result
  const figures = outcome.figures.map((figure) => {
    const must = mustText(figure)
    const verdict = must === '' ? '' : `  must be ${must}${isMet(figure) ? '' : '  FALLS SHORT'}`
    return `  ${figure.name.padEnd(44)} ${valueText(figure).padStart(14)}${verdict}`
  })
  const notes = outcome.notes.map((note) => `  ${note}`)
  const failed = problem === null ? [] : [`  could not be measured: ${problem}`]
  return [`${row.name}: ${row.title}`, ...failed, ...figures, ...notes].join('\n')
}

export function reportMarkdown({
  machine,
  started,
  ended,
  doubts,
  results,
}: ControlReport): string {
  return `${[
    '# Benchmarks of the control plane',
    '<!-- Written by `npm run bench:control -- --write`; do not edit. -->',
    INTRODUCTION,
    ...results.map(section),
    '## Machine',
    [
      `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB`,
      `- ${machine.system}, Linux ${machine.kernel}, Node ${machine.programs['Node']}`,
      `- begun ${started.at}, load ${started.load.map((load) => load.toFixed(2)).join(' ')}; ended ${ended.at}`,
      ...doubts.map((doubt) => `- doubtful: ${doubt}`),
    ].join('\n'),
  ].join('\n\n')}\n`
}

const INTRODUCTION = `The programs are the bundles of \`dist/\`, each a process of its own. The API server is the playground's: its
answers, its watches and its calls of webhooks are made as a real one makes them, but it shares the machine with
what is measured, and there is no network between. Memory is the most that was ever resident (\`VmHWM\`), time of
the processor is user and system time from \`/proc\`.`

function section({ row, outcome, problem }: RowResult): string {
  const lines = outcome.figures.map((figure) => {
    const must = mustText(figure)
    const verdict = must === '' || isMet(figure) ? must : `${must}: **falls short**`
    return `| ${figure.name} | ${valueText(figure)} | ${verdict} |`
  })
  return [
    `## ${row.title}`,
    row.how,
    ...(problem === null ? [] : [`It could not be measured: ${problem}`]),
    ...(lines.length > 0
      ? [['| figure | value | must be |', '|---|---|---|', ...lines].join('\n')]
      : []),
    ...(outcome.notes.length > 0 ? [outcome.notes.map((note) => `- ${note}`).join('\n')] : []),
  ].join('\n\n')
}

function mustText({ must, unit, digits = 0 }: Figure): string {
  if (!must) return ''
  const [sign, bound] = 'atMost' in must ? ['≤', must.atMost] : ['≥', must.atLeast]
  return `${sign} ${Number.isInteger(bound) ? bound : bound.toFixed(digits)} ${unit}`.trim()
}

function valueText({ value, unit, digits = 0 }: Figure): string {
  return `${Number.isNaN(value) ? 'none' : value.toFixed(digits)} ${unit}`.trim()
}
