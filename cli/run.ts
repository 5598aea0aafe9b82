/** From the words of a command line to an exit code. */
import { KubeError } from '../core/kube/client.ts'
import { CliError, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, textFlag } from './command.ts'
import { VERSION_LINE } from './commands/version.ts'
import { COMMANDS, GLOBAL_FLAGS } from './commands.ts'
import { helpOf, overview } from './help.ts'
import { painter, printableLines } from './output.ts'
import { type ParsedLine, parseLine } from './parse.ts'
import type { Connection } from './process-world.ts'
import type { World } from './world.ts'

/** Runs one command line; never throws, and returns the exit code. */
export async function runLine(
  argv: readonly string[],
  worldFor: (connection: Connection) => World,
): Promise<number> {
  const plain = worldFor({ kubeconfig: undefined, context: undefined })
  try {
    const line = parseLine(argv, COMMANDS, GLOBAL_FLAGS)
    return await perform(line, plain, worldFor)
  } catch (error) {
    if (plain.stop.aborted) return EXIT_FAILED
    // A message may quote what a server or a file said.
    const message = printableLines((error as Error).message + nextStep(error as Error))
    plain.err(`${painter(plain.colour)('red', 'azds:')} ${message}\n`)
    return error instanceof CliError ? error.exitCode : EXIT_FAILED
  }
}

/** What to do about a failure that is none of the command's own: the cluster is away, or does not know us. */
function nextStep(error: Error): string {
  if (error instanceof KubeError && error.status === 401)
    return ': the kubeconfig’s credentials are not valid, or not any more; sign in again'
  const { code, syscall } = (error.cause ?? {}) as NodeJS.ErrnoException
  if (syscall !== 'connect' && syscall !== 'getaddrinfo' && !UNREACHABLE.test(code ?? '')) return ''
  return '; see which cluster is meant: kubectl config current-context; then whether it is up: kubectl cluster-info'
}

/** Of an error for several addresses, which has no `syscall`. */
const UNREACHABLE = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/

async function perform(
  line: ParsedLine,
  plain: World,
  worldFor: (connection: Connection) => World,
): Promise<number> {
  if (line.kind === 'help') return printHelp(line.words, plain)
  if (line.kind === 'version') {
    plain.out(VERSION_LINE)
    return EXIT_OK
  }
  const { command, invocation } = line
  const world = worldFor({
    kubeconfig: textFlag(invocation, 'kubeconfig'),
    context: textFlag(invocation, 'context'),
  })
  return command.run(invocation, world)
}

function printHelp(words: readonly string[], world: World): number {
  const begin = ({ words: own }: Command) => words.every((word, index) => own[index] === word)
  const matching = COMMANDS.filter(begin)
  const [only] = matching
  if (!only) {
    world.err(`azds: there is no command "${words.join(' ')}"; \`azds help\` lists all commands\n`)
    return EXIT_USAGE
  }
  world.out(
    matching.length === 1 ? helpOf(only, GLOBAL_FLAGS) : overview(matching, GLOBAL_FLAGS, words),
  )
  return EXIT_OK
}
