/** `azds use`: from a cluster without anything to the first space, as the original did. */
import { isSystemNamespace } from '../../core/injection/decide.ts'
import { SYSTEM_NAMESPACE } from '../../core/names.ts'
import { CliError, type Command, EXIT_FAILED, EXIT_OK, textFlag, usageError } from '../command.ts'
import { findInstallation } from '../install/installation.ts'
import { VALUE_FLAGS } from '../install/request.ts'
import { steps } from '../install/steps.ts'
import { allowed, allowedSpaces, parseSpacePath, type SpaceTree } from '../spaces.ts'
import type { World } from '../world.ts'
import { installInto } from './install.ts'
import { spaceCreate } from './space-create.ts'

/** What the original offered, and what every cluster has. */
const OFFERED = 'default'

/** Asks which namespace is to be the first space; the answer may be a number, a name, or nothing. */
async function chooseSpace(
  tree: SpaceTree,
  systemNamespace: string,
  world: World,
): Promise<string> {
  const names = [...tree.namespaces.keys()]
    .filter((name) => !isSystemNamespace(name, systemNamespace))
    .sort((a, b) => Number(b === OFFERED) - Number(a === OFFERED) || (a < b ? -1 : 1))
  if (!world.ask) throw usageError('there is no terminal to ask on: pass --space and -y')
  const rows = names.map((name, index) => {
    const mark = tree.spaces.has(name) ? '  (a space already)' : ''
    return ` [${index}] ${name}${mark}\n`
  })
  world.err(
    `\nWhich namespace is to be the first space? A new name makes a new one.\n${rows.join('')}`,
  )
  const answer = (await world.ask(`Space [${OFFERED}]: `)).trim()
  if (answer === '') return OFFERED
  return (/^\d+$/.test(answer) ? names[Number(answer)] : undefined) ?? answer
}

async function confirmed(question: string, world: World, yes: boolean): Promise<boolean> {
  if (yes) return true
  if (!world.ask) throw usageError('there is no terminal to ask on: pass --space and -y')
  return /^(y(es)?)?$/i.test((await world.ask(`${question} [Y/n] `)).trim())
}

export const use: Command = {
  words: ['use'],
  summary: 'Prepare the cluster, and make the first space',
  description: [
    'Installs azds where it is not installed, after asking, and makes a namespace the first space. Without\n--space it lists the namespaces and offers `default`. A namespace that exists is only labelled: its pods\nget sidecars when they are restarted.',
  ],
  args: [],
  flags: [
    { name: 'space', value: '[PARENT/]NAME', doc: 'The space to use.' },
    { name: 'yes', short: 'y', doc: 'Do not ask; needs --space.' },
    {
      name: 'namespace',
      value: 'NAMESPACE',
      doc: 'Where the control plane goes, if it is not there.',
    },
    ...VALUE_FLAGS.filter(({ name }) => !['output', 'dry-run', 'no-wait'].includes(name)),
  ],
  examples: [
    ['azds use', 'asks what is needed'],
    ['azds use --space default -y', 'installs where needed, and makes default a space'],
  ],
  async run(invocation, world) {
    const yes = invocation.flags['yes'] === true
    const given = textFlag(invocation, 'space')
    // As in the original: who is not asked has to say which space is meant.
    if (yes && given === undefined)
      throw usageError('azds use -y needs --space, because it does not ask')
    if (given !== undefined) parseSpacePath(given)
    const client = world.cluster()
    const found = await allowed('see what is installed', findInstallation(client))
    const target = found?.namespace ?? textFlag(invocation, 'namespace') ?? SYSTEM_NAMESPACE
    if (!found) {
      const question = `azds is not installed in ${client.server}. Install it into namespace ${target}?`
      if (!(await confirmed(question, world, yes))) {
        world.err('Nothing was changed.\n')
        return EXIT_FAILED
      }
      await installInto(target, invocation, world)
      world.out('\n')
    }
    const tree = await allowedSpaces(client)
    const space = given ?? (await chooseSpace(tree, target, world))
    const name = space.split('/').at(-1)
    if (name === target) {
      throw new CliError(`namespace "${target}" is the control plane’s own: choose another space`)
    }
    const code = await spaceCreate.run({ args: [space], flags: {} }, world)
    if (code !== EXIT_OK) return code
    world.out(`\nThe cluster at ${client.server} is ready for development in space ${space}.\n`)
    steps(world).next([
      [`azds list-up --space ${name}`, 'what runs in it'],
      [`azds space create ${space}/YOURS`, 'a space of your own below it'],
    ])
    return EXIT_OK
  },
}
