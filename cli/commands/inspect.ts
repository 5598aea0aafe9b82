/** `azds inspect`: what the webhook would do to the pods of a manifest, and why. */
import { stringify } from 'yaml'
import { SKIP_REASON } from '../../core/injection/reasons.ts'
import { statusOf } from '../../core/injection/status.ts'
import type { Pod } from '../../core/kube/types.ts'
import { CONTAINER, type DirectPorts, type RewrittenProbe } from '../../core/names.ts'
import type { TargetedService } from '../../core/service-target.ts'
import { displayPath } from '../../core/spaces.ts'
import type { InjectionFacts } from '../../webhook/inject/facts.ts'
import { describeDirect } from '../../webhook/inject/inbound-ports.ts'
import { type Injection, inject } from '../../webhook/inject/inject.ts'
import {
  CliError,
  type Command,
  EXIT_FAILED,
  EXIT_OK,
  type Invocation,
  textFlag,
  usageError,
} from '../command.ts'
import { clusterFacts, offlineFacts, readClusterFacts, servicesIn } from '../inspect-facts.ts'
import {
  type ManifestPod,
  type ManifestService,
  POD_KINDS,
  podsOf,
  servicesOf,
} from '../manifest.ts'
import { json, outputFlag, type Paint, painter, printable } from '../output.ts'
import type { World } from '../world.ts'

/** One pod of the manifest with what would become of it. */
interface Finding {
  source: ManifestPod
  facts: InjectionFacts
  injection: Injection
}

export function findingText({ source, facts, injection }: Finding, paint: Paint): string {
  const head = `${paint('bold', printable(`${source.kind} ${source.name}`))} in ${displayPath(facts.chain)}`
  if (injection.kind === 'skipped') {
    const sentence = SKIP_REASON[injection.reason]
    // A pod that is there already tells what was decided when it came.
    const status = injection.reason === 'already-injected' ? statusOf(source.pod) : null
    const lines = [
      `${head}: ${paint('yellow', 'not injected')} (${injection.reason})`,
      `  ${sentence}`,
      ...directLines(status?.direct),
      ...probeLines(status?.probes),
    ]
    return `${lines.join('\n')}\n`
  }
  if (injection.kind === 'invalid') {
    const errors = injection.errors
      .map(({ field, message }) => `  ${printable(`${field}: ${message}`)}\n`)
      .join('')
    return `${head}: ${paint('red', 'refused')}\n${errors}`
  }
  const what = injection.repaired ? 'repaired' : 'injected'
  const { spec } = injection.pod
  const lines = [
    `${head}: ${paint('green', what)}, ${injection.layout} layout`,
    `  init containers: ${namesOf(spec.initContainers, paint)}`,
    `  containers: ${namesOf(spec.containers, paint)}`,
    ...directLines(injection.direct),
    ...probeLines(injection.probes),
    ...injection.declaredHttp.map(
      ({ port, by }) => `  to the sidecar after all: ${port} (${printable(by)})`,
    ),
    ...injection.warnings.map(
      (warning) => `  ${paint('yellow', 'warning:')} ${printable(warning)}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

function directLines(direct: readonly DirectPorts[] = []): string[] {
  return direct.map((entry) => `  straight to the app: ${printable(describeDirect(entry))}`)
}

function probeLines(probes: readonly RewrittenProbe[] = []): string[] {
  return probes.map(
    ({ container, probe, port }) =>
      `  asks the app by way of the sidecar: ${printable(container)}'s ${printable(probe)} of port ${port}`,
  )
}

const OURS: readonly string[] = Object.values(CONTAINER)

function namesOf(containers: Pod['spec']['initContainers'], paint: Paint): string {
  const names = (containers ?? []).map(({ name, restartPolicy }) => {
    const text = printable(restartPolicy === 'Always' ? `${name} (sidecar)` : name)
    return OURS.includes(name) ? paint('cyan', text) : text
  })
  return names.join(', ') || 'none'
}

/** The pod as the API server would store it: without the owner that was only assumed. */
function asAdmitted({ source }: Finding, pod: Pod): Pod {
  if (source.kind === 'Pod') return pod
  const { ownerReferences: _, ...metadata } = pod.metadata
  return { ...pod, metadata }
}

async function findings(invocation: Invocation, world: World): Promise<Finding[]> {
  const [file = ''] = invocation.args
  const text = await world.read(file)
  const named = file === '-' ? 'standard input' : file
  const sources = podsOf(text, named)
  if (sources.length === 0) {
    throw new CliError(`${file} has no pods: expected an object of kind ${POD_KINDS.join(', ')}`)
  }
  const factsFor = await factSource(invocation, world, servicesOf(text, named))
  const found: Finding[] = []
  for (const source of sources) {
    const facts = await factsFor(source)
    found.push({ source, facts, injection: inject(source.pod, facts) })
  }
  return found
}

/** Offline if the flags say so; otherwise from the cluster, where the namespace's labels count. */
async function factSource(
  invocation: Invocation,
  world: World,
  services: readonly ManifestService[],
): Promise<(source: ManifestPod) => Promise<InjectionFacts>> {
  const space = textFlag(invocation, 'space')
  const kubelet = textFlag(invocation, 'kubelet')
  /** The manifest's Services in a namespace; those that name none go to `unnamed`, as pods do. */
  const servicesFor = (name: string, unnamed: string): TargetedService[] =>
    services
      .filter(({ namespace }) => (space ?? namespace ?? unnamed) === name)
      .map(({ service }) => service)
  const parents = (textFlag(invocation, 'parent') ?? '').split(',').filter((name) => name !== '')
  if (invocation.flags['offline'] === true || parents.length > 0) {
    return async ({ namespace }) => {
      const name = space ?? namespace
      if (name) {
        return offlineFacts({ space: name, parents, kubelet, services: servicesFor(name, name) })
      }
      throw usageError('the manifest names no namespace: pass --space to say where it would go')
    }
  }
  const client = world.cluster()
  const cluster = await readClusterFacts(client).catch((error: Error) => {
    throw new CliError(`${error.message}; without a cluster, pass --offline --space SPACE`, 1, {
      cause: error,
    })
  })
  return async ({ namespace }) => {
    const name = space ?? namespace ?? client.namespace
    const known = await servicesIn(client, name, servicesFor(name, client.namespace))
    if (!known.allowed) {
      world.err(
        `note: you may not list Services in "${name}": what they say of ports is not considered\n`,
      )
    }
    return clusterFacts(cluster, { name, kubelet, services: known.services })
  }
}

function onlyInjected(all: readonly Finding[], form: string) {
  const [finding] = all
  if (!finding || all.length > 1) {
    throw usageError(`${form} prints one pod, but the manifest has ${all.length}: pass one alone`)
  }
  return finding.injection.kind === 'injected' ? { finding, injection: finding.injection } : null
}

export const inspect: Command = {
  words: ['inspect'],
  summary: 'Show what would be injected into a manifest’s pods, and why or why not',
  description: [
    'Reads a pod, or workloads with a pod template, from YAML or JSON, and runs the webhook’s own\ndecision on them. Nothing is sent to the cluster; only namespaces, nodes and Services are read from it.\nServices of the manifest count as if they were there. With --offline or --parent nothing is read: the\nspace is assumed to be there.',
    'Ends with 1 if a pod would be refused. Image names and resources are the webhook’s defaults.',
  ],
  args: [{ name: 'FILE', doc: 'A manifest; - for standard input.' }],
  flags: [
    {
      name: 'space',
      value: 'SPACE',
      doc: 'The namespace; default: the manifest’s, then the context’s.',
    },
    {
      name: 'parent',
      value: 'SPACE,…',
      doc: 'Assume these ancestors of the space, nearest first; implies --offline.',
    },
    { name: 'offline', doc: 'Do not ask the cluster.' },
    {
      name: 'kubelet',
      value: 'VERSION',
      doc: 'Assume nodes of this version (v1.28.3); decides the layout.',
    },
    { name: 'patch', doc: 'Print the JSON patch that admission would answer.' },
    outputFlag('table', 'json', 'yaml'),
  ],
  examples: [
    ['azds inspect deploy.yaml', 'what would happen in the cluster of the context'],
    ['azds inspect --space alice --parent dev pod.yaml', 'the same without a cluster'],
    ['kubectl get pod web -o yaml | azds inspect - --patch', 'the patch for a pod that is there'],
  ],
  async run(invocation, world) {
    const all = await findings(invocation, world)
    const code = all.some(({ injection }) => injection.kind === 'invalid') ? EXIT_FAILED : EXIT_OK
    const form = invocation.flags['patch'] === true ? 'patch' : textFlag(invocation, 'output')
    if (form === 'json') {
      world.out(
        json(
          all.map(({ source: { kind, name }, injection }) => ({
            of: { kind, name },
            ...injection,
          })),
        ),
      )
      return code
    }
    if (form === 'patch' || form === 'yaml') {
      const only = onlyInjected(all, form === 'patch' ? '--patch' : '-o yaml')
      if (only) {
        const { finding, injection } = only
        if (form === 'patch') world.out(json(injection.patch))
        else world.out(stringify(asAdmitted(finding, injection.pod)))
        return code
      }
      // Nothing to print: why is a note, so that what reads the output does not take it for a pod.
      for (const finding of all) world.err(findingText(finding, painter(false)))
      return code
    }
    const paint = painter(world.colour)
    for (const finding of all) world.out(findingText(finding, paint))
    return code
  },
}
