/** Reads a command line by the table of commands; a mistake names what was probably meant. */
import { parseArgs } from 'node:util'
import { type Command, type Flag, type Invocation, usageError } from './command.ts'
import { distance, MAX_SLIPS } from './nearest.ts'

export type ParsedLine =
  | { kind: 'run'; command: Command; invocation: Invocation }
  /** Help for one command, for all that begin with these words, or (no words) for azds. */
  | { kind: 'help'; words: readonly string[] }
  | { kind: 'version' }

/**
 * Parses `argv` (without the program's name). Flags may stand anywhere.
 * Throws a usage error for unknown commands and flags, and for missing or surplus arguments.
 */
export function parseLine(
  argv: readonly string[],
  commands: readonly Command[],
  globalFlags: readonly Flag[],
): ParsedLine {
  const everyFlag = [...globalFlags, ...commands.flatMap((command) => command.flags)]
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      everyFlag.map(({ name, short, value }) => [
        name,
        { type: value ? 'string' : 'boolean', ...(short && { short }) },
      ]),
    ),
  })
  const command = commandOf(positionals, commands)
  const known = [...globalFlags, ...(command?.flags ?? everyFlag)]
  for (const token of tokens) if (token.kind === 'option') checkFlag(token, known, command)
  if (values['help'] === true) return { kind: 'help', words: command?.words ?? positionals }
  if (values['version'] === true) return { kind: 'version' }
  if (positionals[0] === 'help') return { kind: 'help', words: positionals.slice(1) }
  if (!command) return { kind: 'help', words: groupOf(positionals, commands) }

  const args = positionals.slice(command.words.length)
  checkArguments(args, command)
  return { kind: 'run', command, invocation: { args, flags: values as Invocation['flags'] } }
}

/** `azds space create`: how a command is called. */
export function lineOf({ words }: Pick<Command, 'words'>): string {
  return ['azds', ...words].join(' ')
}

function commandOf(positionals: readonly string[], commands: readonly Command[]): Command | null {
  return (
    commands.find(({ words }) => words.every((word, index) => positionals[index] === word)) ?? null
  )
}

/** The words if they begin some command (`azds space`); a usage error for anything else. */
function groupOf(positionals: readonly string[], commands: readonly Command[]): readonly string[] {
  const begins = commands.some(({ words }) => positionals.every((word, i) => words[i] === word))
  if (begins) return positionals
  const line = positionals.join(' ')
  const known = commands.map(({ words }) => words.join(' '))
  // Compared with as many words as commands have, so that arguments behind do not count.
  const candidates = known.map((name) => ({
    name,
    distance: distance(positionals.slice(0, name.split(' ').length).join(' '), name),
  }))
  throw usageError(
    `there is no command "${line}"${meant(candidates, 'azds ')}\`azds help\` lists all commands`,
  )
}

interface OptionToken {
  name: string
  rawName: string
  value: string | undefined
}

function checkFlag(token: OptionToken, known: readonly Flag[], command: Command | null): void {
  const flag = known.find(({ name }) => name === token.name)
  const help = `\`${command ? lineOf(command) : 'azds'} --help\` lists ${command ? 'its' : 'the'} flags`
  if (!flag) {
    const candidates = known.map(({ name }) => ({
      name: `--${name}`,
      distance: distance(token.name, name),
    }))
    const whose = command ? `"${command.words.join(' ')}" has no flag` : 'there is no flag'
    throw usageError(`${whose} ${token.rawName}${meant(candidates)}${help}`)
  }
  if (flag.value && token.value === undefined) {
    throw usageError(`${token.rawName} needs a value: ${token.rawName} ${flag.value}`)
  }
  if (!flag.value && token.value !== undefined) {
    throw usageError(`${token.rawName} takes no value, but "${token.value}" was given`)
  }
  if (flag.choices && token.value !== undefined && !flag.choices.includes(token.value)) {
    throw usageError(`${token.rawName} ${token.value}: expected one of ${flag.choices.join(', ')}`)
  }
}

function checkArguments(args: readonly string[], command: Command): void {
  const name = `"${command.words.join(' ')}"`
  const surplus = args[command.args.length]
  if (surplus !== undefined) {
    const most = command.args.length === 0 ? 'no argument' : 'no second argument'
    throw usageError(
      `${name} takes ${most}, but "${surplus}" was given; \`${lineOf(command)} --help\` tells more`,
    )
  }
  const missing = command.args.slice(args.length).find(({ optional }) => !optional)
  if (missing) {
    throw usageError(`${name} needs ${missing.name}; \`${lineOf(command)} --help\` tells more`)
  }
}

/** What stands between "there is no such thing" and where to look: the nearest name, if one is near. */
function meant(candidates: readonly { name: string; distance: number }[], before = ''): string {
  const [best] = candidates.toSorted((a, b) => a.distance - b.distance)
  return best && best.distance <= MAX_SLIPS ? `; did you mean ${before}${best.name}? ` : '; '
}
