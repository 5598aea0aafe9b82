/** The script by which a shell completes azds' words and flags; made from the table of commands, it calls nothing. */
import type { Command, Flag } from './command.ts'

export const SHELLS = ['bash', 'zsh'] as const
export type Shell = (typeof SHELLS)[number]

/**
 * A script to be sourced. What is typed already counts: words of commands, then the flags of that command, then
 * the values of a flag whose list is closed. Anything else is completed as the shell does by itself, as a file.
 */
export function completionScript(
  shell: Shell,
  commands: readonly Command[],
  globalFlags: readonly Flag[],
): string {
  const everyFlag = [...globalFlags, ...commands.flatMap(({ flags }) => flags)]
  const valued = everyFlag.filter(({ value }) => value !== undefined)
  const flagsCase = commands.map(
    (command) =>
      `"${lineAfterAzds(command)}"*) words="${allOf([...command.flags, ...globalFlags])}" ;;`,
  )
  const wordsCase = prefixes(commands).map(
    (line) => `"${line}") words="${nextWords(line, commands).join(' ')}" ;;`,
  )
  return `# Completion of azds for ${shell}: source <(azds completion ${shell})
${shell === 'zsh' ? BASH_IN_ZSH : ''}_azds() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line="" flag="" words="" word index
  # What stands before the cursor: the words of a command, and perhaps a flag that waits for its value.
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [ -n "$flag" ]; then flag=""; continue; fi
    case "$word" in
      ${spellings(valued).join('|')}) flag="$word" ;;
      -*) ;;
      *) line="$line $word" ;;
    esac
  done
  if [ -n "$flag" ]; then
    case "$flag:$line" in
      ${commands.flatMap(choiceCases).join('\n      ')}
    esac
  elif [[ "$current" == -* ]]; then
    case "$line" in
      ${flagsCase.join('\n      ')}
      *) words="${allOf(globalFlags)}" ;;
    esac
  else
    case "$line" in
      ${wordsCase.join('\n      ')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _azds azds
`
}

/** zsh runs bash's completion functions itself. */
const BASH_IN_ZSH = `autoload -U +X compinit && compinit -u
autoload -U +X bashcompinit && bashcompinit
`

/** ` space create`: each word with a blank before it. */
function lineAfterAzds({ words }: Pick<Command, 'words'>): string {
  return words.map((word) => ` ${word}`).join('')
}

/** Every beginning of a command that is none itself: nothing, ` space`. */
function prefixes(commands: readonly Command[]): string[] {
  const all = commands.flatMap(({ words }) =>
    words.map((_, count) => lineAfterAzds({ words: words.slice(0, count) })),
  )
  return [...new Set(all)]
}

function nextWords(line: string, commands: readonly Command[]): string[] {
  const depth = line.split(' ').length - 1
  const next = commands
    .filter((command) => lineAfterAzds(command).startsWith(`${line} `))
    .map(({ words }) => words[depth] ?? '')
  return [...new Set(next)]
}

/** `"--output: trace"*) words="table json" ;;` for each spelling of each flag with a closed list. */
function choiceCases(command: Command): string[] {
  return command.flags
    .filter(({ choices }) => choices)
    .map((flag) => {
      const patterns = spellings([flag]).map((name) => `"${name}:${lineAfterAzds(command)}"*`)
      return `${patterns.join('|')}) words="${flag.choices?.join(' ')}" ;;`
    })
}

function allOf(flags: readonly Flag[]): string {
  return spellings(flags).join(' ')
}

function spellings(flags: readonly Flag[]): string[] {
  const all = flags.flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])])
  return [...new Set(all)]
}
