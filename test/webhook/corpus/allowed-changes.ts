/**
 * The closed list of what an injection may change in a pod, told without the injection's own code:
 * - labels: `azds.io/instrumented`; annotations: the status, default-container and default-logs-container
 * - init containers and containers: ours come, each at its place
 * - volumes: `azds-identity` comes last
 * - probes: `tcpSocket` becomes `httpGet` of the sidecar
 */
import type { Container, Pod } from '../../../core/kube/types.ts'

const PROXY = 'devspaces-proxy'
const INIT = 'devspaces-proxy-init'
const BUILD = 'devspaces-build'
const OURS = [PROXY, INIT, BUILD]
const VOLUME = 'azds-identity'
const ANNOTATIONS = [
  'azds.io/injection-status',
  'kubectl.kubernetes.io/default-container',
  'kubectl.kubernetes.io/default-logs-container',
]

export interface Layout {
  native: boolean
}

/** Sentences about what is changed besides; none if all is as the list says. */
export function forbiddenChanges(before: Pod, after: Pod, layout: Layout): string[] {
  const { metadata, spec, ...rest } = after
  const { metadata: metadataBefore, spec: specBefore, ...restBefore } = before
  return [
    ...different('the pod', restBefore, rest),
    ...different('metadata', unmarked(metadataBefore), unmarked(metadata)),
    ...different('spec', others(specBefore), others(spec)),
    ...different('spec.volumes', theirs(specBefore.volumes), theirs(spec.volumes)),
    ...(spec.volumes?.at(-1)?.name === VOLUME ? [] : [`${VOLUME} is not the last volume`]),
    ...(['initContainers', 'containers'] as const).flatMap((list) =>
      changedContainers(`spec.${list}`, theirs(specBefore[list]), theirs(spec[list])),
    ),
    ...wrongOrder(before, after, layout),
  ]
}

function different(what: string, before: unknown, after: unknown): string[] {
  const [a, b] = [text(before), text(after)]
  return a === b ? [] : [`${what} was ${a} and is ${b}`]
}

/** In one order of keys; null is not there. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    const entries = Object.entries(item).filter(([, field]) => field !== null)
    return Object.fromEntries(entries.toSorted(([x], [y]) => (x < y ? -1 : 1)))
  })
}

function unmarked({ labels, annotations, ...rest }: Pod['metadata']): unknown {
  return {
    ...rest,
    labels: without(labels, ['azds.io/instrumented']),
    annotations: without(annotations, ANNOTATIONS),
  }
}

function without(map: Record<string, string> | null | undefined, keys: readonly string[]): unknown {
  return Object.entries(map ?? {})
    .filter(([key]) => !keys.includes(key))
    .map(([key, value]) => [key, value ?? ''])
    .toSorted()
}

function others({ initContainers: _, containers: __, volumes: ___, ...spec }: Pod['spec']) {
  return spec
}

export function isOurs({ name }: { name: string }): boolean {
  return OURS.includes(name)
}

function theirs<T extends { name: string }>(list: T[] | null | undefined): T[] {
  return (list ?? []).filter((item) => !isOurs(item) && item.name !== VOLUME)
}

function changedContainers(list: string, before: Container[], after: Container[]): string[] {
  if (before.length !== after.length)
    return [`${list} had ${before.length} of the app, and has ${after.length}`]
  return before.flatMap((container, index) => {
    const now = after[index] as Container
    const where = `${list} ${container.name}`
    return [
      ...different(where, withoutProbes(container), withoutProbes(now)),
      ...PROBES.flatMap((probe) =>
        changedProbe(`${where} ${probe}`, container[probe], now[probe], container),
      ),
    ]
  })
}

const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const

function withoutProbes(container: Container): unknown {
  return Object.fromEntries(
    Object.entries(container).filter(([key]) => !(PROBES as readonly string[]).includes(key)),
  )
}

type Probe = { tcpSocket?: { port: number | string; host?: string }; httpGet?: HttpGet } | null
type HttpGet = { path?: string; port: unknown }

function changedProbe(where: string, a: unknown, b: unknown, container: Container): string[] {
  const [before, after] = [a as Probe | undefined, b as Probe | undefined]
  if (text(before ?? {}) === text(after ?? {})) return []
  const { tcpSocket: from, httpGet: oldGet, ...rest } = before ?? {}
  const { tcpSocket: to, httpGet: get, ...restNow } = after ?? {}
  const same = different(where, rest, restNow)
  // A template that was made of an injected pod: its probe becomes what it was.
  if (to) return [...same, ...different(where, `/tcp/${to.port}`, oldGet?.path)]
  const port =
    typeof from?.port === 'string'
      ? container.ports?.find(({ name }) => name === from.port)?.containerPort
      : from?.port
  const wanted = { path: `/tcp/${port}`, port: 15020, scheme: 'HTTP' }
  return [...same, ...different(where, wanted, get), ...(from?.host ? [`${where}: a host`] : [])]
}

function wrongOrder(before: Pod, after: Pod, { native }: Layout): string[] {
  const names = (list: Container[] | null | undefined) => (list ?? []).map(({ name }) => name)
  const inits = names(theirs(before.spec.initContainers))
  const apps = names(theirs(before.spec.containers))
  const build = names(after.spec.initContainers).includes(BUILD) ? [BUILD] : []
  const wanted = native
    ? [[...build, INIT, PROXY, ...inits], apps]
    : [
        [...build, ...inits, INIT],
        [PROXY, ...apps],
      ]
  return different('the order', wanted, [
    names(after.spec.initContainers),
    names(after.spec.containers),
  ])
}
