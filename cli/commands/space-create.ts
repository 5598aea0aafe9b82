/** `azds space create`: a new namespace, or labels on one that is there. */
import type { AuditFinding } from '../../core/injection/audit.ts'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { Namespace } from '../../core/kube/types.ts'
import { describeProblem, problemOfParent } from '../../core/spaces.ts'
import { CliError, type Command, EXIT_OK, textFlag, usageError } from '../command.ts'
import { listPods } from '../doctor/facts.ts'
import { printable } from '../output.ts'
import { auditSpace, byWorkload } from '../space-audit.ts'
import {
  allowed,
  allowedSpaces,
  checkPath,
  NAMESPACES,
  oneName,
  parseSpacePath,
  refuseSystem,
  requireSpace,
  type SpacePath,
  type SpaceTree,
  soundChain,
  spaceLabels,
} from '../spaces.ts'

/** What has to be done so that the space is there. */
export type CreatePlan =
  | { kind: 'create'; name: string; parent: string | null }
  | { kind: 'label'; name: string; parent: string | null }
  | { kind: 'nothing'; name: string }

/**
 * | namespace | is a space | its parent is the one asked for | plan |
 * |---|---|---|---|
 * | absent      | –   | –   | create  |
 * | terminating | any | any | refused |
 * | there       | no  | –   | label   |
 * | there       | yes | yes, or none was asked for | nothing |
 * | there       | yes | no  | refused |
 *
 * Whatever the row, the parent has to be a sound space and must not come to be its own ancestor.
 */
export function planCreate(path: SpacePath, tree: SpaceTree): CreatePlan {
  const { name } = path
  refuseSystem(name, tree)
  const parent = path.parents.at(-1) ?? null
  if (parent !== null) checkParent(path, parent, tree)
  const namespace = tree.namespaces.get(name)
  if (!namespace) return { kind: 'create', name, parent }
  if (namespace.metadata.deletionTimestamp) {
    throw new CliError(
      `namespace "${name}" is being deleted: wait until it is gone, then try again`,
    )
  }
  const space = tree.spaces.get(name)
  if (!space) return { kind: 'label', name, parent }
  if (parent === null || space.parent === parent) return { kind: 'nothing', name }
  throw new CliError(
    `space "${name}" exists with ${space.parent ? `the parent "${space.parent}"` : 'no parent'}: to move it, run kubectl label namespace ${name} azds.io/parent-space=${parent} --overwrite`,
  )
}

function checkParent(path: SpacePath, parent: string, tree: SpaceTree): void {
  const cycle = problemOfParent(tree.spaces, { name: path.name, parent })
  if (cycle?.code === 'cycle') {
    throw new CliError(
      `"${parent}" cannot be the parent of "${path.name}": ${describeProblem(cycle)}`,
    )
  }
  refuseSystem(parent, tree)
  requireSpace(tree, parent)
  checkPath({ name: parent, parents: path.parents.slice(0, -1) }, soundChain(tree.spaces, parent))
}

async function carryOut(plan: CreatePlan, client: KubeClient): Promise<void> {
  if (plan.kind === 'nothing') return
  const labels = spaceLabels(plan.parent)
  if (plan.kind === 'label') {
    const patch = { metadata: { labels } }
    await client.patch(`${NAMESPACES}/${plan.name}`, 'application/merge-patch+json', patch)
    return
  }
  const set = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== null))
  const namespace: Namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: plan.name, labels: set as Record<string, string> },
  }
  await client.create(NAMESPACES, namespace).catch((error: Error) => {
    if (!(error instanceof KubeError) || error.status !== 409) throw error
    throw new CliError(
      `namespace "${plan.name}" was made by somebody else at this moment: run the command again`,
      1,
      { cause: error },
    )
  })
}

function nameOf(argument: string | undefined, flag: string | undefined): string {
  const name = oneName(argument, flag)
  if (name !== undefined) return name
  throw usageError('"space create" needs [PARENT/]NAME: the name of the new space')
}

/** What runs there already and has no sidecar; in general words where one may not look. */
async function hintAbout(client: KubeClient, name: string): Promise<string> {
  const waiting = await uninjected(client, name).catch((error: Error) => {
    if (!(error instanceof KubeError) || error.status !== 403) throw error
    return null
  })
  if (!waiting) return `Pods that run already have no sidecar yet: azds space heal ${name}\n`
  if (waiting.length === 0) return ''
  const rows = byWorkload(waiting).map((row) => `  ${printable(row)}\n`)
  return `These run already and have no sidecar yet; azds space heal ${name} restarts them:\n${rows.join('')}`
}

async function uninjected(client: KubeClient, name: string): Promise<AuditFinding[]> {
  const namespace = await client.get<Namespace>(`${NAMESPACES}/${name}`)
  return auditSpace(namespace, await listPods(client, name)).filter(({ fault }) => fault)
}

export const spaceCreate: Command = {
  words: ['space', 'create'],
  summary: 'Create a space, or make a namespace one',
  description: [
    'Makes a namespace with the labels of a space. A namespace that exists is only labelled, and what\nruns in it stays as it is until its pods are restarted. With a parent the new space is its child:\nservices that it does not run are answered by the parent’s.',
    'Names have 3 to 63 characters: lower-case letters, digits and “-”, with a letter or digit at both\nends and at least one letter. Spaces may be as deep as you like; a parent must exist.',
  ],
  args: [
    {
      name: '[PARENT/]NAME',
      doc: 'The new space, with its parent’s path before it.',
      optional: true,
    },
  ],
  flags: [{ name: 'name', short: 'n', value: '[PARENT/]NAME', doc: 'The same as the argument.' }],
  examples: [
    ['azds space create dev', 'a root space'],
    ['azds space create dev/alice', 'a child of dev'],
    ['azds space create -n dev/alice/feature', 'a child of that child'],
  ],
  async run(invocation, world) {
    const path = parseSpacePath(nameOf(invocation.args[0], textFlag(invocation, 'name')))
    const client = world.cluster()
    const plan = planCreate(path, await allowedSpaces(client))
    await allowed(
      `${plan.kind} namespace "${plan.name}"`,
      carryOut(plan, client),
      'azds-space-admin',
    )
    if (plan.kind === 'nothing')
      world.out(`space ${path.name} exists already; nothing was changed\n`)
    else world.out(`space ${[...path.parents, path.name].join('/')} is ready\n`)
    if (plan.kind === 'label') world.err(await hintAbout(client, plan.name))
    return EXIT_OK
  },
}
