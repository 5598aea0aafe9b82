/** What a person reads in the terminal: the demonstration as a table, and where to go from there. */
import { ROUTE_REASON } from '../core/routing.ts'
import { type DemoResult, differences, hopRows } from './demonstration.ts'

export interface Place {
  what: string
  where: string
}

/** Bold and dim on a terminal that shows colours, plain text elsewhere. */
export interface Style {
  strong(text: string): string
  faint(text: string): string
}

export const PLAIN: Style = { strong: (text) => text, faint: (text) => text }
export const ANSI: Style = {
  strong: (text) => `\u001b[1m${text}\u001b[0m`,
  faint: (text) => `\u001b[2m${text}\u001b[0m`,
}

/** The demonstration, request by request: the hops it took, and why each hop was chosen. */
export function renderDemonstration(results: readonly DemoResult[], style: Style): string {
  const blocks = results.map((result, index) => renderResult(result, index + 1, style))
  return `${style.strong('What just happened')}\n\n${blocks.join('\n\n')}\n\n${renderLegend(results, style)}`
}

function renderResult(result: DemoResult, number: number, style: Style): string {
  const { request, url, status, milliseconds, records } = result
  const hops = hopRows(records)
  const first = hops[0]
  const header = request.header ? `  ${request.header.join(': ')}` : ''
  const space = first?.context
    ? `space ${first.context} (from the ${first.contextSource})`
    : 'no space named'
  const rows = hops.map(({ from, to, space, reason }) => [`${from} → ${to}`, space, reason])
  return [
    `${String(number).padStart(2)}  ${style.strong(request.title)}`,
    `    GET ${url}${header}`,
    `    ${status} in ${milliseconds.toFixed(0)} ms, ${space}`,
    ...columns(rows).map((row) => `      ${row}`),
    ...differences(result).map((difference) => `    WRONG: ${difference}`),
  ].join('\n')
}

/** The sentence behind each reason that occurs. */
function renderLegend(results: readonly DemoResult[], style: Style): string {
  const reasons = new Set(
    results.flatMap(({ records }) => hopRows(records).map(({ reason }) => reason)),
  )
  const rows = [...reasons].map((reason) => [reason, ROUTE_REASON[reason]])
  return columns(rows)
    .map((row) => style.faint(`    ${row}`))
    .join('\n')
}

/** Addresses and commands, one a line. */
export function renderPlaces(title: string, places: readonly Place[], style: Style): string {
  const rows = columns(places.map(({ what, where }) => [what, where]))
  return `${style.strong(title)}\n${rows.map((row) => `    ${row}`).join('\n')}`
}

/** Pads cells so that they stand in columns, two blanks apart. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((widest, row) => {
    return row.map((cell, index) => Math.max(cell.length, widest[index] ?? 0))
  }, [])
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
