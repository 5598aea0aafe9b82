/** What a person reads while the benchmark runs: one block of text for each row. Pure. */
import type { Placement } from './contestant.ts'
import type { Goal, Metric, Row, RowOutcome, Sample } from './row.ts'
import { spreadOf } from './statistics.ts'
import { problemsOf, type Verdict, valuesOf } from './verdict.ts'

/** A row that has been run. */
export interface RowReport {
  row: Pick<Row, 'name' | 'title' | 'metrics' | 'goals' | 'remark'>
  placement: Placement
  outcome: RowOutcome
  verdicts: Verdict[]
}

export function rowText({ row, placement, outcome, verdicts }: RowReport): string {
  const width = Math.max(8, ...Object.keys(outcome.samples).map((name) => name.length)) + 2
  const head = ['', ...row.metrics.map(({ title }) => title)]
  const lines = Object.entries(outcome.samples).map(([name, samples]) => [
    name,
    ...row.metrics.map((metric) => cellText(samples, metric)),
  ])
  const table = [head, ...lines].map((cells) =>
    cells
      .map((cell, index) => cell.padEnd(index === 0 ? width : 34))
      .join('')
      .trimEnd(),
  )
  const voids = Object.entries(outcome.samples).flatMap(([name, samples]) =>
    problemsOf(samples).map(({ problem, rounds }) => `void: ${name}, ${rounds} rounds: ${problem}`),
  )
  return [
    `## ${row.name}: ${row.title} [${placement}]`,
    ...table,
    ...voids,
    ...outcome.notes.map((note) => `note: ${note}`),
    ...(outcome.split ?? []),
    ...(outcome.profile ?? []),
    ...verdicts.map(verdictText),
    '',
  ].join('\n')
}

/** `median [least..most]`, or a dash where there is nothing. */
export function cellText(samples: readonly Sample[], { key, digits }: Metric): string {
  const values = valuesOf(samples, key).filter((value) => value !== null)
  const spread = spreadOf(values)
  if (spread === null) return '–'
  const [middle, least, most] = [spread.median, spread.min, spread.max].map((value) =>
    value.toFixed(digits),
  )
  return `${middle} [${least}..${most}]`
}

export function goalText(goal: Goal): string {
  const sign = goal.better === 'higher' ? '≥' : '≤'
  const bound = `${sign} ${goal.bound}`
  return goal.against === null ? bound : `${bound} × ${bestName(goal.against)}`
}

function bestName(names: readonly string[]): string {
  return names.length === 1 ? `${names[0]}` : `the better of ${names.join(' and ')}`
}

function verdictText({ goal, spread, met }: Verdict): string {
  const what = goal.level === 'must' ? 'must reach' : 'aim'
  const outcome = met ? 'reached' : 'FALLS SHORT'
  return `${what} ${goal.metric} ${goalText(goal)}: ${spreadText(spread)} ${outcome}`
}

export function spreadText(spread: Verdict['spread']): string {
  if (spread === null) return 'not measured'
  const [middle, least, most] = [spread.median, spread.min, spread.max].map((value) =>
    value.toFixed(2),
  )
  return `${middle} [${least}..${most}]`
}

/** How many goals of each level were reached, and which were not. */
export function summaryText(rows: readonly RowReport[]): string {
  const all = rows.flatMap(({ row, placement, verdicts }) =>
    verdicts.map((verdict) => ({ name: `${row.name} [${placement}]`, ...verdict })),
  )
  const lines = (['must', 'aim'] as const).map((level) => {
    const ofLevel = all.filter(({ goal }) => goal.level === level)
    const missed = ofLevel.filter(({ met }) => !met)
    const names = missed.map(({ name, goal }) => `${name} ${goal.metric}`)
    const which = names.length === 0 ? '' : `; not: ${names.join(', ')}`
    return `${level === 'must' ? 'must reach' : 'aim'}: ${ofLevel.length - missed.length} of ${ofLevel.length} reached${which}`
  })
  return lines.join('\n')
}
