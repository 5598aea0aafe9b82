/** What an injected pod promises, told from the pod alone. */
import type { Container, Pod } from '../../../core/kube/types.ts'
import { isOurs } from './allowed-changes.ts'

const ADMIN = 15_020
const TOKEN_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Faults of our own containers and marks; none if all is as it should be. */
export function sidecarFaults(pod: Pod): string[] {
  const { spec, metadata } = pod
  const inits = spec.initContainers ?? []
  const all = [...inits, ...spec.containers]
  const ours = all.filter(isOurs)
  const proxy = ours.find(({ name }) => name === 'devspaces-proxy')
  const status = JSON.parse(metadata.annotations?.['azds.io/injection-status'] ?? 'null')
  const listed = [...(status?.initContainers ?? []), ...(status?.containers ?? [])].toSorted()
  return [
    ...expectSame('the status', ours.map(({ name }) => name).toSorted(), listed),
    ...expectSame('the label', 'true', metadata.labels?.['azds.io/instrumented']),
    ...expectSame('the volumes', 1, volumesOf(pod)),
    ...(inits.some(({ name }) => name === 'devspaces-proxy')
      ? expectSame('restartPolicy', 'Always', proxy?.restartPolicy)
      : expectSame('the last init', 'devspaces-proxy-init', inits.at(-1)?.name)),
    ...(kubectlTakes(pod) === 'devspaces-proxy' ? ['kubectl would take the sidecar'] : []),
    ...uidFaults(pod, proxy),
    ...ours.flatMap((container) => faultsOfOurs(container, spec)),
    ...expectSame('the probed ports', probedPorts(pod), envOf(proxy, 'AZDS_TCP_PROBES')),
  ]
}

function expectSame(what: string, wanted: unknown, found: unknown): string[] {
  const [a, b] = [JSON.stringify(wanted), JSON.stringify(found)]
  return a === b ? [] : [`${what}: wanted ${a}, found ${b}`]
}

/** An empty name is none for kubectl, which takes the first container then. */
function kubectlTakes({ spec, metadata }: Pod): string | undefined {
  const named = metadata.annotations?.['kubectl.kubernetes.io/default-container']
  const hasNames = spec.containers.every(({ name }) => name !== '')
  return named || (hasNames ? spec.containers[0]?.name : undefined)
}

function volumesOf({ spec }: Pod): number {
  return (spec.volumes ?? []).filter(({ name }) => name === 'azds-identity').length
}

function faultsOfOurs(container: Container, spec: Pod['spec']): string[] {
  const tokens = (container.volumeMounts ?? []).filter(({ mountPath }) => mountPath === TOKEN_DIR)
  const whole = { ...spec.resources?.limits, ...spec.resources?.requests }
  const open = ['cpu', 'memory'].filter(
    (name) => whole[name] === undefined && !container.resources?.requests?.[name],
  )
  return [
    ...expectSame(
      `${container.name}: token`,
      ['azds-identity'],
      tokens.map(({ name }) => name),
    ),
    ...(tokens.every(({ readOnly }) => readOnly) ? [] : [`${container.name} may write its token`]),
    ...open.map((name) => `${container.name} asks for no ${name}`),
    ...expectSame(`${container.name}: AppArmor`, ownProfile(spec), profileOf(container)),
  ]
}

/** A profile of the node's is written for the app; a node may know of no AppArmor where none is named. */
function ownProfile(spec: Pod['spec']): string | undefined {
  return profileOf(spec) === 'Localhost' ? 'RuntimeDefault' : undefined
}

function profileOf({ securityContext }: Pick<Container, 'securityContext'>): string | undefined {
  return (securityContext?.['appArmorProfile'] as { type?: string } | null | undefined)?.type
}

function uidFaults({ spec }: Pod, proxy: Container | undefined): string[] {
  const uid = proxy?.securityContext?.runAsUser
  if (uid === undefined) return []
  const apps = [...(spec.initContainers ?? []), ...spec.containers].filter((one) => !isOurs(one))
  return apps
    .filter(
      ({ securityContext }) =>
        (securityContext?.runAsUser ?? spec.securityContext?.runAsUser) === uid,
    )
    .map(({ name }) => `${name} runs as the sidecar does`)
}

function envOf(container: Container | undefined, name: string): string | undefined {
  return container?.env?.find((variable) => variable.name === name)?.value
}

interface Probe {
  tcpSocket?: { port: number | string; host?: string }
  httpGet?: { path?: string; port: unknown }
  grpc?: unknown
  exec?: unknown
}

const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const

function probesOf(
  pod: Pod,
): { where: string; container: Container; init: boolean; probe: Probe }[] {
  const inits = pod.spec.initContainers ?? []
  return [...inits, ...pod.spec.containers]
    .filter((container) => !isOurs(container))
    .flatMap((container) =>
      PROBES.flatMap((name) => {
        const where = `${container.name} ${name}`
        const probe = container[name] as Probe | null | undefined
        return probe ? [{ where, container, init: inits.includes(container), probe }] : []
      }),
    )
}

function probedPorts(pod: Pod): string | undefined {
  const ports = probesOf(pod).flatMap(({ probe: { httpGet } }) =>
    httpGet?.port === ADMIN ? [Number(httpGet.path?.slice('/tcp/'.length))] : [],
  )
  return [...new Set(ports)].toSorted((a, b) => a - b).join() || undefined
}

/** TCP probes that the sidecar would answer in the app's place. */
export function blindProbes(pod: Pod, { native }: { native: boolean }): string[] {
  const status = JSON.parse(pod.metadata.annotations?.['azds.io/injection-status'] ?? 'null')
  const direct: string[] = (status?.direct ?? []).flatMap(({ ports }: { ports: string }) =>
    ports.split(','),
  )
  const isDirect = (port: number) =>
    direct.some((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return first <= port && port <= last
    })
  return probesOf(pod).flatMap(({ where, container, init, probe }) => {
    const { tcpSocket, httpGet, grpc, exec } = probe
    // Two kinds in one, a port that is none, and a probe of what runs once: no API server takes that.
    if (!tcpSocket || tcpSocket.host || httpGet || grpc || exec) return []
    if (init && container.restartPolicy !== 'Always') return []
    const { port } = tcpSocket
    const number =
      typeof port === 'number'
        ? port
        : container.ports?.find(({ name }) => name === port)?.containerPort
    if (number === undefined || number < 1 || number > 65_535 || isDirect(number)) return []
    // Before the sidecar: such a container cannot wait for it.
    if (init && !native && !where.endsWith('readinessProbe')) return []
    return [where]
  })
}
