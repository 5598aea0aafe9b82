/** Help texts, made from the table of commands. */
import type { Command, Flag } from './command.ts'
import { lineOf } from './parse.ts'

/** `azds space create [flags] [PARENT/]NAME`. */
export function usageOf(command: Command): string {
  // `[PARENT/]NAME` shows already what may be left out.
  const args = command.args.map(({ name, optional }) =>
    optional && !name.startsWith('[') ? `[${name}]` : name,
  )
  return [lineOf(command), ...(command.flags.length > 0 ? ['[flags]'] : []), ...args].join(' ')
}

/** `-n, --name NAME`. */
export function flagForm({ name, short, value, choices }: Flag): string {
  const form = `--${name}${value ? ` ${choices?.join('|') ?? value}` : ''}`
  return short ? `-${short}, ${form}` : form
}

export function helpOf(command: Command, globalFlags: readonly Flag[]): string {
  return sections([
    command.summary,
    `Usage:\n  ${usageOf(command)}`,
    ...command.description,
    titled(
      'Arguments',
      command.args.map(({ name, doc }) => [name, doc]),
    ),
    titled(
      'Flags',
      command.flags.map((flag) => [flagForm(flag), flag.doc]),
    ),
    titled(
      'Flags of every command',
      globalFlags.map((flag) => [flagForm(flag), flag.doc]),
    ),
    examplesOf(command),
  ])
}

/** What the shell is told; of all commands alike. */
export const EXIT_CODES =
  'Exit codes: 0 done, 1 failed or something is wrong, 64 wrong command line (nothing was done), 130 Ctrl-C.'

/** Help for azds, or for the commands that begin with these words. */
export function overview(
  commands: readonly Command[],
  globalFlags: readonly Flag[],
  words: readonly string[] = [],
): string {
  const line = lineOf({ words: [...words] })
  return sections([
    'azds: your own space on the team’s cluster.',
    `Usage:\n  ${line} COMMAND [flags]`,
    titled(
      'Commands',
      commands.map((command) => [lineOf(command), command.summary]),
    ),
    titled(
      'Flags of every command',
      globalFlags.map((flag) => [flagForm(flag), flag.doc]),
    ),
    EXIT_CODES,
    `\`${line} COMMAND --help\` tells more about a command.`,
  ])
}

function examplesOf({ examples }: Command): string {
  if (examples.length === 0) return ''
  return `Examples:\n${examples.map(([line, does]) => `  ${line}\n      ${does}`).join('\n')}`
}

function titled(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return ''
  const width = Math.max(...rows.map(([left]) => left.length))
  return `${title}:\n${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')}`
}

function sections(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}
