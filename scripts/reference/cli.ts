/** docs/reference/cli.md: every command of azds, from its table. */
import type { Command, Flag } from '../../cli/command.ts'
import { COMMANDS, GLOBAL_FLAGS } from '../../cli/commands.ts'
import { EXIT_CODES, flagForm, usageOf } from '../../cli/help.ts'
import { lineOf } from '../../cli/parse.ts'
import { code, page, section, sentence, table } from './markdown.ts'

export function cliPage(): string {
  return page(
    'azds',
    '`cli/commands.ts`',
    `${EXIT_CODES}\nErrors go to standard error; colours are only used on a terminal, and not with \`NO_COLOR\`.`,
    section('Flags of every command', flagTable(GLOBAL_FLAGS)),
    ...COMMANDS.map(commandSection),
  )
}

function commandSection(command: Command): string {
  const { summary, description, args, flags, examples } = command
  return section(
    lineOf(command),
    sentence(summary),
    `    ${usageOf(command)}`,
    ...description,
    args.length === 0
      ? ''
      : table(
          ['Argument', 'What it is'],
          args.map(({ name, doc }) => [code(name), sentence(doc)]),
        ),
    flags.length === 0 ? '' : flagTable(flags),
    examples.map(([line, does]) => `- \`${line}\`: ${does}`).join('\n'),
  )
}

function flagTable(flags: readonly Flag[]): string {
  return table(
    ['Flag', 'What it does'],
    flags.map((flag) => [code(flagForm(flag)), sentence(flag.doc)]),
  )
}
