/** `azds space list`. */
import { isSystemNamespace } from '../../core/injection/decide.ts'
import { SYSTEM_NAMESPACE } from '../../core/names.ts'
import { chainOf, describeProblem, displayPath, type Space } from '../../core/spaces.ts'
import { type Command, EXIT_OK } from '../command.ts'
import { json, outputFlag, painter, table } from '../output.ts'
import { allowedSpaces, type SpaceTree } from '../spaces.ts'

/** One namespace that is or could be a space. */
export interface SpaceRow {
  name: string
  /** From the root down; the name alone where it is no space. */
  path: string
  parent: string | null
  /** True where the namespace is a space. */
  enabled: boolean
  /** True for the namespace of the kubeconfig's context. */
  selected: boolean
  /** A sentence; null if nothing is wrong with its parents. */
  problem: string | null
}

export function spaceRows({ namespaces, spaces }: SpaceTree, selected: string): SpaceRow[] {
  const rows = [...namespaces.keys()]
    .filter((name) => !isSystemNamespace(name, SYSTEM_NAMESPACE))
    .map((name) => rowOf(spaces, name, spaces.get(name), name === selected))
  return rows.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function rowOf(
  spaces: ReadonlyMap<string, Space>,
  name: string,
  space: Space | undefined,
  selected: boolean,
): SpaceRow {
  if (!space) return { name, path: name, parent: null, enabled: false, selected, problem: null }
  const chain = chainOf(spaces, name)
  const problem = chain.problem && describeProblem(chain.problem)
  return { name, path: displayPath(chain), parent: space.parent, enabled: true, selected, problem }
}

export const spaceList: Command = {
  words: ['space', 'list'],
  summary: 'List the spaces of the cluster',
  description: [
    'Lists all namespaces but the cluster’s own, and which of them are spaces. `*` marks the namespace\nof the kubeconfig’s context. A space whose parent is missing, or that is its own ancestor, is told\nwith what to do about it.',
  ],
  args: [],
  flags: [outputFlag('table', 'json')],
  examples: [
    ['azds space list', 'the tree, one space a line'],
    ['azds space list -o json', 'the same for programs'],
  ],
  async run({ flags }, world) {
    const client = world.cluster()
    const rows = spaceRows(await allowedSpaces(client), client.namespace)
    if (flags['output'] === 'json') {
      world.out(json(rows))
      return EXIT_OK
    }
    const paint = painter(world.colour)
    world.out(
      table(
        ['', 'Name', 'DevSpacesEnabled'],
        rows.map(({ selected, path, enabled, problem }) => [
          selected ? '*' : '',
          path,
          `${enabled ? paint('green', 'True') : 'False'}${problem ? paint('red', '  broken') : ''}`,
        ]),
      ),
    )
    for (const problem of new Set(rows.flatMap((row) => row.problem ?? []))) {
      world.err(`${paint('red', 'problem:')} ${problem}\n`)
    }
    return EXIT_OK
  },
}
