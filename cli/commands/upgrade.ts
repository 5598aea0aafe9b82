/** `azds upgrade`: the version and the values of an installation that is there. */
import type { KubeClient } from '../../core/kube/client.ts'
import { ownChart } from '../chart/files.ts'
import {
  defaultValues,
  flatValues,
  mergeValues,
  overlayValues,
  type Values,
} from '../chart/values.ts'
import { CliError, type Command, EXIT_OK } from '../command.ts'
import { chartVersion } from '../install/chart-version.ts'
import { findInstallation, type Installation, valuesOf } from '../install/installation.ts'
import { readGround, refuseForeign } from '../install/ownership.ts'
import { installationObjects, manifestText, perform, preflight } from '../install/perform.ts'
import { prune, surplusObjects } from '../install/prune.ts'
import { requestedValues, VALUE_FLAGS } from '../install/request.ts'
import { type Steps, steps } from '../install/steps.ts'
import { allowed } from '../spaces.ts'

/** `webhook.replicas: 2 -> 3` for each value that the upgrade changes. */
export function changedValues(old: Values, now: Values): string[] {
  const [before, after] = [flatValues(old), flatValues(now)]
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort()
  return paths.flatMap((path) => {
    const [from, to] = [before, after].map((values) => JSON.stringify(values.get(path)) ?? 'none')
    return from === to ? [] : [`${path}: ${from} -> ${to}`]
  })
}

async function required(client: KubeClient): Promise<Installation> {
  const found = await findInstallation(client)
  if (found) return found
  throw new CliError('azds is not installed in this cluster: run azds install')
}

function tellVersion(installation: Installation, namespace: string, say: Steps): void {
  const [from, to] = [installation.version, chartVersion()]
  const what = from === to ? `stays ${to}` : `${from ?? 'unknown'} -> ${to}`
  say.done('version', `${what}, namespace ${namespace}`)
}

export const upgrade: Command = {
  words: ['upgrade'],
  summary: 'Upgrade azds, or change its values',
  description: [
    'Brings an installation to the version of this azds. The values of the last time stay, and those given\nnow go over them; what changes is told. Objects that the new version does not have any more are deleted.',
    'Pods of spaces keep the sidecars that they have: they are as good as before, and new pods get new ones.',
  ],
  args: [],
  flags: [
    { name: 'reset-values', doc: 'Forget the values of the last time, as if it were new.' },
    ...VALUE_FLAGS,
  ],
  examples: [
    ['azds upgrade', 'to the version of this azds'],
    ['azds upgrade --replicas 3', 'one value more'],
    ['azds upgrade --set controller.storage.kind=null', 'back to the default of one value'],
  ],
  async run(invocation, world) {
    const client = world.cluster()
    const asked = await requestedValues(invocation, world)
    const installation = await allowed('see what is installed', required(client))
    const { namespace } = installation
    refuseForeign(namespace, await readGround(client, namespace), true)
    const old = await allowed('read the values', valuesOf(client, installation))
    const values = overlayValues(invocation.flags['reset-values'] === true ? {} : old, asked)
    const objects = installationObjects(namespace, values, false)
    if (invocation.flags['output'] === 'yaml') {
      world.out(manifestText(objects))
      return EXIT_OK
    }
    const dryRun = invocation.flags['dry-run'] === true
    const say = steps(world)
    say.head(`azds ${chartVersion()} on ${client.server}${dryRun ? ' (dry run)' : ''}`)
    await preflight(world, namespace, say)
    tellVersion(installation, namespace, say)
    const defaults = defaultValues(ownChart())
    const changes = changedValues(mergeValues(defaults, old), mergeValues(defaults, values))
    for (const change of changes) say.done('value', change)
    await perform(objects, world, say, { dryRun, wait: invocation.flags['no-wait'] !== true })
    const surplus = await surplusObjects(client, objects)
    for (const name of await prune(client, surplus, dryRun)) say.done('removed', name)
    if (dryRun) world.out('\nNothing was changed.\n')
    else say.next([['azds doctor', 'see whether all is well, and which sidecars are older']])
    return EXIT_OK
  },
}
