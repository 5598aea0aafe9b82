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

/** For programs; characters that a terminal would obey are written as JSON escapes. */
export function json(value: unknown): string {
  return `${escaped(JSON.stringify(value, null, 2))}\n`
}

/** The same in one line, for streams. */
export function jsonLine(value: unknown): string {
  return `${escaped(JSON.stringify(value))}\n`
}

/** JSON has escaped all below a blank already; line breaks between values stay. */
function escaped(text: string): string {
  return text.replace(OBEYED, (char) =>
    char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const CODE = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const
export type Colour = keyof typeof CODE
export type Paint = (colour: Colour, text: string) => string

/** Returns a function that colours text, or one that leaves it alone. */
export function painter(colour: boolean): Paint {
  return (name, text) => (colour ? `\u001b[${CODE[name]}m${text}\u001b[0m` : text)
}

/**
 * Characters that a terminal obeys instead of showing them: C0 and C1 controls, which move the cursor
 * or begin a command, line separators, and those that turn the direction of writing.
 */
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** What came from the network must not move the cursor or colour the terminal. */
export function printable(text: string): string {
  return text.replace(OBEYED, '\u00b7')
}

/** The same for text of several lines, such as a message. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** A copy of what came from the network, every text of it printable. */
export function printableAll<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_key, part) =>
    typeof part === 'string' ? printable(part) : part,
  )
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour
  return text.replace(/\u001b\[\d+m/g, '').length
}
