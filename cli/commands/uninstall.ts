/** `azds uninstall`: takes everything of ours away, and shows that nothing is left. */
import type { KubeClient } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import { LABEL, SYSTEM_NAMESPACE } from '../../core/names.ts'
import { discover, getOrNull, nameOf } from '../api-resources.ts'
import { ownChart } from '../chart/files.ts'
import { renderChart } from '../chart/render.ts'
import { type Command, EXIT_FAILED, EXIT_OK, type Invocation, usageError } from '../command.ts'
import { findInstallation, type Installation, valuesOf } from '../install/installation.ts'
import { type Steps, steps } from '../install/steps.ts'
import { json, outputFlag } from '../output.ts'
import { allowed, NAMESPACES } from '../spaces.ts'
import { type Inventory, takeInventory } from '../uninstall/inventory.ts'
import { countOf, type Plan, planUninstall } from '../uninstall/plan.ts'
import { carryOut, describeLeft, lookAgain } from '../uninstall/run.ts'
import { foreignObjects, labelledNamespaces, podsWithSidecars } from '../uninstall/surroundings.ts'
import { restart, type Workload, waitUntilReplaced, workloadsOf } from '../workload-restart.ts'
import type { World } from '../world.ts'

interface Situation {
  installation: Installation | null
  namespace: string
  look(): Promise<Inventory>
  plan: Plan
  unseen: readonly string[]
  spaces: readonly string[]
  workloads: readonly Workload[]
}

async function survey(client: KubeClient, deleteTraces: boolean): Promise<Situation> {
  const installation = await findInstallation(client)
  const namespace = installation?.namespace ?? SYSTEM_NAMESPACE
  const resources = await discover(client)
  const options = { chart: await chartObjects(client, installation), helm: helmOf(installation) }
  const look = () => takeInventory(client, resources, options)
  const inventory = await look()
  const foreign = await foreignObjects(client, resources, namespace)
  const [spaces, pods] = await Promise.all([labelledNamespaces(client), podsWithSidecars(client)])
  return {
    installation,
    namespace,
    look,
    plan: planUninstall(inventory, { foreign, deleteTraces }),
    unseen: inventory.unseen,
    spaces,
    workloads: workloadsOf(pods),
  }
}

function helmOf(installation: Installation | null) {
  const { namespace = '', release = null } = installation ?? {}
  return release === null ? null : { namespace, release }
}

/** With everything that values may switch on, so that no name is missed; with the default ones where values cannot be read. */
async function chartObjects(
  client: KubeClient,
  installation: Installation | null,
): Promise<KubeObject[]> {
  const release = { name: 'azds', namespace: installation?.namespace ?? SYSTEM_NAMESPACE }
  const everything = { api: { enabled: true } }
  const values = installation ? await valuesOf(client, installation).catch(() => ({})) : {}
  const lists = [values, everything].map((one) => renderChart(ownChart(), one, release))
  return [...new Map(lists.flat().map((object) => [nameOf(object), object])).values()]
}

/** What goes, each stage with its title once; what stays, unless the flags take that away too. */
function tellPlan(situation: Situation, { flags }: Invocation, say: Steps): void {
  const { plan, spaces, workloads, unseen } = situation
  for (const { title, objects } of plan.steps) {
    for (const [index, { object }] of objects.entries()) {
      say.plan(index === 0 ? title : '', nameOf(object))
    }
  }
  for (const { name, why } of plan.kept) say.warn('stays', `${name}: ${why}`)
  if (flags['unlabel'] !== true) tellSpaces(spaces, say)
  if (flags['restart-workloads'] !== true) tellSidecars(workloads, say)
  for (const name of unseen) {
    say.warn('not seen', `${name} could not be asked: what of it is ours nobody knows`)
  }
}

function tellSpaces(spaces: readonly string[], say: Steps): void {
  if (spaces.length === 0) return
  say.warn('stays', `the labels of ${listed(spaces)}, which mean nothing then: --unlabel`)
}

function tellSidecars(workloads: readonly Workload[], say: Steps): void {
  if (workloads.length === 0) return
  const pods = workloads.reduce((sum, workload) => sum + workload.pods.length, 0)
  say.warn(
    'stays',
    `sidecars in ${pods} pods of ${workloads.length} workloads, which go on with the routes that they have: --restart-workloads`,
  )
}

function listed(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(', ')
    : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}

async function unlabel(client: KubeClient, spaces: readonly string[], say: Steps): Promise<void> {
  const labels = { [LABEL.space]: null, [LABEL.parentSpace]: null }
  for (const name of spaces) {
    const patch = { metadata: { labels } }
    await client.patch(`${NAMESPACES}/${name}`, 'application/merge-patch+json', patch)
  }
  if (spaces.length > 0) say.done('labels', `taken off ${listed(spaces)}`)
}

/** Restarts what carries sidecars; the answer is what still has one afterwards. */
async function restartAll(
  client: KubeClient,
  workloads: readonly Workload[],
  world: World,
  say: Steps,
): Promise<string[]> {
  for (const workload of workloads) {
    const name = `${workload.kind} ${workload.namespace}/${workload.name}`
    if (workload.restart.how === 'none')
      say.warn('left to you', `${name}: ${workload.restart.next}`)
    else {
      await restart(client, workload, new Date())
      say.done('restarted', name)
    }
  }
  const ours = workloads.filter(({ restart: { how } }) => how !== 'none')
  const left = await waitUntilReplaced(() => podsWithSidecars(client), ours, world.stop)
  return left.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
}

async function isConfirmed(
  situation: Situation,
  invocation: Invocation,
  world: World,
): Promise<boolean> {
  if (invocation.flags['yes'] === true) return true
  if (!world.ask)
    throw usageError('there is no terminal to ask on: pass -y to go on without asking')
  const answer = await world.ask(`\nDelete these ${countOf(situation.plan)} objects? [y/N] `)
  return /^y(es)?$/i.test(answer.trim())
}

/** What of our namespace is nobody's to tell: it stays, and that is said. */
async function tellNamespace(client: KubeClient, { namespace, plan }: Situation, say: Steps) {
  const isTold = [
    ...plan.steps.flatMap(({ objects }) => objects.map(({ object }) => nameOf(object))),
    ...plan.kept.map(({ name }) => name),
  ]
  if (isTold.includes(`Namespace ${namespace}`)) return
  if ((await getOrNull(client, `${NAMESPACES}/${namespace}`)) === null) return
  say.warn(
    'stays',
    `Namespace ${namespace}: it is not marked as ours; kubectl delete namespace ${namespace}`,
  )
}

export const uninstall: Command = {
  words: ['uninstall'],
  summary: 'Take azds out of the cluster',
  description: [
    'Looks for everything of azds by name and by label, over every kind that the cluster has, shows it, asks,\nand deletes it: admission and the aggregated API first, so that nothing in the cluster waits for what is\ngoing. Then it looks again until nothing is left. Needs no controller, and works on half an installation.',
    'Spaces and what runs in them are not touched: their labels stay, and pods keep their sidecars, with the\nroutes that they have, until they are restarted. A namespace that holds something else stays, too.',
    'Ends with 1 if something is left.',
  ],
  args: [],
  flags: [
    { name: 'dry-run', doc: 'Only show what would go, and what would stay.' },
    { name: 'yes', short: 'y', doc: 'Do not ask.' },
    { name: 'unlabel', doc: 'Take the labels of spaces off their namespaces.' },
    {
      name: 'restart-workloads',
      doc: 'Restart what carries sidecars afterwards, and wait until none is left.',
    },
    { name: 'delete-traces', doc: 'Delete the volume claim with traces too.' },
    outputFlag('text', 'json'),
  ],
  examples: [
    ['azds uninstall --dry-run', 'what would go'],
    ['azds uninstall -y --unlabel --restart-workloads', 'as if it had never been there'],
  ],
  async run(invocation, world) {
    const { flags } = invocation
    const client = world.cluster()
    const asJson = flags['output'] === 'json'
    if (asJson && flags['dry-run'] !== true && flags['yes'] !== true) {
      throw usageError('azds uninstall -o json does not ask: pass --dry-run or -y')
    }
    const say = steps(asJson ? { ...world, out: () => {} } : world)
    const situation = await allowed(
      'see what is installed',
      survey(client, flags['delete-traces'] === true),
    )
    const { plan, namespace } = situation
    const report = (deleted: boolean, left: readonly string[]) => {
      if (!asJson) return
      world.out(
        json({
          deleted,
          objects: plan.steps.flatMap(({ objects }) => objects.map(({ object }) => nameOf(object))),
          kept: plan.kept,
          spaces: situation.spaces,
          sidecars: situation.workloads.map(({ restart: _, ...workload }) => workload),
          unseen: situation.unseen,
          left,
        }),
      )
    }
    say.head(`azds out of ${client.server}${flags['dry-run'] === true ? ' (dry run)' : ''}`)
    if (countOf(plan) === 0 && flags['unlabel'] !== true && flags['restart-workloads'] !== true) {
      say.done('nothing', 'of azds is in this cluster')
      await tellNamespaceIfInstalled(situation, client, say)
      report(false, [])
      return EXIT_OK
    }
    tellPlan(situation, invocation, say)
    await tellNamespaceIfInstalled(situation, client, say)
    if (flags['dry-run'] === true) {
      if (!asJson) world.out('\nNothing was changed.\n')
      report(false, [])
      return EXIT_OK
    }
    if (!(await isConfirmed(situation, invocation, world))) {
      world.err('Nothing was changed.\n')
      return EXIT_FAILED
    }
    if (!asJson) world.out('\n')
    await carryOut(client, plan, (title, objects) => say.done(title, `${objects.length} deleted`))
    const left = (await lookAgain(client, situation.look, plan, world.stop)).map(describeLeft)
    if (flags['unlabel'] === true) await unlabel(client, situation.spaces, say)
    if (flags['restart-workloads'] === true) {
      left.push(...(await restartAll(client, situation.workloads, world, say)))
    }
    for (const name of left) say.warn('left', name)
    if (left.length === 0)
      say.done(
        'looked again',
        `0 objects left${situation.unseen.length > 0 ? ' of what could be seen' : ''}`,
      )
    report(true, left)
    if (left.length > 0 && !asJson) {
      say.next([
        [
          'azds uninstall',
          `once more; kubectl describe namespace ${namespace} tells what it waits for`,
        ],
      ])
    }
    return left.length === 0 ? EXIT_OK : EXIT_FAILED
  },
}

async function tellNamespaceIfInstalled(situation: Situation, client: KubeClient, say: Steps) {
  if (situation.installation) await tellNamespace(client, situation, say)
}
