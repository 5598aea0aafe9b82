/** `azds install`: the control plane, from the chart inside of azds. */
import { SYSTEM_NAMESPACE } from '../../core/names.ts'
import { CliError, type Command, EXIT_OK, type Invocation, textFlag } from '../command.ts'
import { chartVersion } from '../install/chart-version.ts'
import { readGround, refuseForeign } from '../install/ownership.ts'
import { installationObjects, manifestText, perform, preflight } from '../install/perform.ts'
import { requestedValues, VALUE_FLAGS } from '../install/request.ts'
import { steps } from '../install/steps.ts'
import { allowed } from '../spaces.ts'
import type { World } from '../world.ts'

/** Installs into a cluster that has nothing of ours yet. */
export async function installInto(
  namespace: string,
  invocation: Invocation,
  world: World,
): Promise<void> {
  const values = await requestedValues(invocation, world)
  const objects = installationObjects(namespace, values, true)
  const dryRun = invocation.flags['dry-run'] === true
  const client = world.cluster()
  const say = steps(world)
  say.head(
    `azds ${chartVersion()} into namespace ${namespace} of ${client.server}${dryRun ? ' (dry run)' : ''}`,
  )
  await preflight(world, namespace, say)
  const ground = await allowed('see what is installed', readGround(client, namespace))
  const adopt = (values['namespace'] as { adopt?: boolean } | undefined)?.adopt === true
  refuseForeign(namespace, ground, adopt)
  if (ground.installation) {
    const { by, version } = ground.installation
    const how =
      by === 'azds' ? 'azds upgrade' : 'azds upgrade, which takes over what manifests made'
    throw new CliError(
      `azds ${version ?? ''} is installed in namespace "${namespace}" already: run ${how}`,
    )
  }
  const wait = invocation.flags['no-wait'] !== true
  await perform(objects, world, say, { dryRun, wait })
}

export const install: Command = {
  words: ['install'],
  summary: 'Install azds into the cluster',
  description: [
    'Makes the objects of the chart that is inside of azds, in an order in which none waits for\nanother: namespace, rights, programs, and admission last, once the webhook is ready, so that no pod is ever\nrefused meanwhile. What runs in the cluster is not touched.',
    'Refuses a namespace that exists and is not marked as ours, a second installation, and one that Helm\nmade. The values are kept in the ConfigMap azds-values, for `azds upgrade`.',
    'With -o yaml the objects are printed and nothing is asked or changed: for GitOps, or to read them.',
  ],
  args: [],
  flags: [
    {
      name: 'namespace',
      value: 'NAMESPACE',
      doc: `Where the control plane goes; default ${SYSTEM_NAMESPACE}.`,
    },
    ...VALUE_FLAGS,
  ],
  examples: [
    ['azds install', 'all defaults'],
    ['azds install --registry registry.example.com/azds --tag 1.4.0', 'images of your registry'],
    ['azds install --dry-run', 'what the API server would say to each object'],
    ['azds install -o yaml --set gateway.enabled=false', 'the manifests, without a gateway'],
  ],
  async run(invocation, world) {
    const namespace = textFlag(invocation, 'namespace') ?? SYSTEM_NAMESPACE
    if (invocation.flags['output'] === 'yaml') {
      const values = await requestedValues(invocation, world)
      world.out(manifestText(installationObjects(namespace, values, true)))
      return EXIT_OK
    }
    await installInto(namespace, invocation, world)
    if (invocation.flags['dry-run'] === true) {
      world.out('\nNothing was changed.\n')
      return EXIT_OK
    }
    steps(world).next([
      ['azds use', 'make your first space'],
      ['azds doctor', 'see whether all is well'],
    ])
    return EXIT_OK
  },
}
