/** The table of commands: parsing, help and docs/reference/cli.md are made from it. */
import type { Command, Flag } from './command.ts'
import { completionCommand } from './commands/completion.ts'
import { doctor } from './commands/doctor.ts'
import { inspect } from './commands/inspect.ts'
import { install } from './commands/install.ts'
import { listUp } from './commands/list-up.ts'
import { spaceCreate } from './commands/space-create.ts'
import { spaceHeal } from './commands/space-heal.ts'
import { spaceList } from './commands/space-list.ts'
import { spaceRemove } from './commands/space-remove.ts'
import { trace } from './commands/trace.ts'
import { uninstall } from './commands/uninstall.ts'
import { upgrade } from './commands/upgrade.ts'
import { use } from './commands/use.ts'
import { version } from './commands/version.ts'
import { viewer } from './commands/viewer.ts'

/** A flag has one meaning wherever it occurs, so that flags may stand before the command. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  {
    name: 'kubeconfig',
    value: 'FILE',
    doc: 'The kubeconfig to use; default: KUBECONFIG, then ~/.kube/config.',
  },
  { name: 'context', value: 'NAME', doc: 'The kubeconfig’s context; default: its current one.' },
  { name: 'help', short: 'h', doc: 'Print help for the command.' },
  { name: 'version', doc: 'Print the version of azds.' },
]

const completion = completionCommand(() => ({ commands: COMMANDS, globalFlags: GLOBAL_FLAGS }))

const help: Command = {
  words: ['help'],
  summary: 'Print help for azds or for one command',
  description: ['`azds help space create` is the same as `azds space create --help`.'],
  args: [{ name: 'COMMAND', doc: 'The words of a command.', optional: true }],
  flags: [],
  examples: [],
  // Never run: the parser turns the word itself into a request for help, whatever follows it.
  run: async () => 0,
}

export const COMMANDS: readonly Command[] = [
  use,
  install,
  upgrade,
  doctor,
  uninstall,
  listUp,
  spaceList,
  spaceCreate,
  spaceRemove,
  spaceHeal,
  trace,
  viewer,
  inspect,
  completion,
  version,
  help,
]
