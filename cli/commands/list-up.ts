/** `azds list-up`: what runs in a space, and whether it has its sidecar. */
import type { AuditFinding } from '../../core/injection/audit.ts'
import { statusOf } from '../../core/injection/status.ts'
import type { Namespace, Pod, Service } from '../../core/kube/types.ts'
import { LABEL } from '../../core/names.ts'
import { CliError, type Command, EXIT_OK, textFlag, usageError } from '../command.ts'
import { listPods } from '../doctor/facts.ts'
import { json, outputFlag, type Paint, painter, printable, table } from '../output.ts'
import { podStatus } from '../pod-status.ts'
import { auditSpace } from '../space-audit.ts'
import { allowed, allowedSpaces, requireSpace, type SpaceTree } from '../spaces.ts'

export interface UpRow {
  name: string
  space: string
  type: 'Pod' | 'Service'
  /** RFC 3339. */
  updated: string
  status: string
  /** `injected`, or why the pod has no sidecar; null for Services. */
  sidecar: string | null
  /** True where something has to be done. */
  fault: boolean
}

/** `10m 1s ago`, as the original wrote it. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2)
  return `${shown.map(([count, unit]) => `${count}${unit}`).join(' ')} ago`
}

function podRow(pod: Pod, finding: AuditFinding | undefined): UpRow {
  const { name = '', namespace = '', creationTimestamp = '' } = pod.metadata
  const status = podStatus(pod)
  const sidecar = finding ? finding.reason : statusOf(pod) ? 'injected' : 'none'
  const without = finding && finding.reason !== 'stray' && finding.reason !== 'blocked'
  return {
    name,
    space: namespace,
    type: 'Pod',
    updated: creationTimestamp,
    status: finding
      ? `${status}, ${without ? `no sidecar (${finding.reason})` : `sidecar ${finding.reason}`}`
      : status,
    sidecar,
    fault: finding?.fault ?? false,
  }
}

function serviceRow({ metadata }: Service): UpRow {
  return {
    name: metadata.name ?? '',
    space: metadata.namespace ?? '',
    type: 'Service',
    updated: metadata.creationTimestamp ?? '',
    status: 'Running',
    sidecar: null,
    fault: false,
  }
}

/** The namespaces that are meant: of the flags, else the context's, else all spaces. */
export function meantSpaces(
  tree: SpaceTree,
  { space, all, usual }: { space: string | undefined; all: boolean; usual: string },
): Namespace[] {
  if (space !== undefined && all) throw usageError('pass --space or --all, not both')
  const named = space ?? (!all && tree.spaces.has(usual) ? usual : undefined)
  if (named !== undefined) requireSpace(tree, named)
  const names = named === undefined ? [...tree.spaces.keys()].sort() : [named]
  if (names.length === 0) throw new CliError('there is no space yet: make one with azds use')
  return names.flatMap((name) => tree.namespaces.get(name) ?? [])
}

function colourOf(row: UpRow, paint: Paint): string {
  const text = printable(row.status)
  if (row.fault) return paint('yellow', text)
  if (/^Running/.test(row.status)) return paint('green', text)
  return /Error|BackOff|Failed/.test(row.status) ? paint('red', text) : text
}

export const listUp: Command = {
  words: ['list-up'],
  summary: 'List what runs in a space',
  description: [
    'Lists the Services and pods of a space, and for each pod whether it has its sidecar: `no sidecar (missed)`\nis one that was created while no webhook answered, `(before-space)` one that is older than the space. Both\nare restarted by `azds space heal`. Pods that are left alone on purpose say why.',
    'Without --space: the context’s namespace if it is a space, else all. Reads with your own rights, and\nneeds neither controller nor webhook.',
  ],
  args: [],
  flags: [
    { name: 'space', value: 'SPACE', doc: 'The space.' },
    { name: 'all', doc: 'All spaces.' },
    outputFlag('table', 'json'),
  ],
  examples: [
    ['azds list-up --space alice', 'what runs in alice'],
    ['azds list-up --all', 'in all spaces'],
  ],
  async run(invocation, world) {
    const client = world.cluster()
    const tree = await allowedSpaces(client)
    const options = {
      space: textFlag(invocation, 'space'),
      all: invocation.flags['all'] === true,
      usual: client.namespace,
    }
    const rows: UpRow[] = []
    for (const namespace of meantSpaces(tree, options)) {
      const { name = '' } = namespace.metadata
      const pods = await allowed(`list pods in "${name}"`, listPods(client, name))
      const path = `/api/v1/namespaces/${name}/services`
      const { items } = await allowed(
        `list Services in "${name}"`,
        client.get<{ items: Service[] }>(path),
      )
      const findings = new Map(auditSpace(namespace, pods).map((one) => [one.pod.name, one]))
      rows.push(...items.map(serviceRow))
      rows.push(...pods.map((pod) => podRow(pod, findings.get(pod.metadata.name ?? ''))))
    }
    if (invocation.flags['output'] === 'json') {
      world.out(json(rows))
      return EXIT_OK
    }
    const paint = painter(world.colour)
    const now = Date.now()
    if (rows.length === 0) {
      world.err(
        `Nothing runs there yet: deploy with kubectl or helm, in a namespace labelled ${LABEL.space}=true.\n`,
      )
      return EXIT_OK
    }
    world.out(
      table(
        ['Name', 'DevSpace', 'Type', 'Updated', 'Status'],
        rows.map((row) => [
          printable(row.name),
          row.space,
          row.type,
          age(now - Date.parse(row.updated)),
          colourOf(row, paint),
        ]),
      ),
    )
    const spaces = [...new Set(rows.filter(({ fault }) => fault).map(({ space }) => space))]
    for (const space of spaces) {
      world.err(
        `${paint('yellow', '‼')} pods of ${space} lack what they need: azds space heal ${space}\n`,
      )
    }
    return EXIT_OK
  },
}
