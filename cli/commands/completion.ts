/** `azds completion`: the script that teaches a shell azds' words and flags. */
import { type Command, EXIT_OK, type Flag, type Invocation, usageError } from '../command.ts'
import { completionScript, SHELLS } from '../completion.ts'
import type { World } from '../world.ts'

/** @param table the table that it stands in itself, so that it can only be looked at later */
export function completionCommand(
  table: () => { commands: readonly Command[]; globalFlags: readonly Flag[] },
): Command {
  return {
    words: ['completion'],
    summary: 'Print the script by which a shell completes azds’ commands and flags',
    description: [
      'Source it in the shell’s start-up file. It needs no cluster: names of spaces are not completed.',
    ],
    args: [{ name: 'SHELL', doc: `${SHELLS.join(' or ')}.` }],
    flags: [],
    examples: [
      ['source <(azds completion bash)', 'in ~/.bashrc'],
      ['source <(azds completion zsh)', 'in ~/.zshrc'],
    ],
    async run({ args: [name] }: Invocation, world: World) {
      const shell = SHELLS.find((one) => one === name)
      if (!shell) throw usageError(`shell "${name}": expected one of ${SHELLS.join(', ')}`)
      const { commands, globalFlags } = table()
      world.out(completionScript(shell, commands, globalFlags))
      return EXIT_OK
    },
  }
}
