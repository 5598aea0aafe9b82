/** How answers look: tables for people, JSON for programs, colour only where it can be seen. */

import type { Flag } from './command.ts'

/** `-o`; the first choice is the default. */
export function outputFlag(...choices: readonly [string, ...string[]]): Flag {
  const doc = `How the answer looks; default ${choices[0]}.`
  return { name: 'output', short: 'o', value: 'FORMAT', choices, doc }
}

/**
 * A table as the original printed it: titles, dashes, columns two blanks apart. An empty title has
 * no dashes under it beyond one.
 */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, column) =>
    Math.max(1, title.length, ...rows.map((row) => visibleLength(row[column] ?? ''))),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - visibleLength(cell)))
      .join('  ')
      .trimEnd()
  const dashes = widths.map((width) => '-'.repeat(width))
  return `${[titles, dashes, ...rows].map(line).join('\n')}\n`
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

const CODE = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const
export type Colour = keyof typeof CODE
export type Paint = (colour: Colour, text: string) => string

/** Returns a function that colours text, or one that leaves it alone. */
export function painter(colour: boolean): Paint {
  return (name, text) => (colour ? `\u001b[${CODE[name]}m${text}\u001b[0m` : text)
}

/** What came from the network must not move the cursor or colour the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\u00b7')
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour
  return text.replace(/\u001b\[\d+m/g, '').length
}
