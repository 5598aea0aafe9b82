/** `azds version`. */
import project from '../../package.json' with { type: 'json' }
import { type Command, EXIT_OK } from '../command.ts'

export const VERSION_LINE = `azds ${project.version}\n`

export const version: Command = {
  words: ['version'],
  summary: 'Print the version of azds',
  description: [],
  args: [],
  flags: [],
  examples: [],
  run: async (_, world) => {
    world.out(VERSION_LINE)
    return EXIT_OK
  },
}
