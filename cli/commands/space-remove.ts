/** `azds space remove`: deletes a space with all that is in it, or only takes its labels away. */
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import { LABEL } from '../../core/names.ts'
import { chainOf, displayPath, type Space } from '../../core/spaces.ts'
import { CliError, type Command, EXIT_FAILED, EXIT_OK, textFlag, usageError } from '../command.ts'
import { painter } from '../output.ts'
import {
  allowed,
  allowedSpaces,
  checkPath,
  NAMESPACES,
  oneName,
  refuseSystem,
  requireSpace,
  type SpacePath,
  type SpaceTree,
} from '../spaces.ts'

/** The space and, where asked for, all below it: the deepest first, so that no parent goes before its child. */
export function planRemove(
  path: SpacePath,
  tree: SpaceTree,
  options: { recursive: boolean; keepNamespace: boolean },
): string[] {
  const { name } = path
  refuseSystem(name, tree)
  requireSpace(tree, name)
  checkPath(path, chainOf(tree.spaces, name))
  const below = descendants(tree.spaces, name)
  if (below.length > 0 && !options.recursive) {
    throw new CliError(
      `space "${name}" has children (${below.join(', ')}), which would lose their parent: remove them first, or pass --recursive to remove them too`,
    )
  }
  const order = [...below.toReversed(), name]
  if (order.includes('default') && !options.keepNamespace) {
    throw new CliError(
      'namespace "default" cannot be deleted: pass --no-delete to take only the labels of a space away',
    )
  }
  return order
}

/** Every space below `name`, parents before children; a cycle is walked once. */
export function descendants(spaces: ReadonlyMap<string, Space>, name: string): string[] {
  const found = new Set([name])
  // A set hands out what is added while it is walked, so this reaches every depth.
  for (const parent of found) {
    for (const space of spaces.values()) if (space.parent === parent) found.add(space.name)
  }
  found.delete(name)
  return [...found]
}

/** Kinds that are worth a word before they go, with their collection's path. */
const COUNTED: readonly [kind: string, path: (namespace: string) => string][] = [
  ['Deployments', (namespace) => `/apis/apps/v1/namespaces/${namespace}/deployments`],
  ['StatefulSets', (namespace) => `/apis/apps/v1/namespaces/${namespace}/statefulsets`],
  ['Services', (namespace) => `/api/v1/namespaces/${namespace}/services`],
  ['Pods', (namespace) => `/api/v1/namespaces/${namespace}/pods`],
  [
    'PersistentVolumeClaims',
    (namespace) => `/api/v1/namespaces/${namespace}/persistentvolumeclaims`,
  ],
]

/** `2 Deployments, 3 Pods`; kinds that one may not list are named, those that the cluster lacks left out. */
async function contentsOf(client: KubeClient, namespace: string): Promise<string> {
  const counts = await Promise.all(
    COUNTED.map(async ([kind, path]) => {
      const count = await client.get<{ items: unknown[] }>(path(namespace)).then(
        ({ items }) => items.length,
        (error: Error) => {
          if (!(error instanceof KubeError)) throw error
          if (error.status === 403) return null
          if (error.status === 404) return 0
          throw error
        },
      )
      if (count === null) return [`${kind} that you may not list`]
      return count > 0 ? [`${count} ${kind}`] : []
    }),
  )
  return counts.flat().join(', ') || 'no workloads, Services or volume claims in it'
}

async function removeOne(client: KubeClient, name: string, keep: boolean): Promise<void> {
  if (!keep) return client.delete(`${NAMESPACES}/${name}`)
  const labels = { [LABEL.space]: null, [LABEL.parentSpace]: null }
  await client.patch(`${NAMESPACES}/${name}`, 'application/merge-patch+json', {
    metadata: { labels },
  })
}

function pathOf(argument: string | undefined, flag: string | undefined): SpacePath {
  const text = oneName(argument, flag)
  if (!text) throw usageError('"space remove" needs NAME: the space to remove')
  const parents = text.split('/')
  return { name: parents.pop() ?? '', parents }
}

export const spaceRemove: Command = {
  words: ['space', 'remove'],
  summary: 'Remove a space',
  description: [
    'Deletes the namespace of a space with everything in it, after saying what that is and asking.\nRequests that belong to it are then answered by its parent’s versions. A space with children is\nonly removed together with them.',
  ],
  args: [{ name: 'NAME', doc: 'The space, alone or as a path.', optional: true }],
  flags: [
    { name: 'name', short: 'n', value: '[PARENT/]NAME', doc: 'The same as the argument.' },
    { name: 'no-delete', doc: 'Keep the namespace and only take the labels of a space away.' },
    { name: 'recursive', doc: 'Remove the spaces below it too.' },
    { name: 'yes', short: 'y', doc: 'Do not ask.' },
  ],
  examples: [
    ['azds space remove dev/alice', 'deletes namespace alice, after asking'],
    ['azds space remove alice --no-delete', 'alice stays, but is no space any more'],
  ],
  async run(invocation, world) {
    const { args, flags } = invocation
    const path = pathOf(args[0], textFlag(invocation, 'name'))
    const keepNamespace = flags['no-delete'] === true
    const client = world.cluster()
    const tree = await allowedSpaces(client)
    const order = planRemove(path, tree, { recursive: flags['recursive'] === true, keepNamespace })
    if (!keepNamespace && flags['yes'] !== true) {
      const paint = painter(world.colour)
      for (const name of order) {
        const full = displayPath(chainOf(tree.spaces, name))
        world.err(
          `space ${paint('bold', full)}: namespace ${name} will be deleted with ${await contentsOf(client, name)}\n`,
        )
      }
      if (!world.ask)
        throw usageError('there is no terminal to ask on: pass -y to delete without asking')
      if (!/^y(es)?$/i.test((await world.ask('Delete? [y/N] ')).trim())) {
        world.err('Nothing was changed.\n')
        return EXIT_FAILED
      }
    }
    for (const name of order) {
      const what = keepNamespace ? 'label' : 'delete'
      await allowed(
        `${what} namespace "${name}"`,
        removeOne(client, name, keepNamespace),
        'azds-space-admin',
      )
      world.out(keepNamespace ? `${name} is no space any more\n` : `${name} is being deleted\n`)
    }
    return EXIT_OK
  },
}
