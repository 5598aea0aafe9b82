/** What a command of azds is: the table's row, from which parsing, help and documentation come. */
import type { World } from './world.ts'

export interface Flag {
  /** Long name, without dashes. */
  name: string
  /** One letter, without a dash. */
  short?: string
  /** What the value is called in help; a flag without it is a switch. */
  value?: string
  /** The values allowed, where the list is closed. */
  choices?: readonly string[]
  /** One sentence. */
  doc: string
}

export interface Argument {
  /** In capitals, as help shows it. */
  name: string
  doc: string
  optional?: boolean
}

/** A command line after parsing; every name in `flags` is known to be the command's. */
export interface Invocation {
  args: readonly string[]
  flags: Readonly<Record<string, string | boolean | undefined>>
}

export interface Command {
  /** The words that call it: `['space', 'create']`. */
  words: readonly string[]
  /** One sentence for the list of commands. */
  summary: string
  /** Paragraphs for its own help: what it does, what it refuses. */
  description: readonly string[]
  args: readonly Argument[]
  flags: readonly Flag[]
  /** Command lines, each with what it does. */
  examples: readonly [line: string, does: string][]
  /** Returns the exit code; throws `CliError` or whatever the world throws. */
  run(invocation: Invocation, world: World): Promise<number>
}

/** EX_USAGE of sysexits.h: the command line is wrong, and nothing was done. */
export const EXIT_USAGE = 64
export const EXIT_FAILED = 1
export const EXIT_OK = 0

/** A failure that is told in one sentence: object, cause, next step. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = EXIT_FAILED, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

/** The command line itself is wrong. */
export function usageError(message: string): CliError {
  return new CliError(message, EXIT_USAGE)
}

/** The value of a flag that takes one; undefined where it is not given. */
export function textFlag({ flags }: Invocation, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}
