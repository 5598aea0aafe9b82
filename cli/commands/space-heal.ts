/** `azds space heal`: restarts what should have a sidecar and has none. */
import type { AuditFinding } from '../../core/injection/audit.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import type { Namespace, Pod } from '../../core/kube/types.ts'
import { type Command, EXIT_FAILED, EXIT_OK, usageError } from '../command.ts'
import { listPods } from '../doctor/facts.ts'
import { type Steps, steps } from '../install/steps.ts'
import { auditSpace } from '../space-audit.ts'
import { allowed, allowedSpaces } from '../spaces.ts'
import { restart, type Workload, waitUntilReplaced, workloadsOf } from '../workload-restart.ts'
import type { World } from '../world.ts'
import { meantSpaces } from './list-up.ts'

/** Pods in which something is wrong, not those that are left alone on purpose. */
function faulty(namespace: Namespace, pods: readonly Pod[]) {
  const findings = auditSpace(namespace, pods).filter(({ fault }) => fault)
  const names = new Set(findings.map(({ pod }) => pod.name))
  return { findings, pods: pods.filter(({ metadata }) => names.has(metadata.name ?? '')) }
}

function describe({ kind, name, pods }: Workload, findings: readonly AuditFinding[]): string {
  const own = new Set(pods.map((pod) => pod.name))
  const reasons = findings.filter(({ pod }) => own.has(pod.name)).map(({ reason }) => reason)
  const count = pods.length === 1 ? '1 pod' : `${pods.length} pods`
  return `${kind} ${name}: ${count}, ${[...new Set(reasons)].join(', ')}`
}

/** @returns whether nothing faulty is left that azds could have mended */
async function heal(
  client: KubeClient,
  namespace: Namespace,
  workloads: readonly Workload[],
  { wait, world, say }: { wait: boolean; world: World; say: Steps },
): Promise<boolean> {
  const { name = '' } = namespace.metadata
  const ours = workloads.filter(({ restart: { how } }) => how !== 'none')
  for (const workload of ours) {
    await allowed(
      `restart ${workload.kind} ${workload.name} in "${name}"`,
      restart(client, workload, new Date()),
    )
    say.done('restarted', `${workload.kind} ${workload.name}`)
  }
  if (!wait || ours.length === 0) return true
  const look = () => listPods(client, name)
  const left = await waitUntilReplaced(look, ours, world.stop)
  const again = faulty(namespace, await look())
  const rest = workloadsOf(again.pods).filter(({ restart: { how } }) => how !== 'none')
  for (const workload of rest) say.warn('still so', describe(workload, again.findings))
  for (const { metadata } of left)
    say.warn('still there', `Pod ${metadata.name}: its workload has not replaced it`)
  if (rest.length === 0 && left.length === 0) say.done('looked again', 'every pod has its sidecar')
  return rest.length === 0 && left.length === 0
}

export const spaceHeal: Command = {
  words: ['space', 'heal'],
  summary: 'Restart what should have a sidecar and has none',
  description: [
    'Looks for pods of a space that were created while no webhook answered, or before the namespace was a\nspace, or that hang because another webhook has damaged the sidecar, and restarts their workloads after\nasking: Deployments, StatefulSets and DaemonSets by their own rolling update, pods of bare ReplicaSets by\ndeleting them. Jobs and pods that nothing owns are named with what to do. Ends with a second look.',
    'Without a name: the context’s namespace if it is a space, else all spaces. Uses your own rights.',
  ],
  args: [{ name: 'SPACE', doc: 'The space.', optional: true }],
  flags: [
    { name: 'dry-run', doc: 'Only show what would be restarted.' },
    { name: 'yes', short: 'y', doc: 'Do not ask.' },
    { name: 'no-wait', doc: 'Do not wait for the new pods, nor look again.' },
  ],
  examples: [
    ['azds space heal alice', 'shows, asks, restarts, looks again'],
    ['azds space heal --dry-run', 'what would be restarted'],
  ],
  async run(invocation, world) {
    const client = world.cluster()
    const tree = await allowedSpaces(client)
    const [space] = invocation.args
    const say = steps(world)
    const found: { namespace: Namespace; workloads: Workload[] }[] = []
    for (const namespace of meantSpaces(tree, { space, all: false, usual: client.namespace })) {
      const { name = '' } = namespace.metadata
      const pods = await allowed(`list pods in "${name}"`, listPods(client, name))
      const fault = faulty(namespace, pods)
      const workloads = workloadsOf(fault.pods)
      if (workloads.length > 0) found.push({ namespace, workloads })
      for (const workload of workloads) {
        const text = describe(workload, fault.findings)
        if (workload.restart.how === 'none')
          say.warn('left to you', `${text}; ${workload.restart.next}`)
        else say.warn(name, text)
      }
    }
    const ours = found
      .flatMap(({ workloads }) => workloads)
      .filter(({ restart: { how } }) => how !== 'none')
    if (ours.length === 0) {
      world.out(found.length === 0 ? 'Every pod that should have a sidecar has one.\n' : '')
      return EXIT_OK
    }
    if (invocation.flags['dry-run'] === true) {
      world.out('\nNothing was changed.\n')
      return EXIT_OK
    }
    if (invocation.flags['yes'] !== true) {
      if (!world.ask)
        throw usageError('there is no terminal to ask on: pass -y to restart without asking')
      const question = `\nRestart ${ours.length === 1 ? 'this workload' : `these ${ours.length} workloads`}? [y/N] `
      if (!/^y(es)?$/i.test((await world.ask(question)).trim())) {
        world.err('Nothing was changed.\n')
        return EXIT_FAILED
      }
    }
    const wait = invocation.flags['no-wait'] !== true
    let isWell = true
    for (const { namespace, workloads } of found) {
      isWell = (await heal(client, namespace, workloads, { wait, world, say })) && isWell
    }
    if (isWell) return EXIT_OK
    say.next([['azds doctor', 'why new pods get no sidecar']])
    return EXIT_FAILED
  },
}
