/**
 * Puts right what an injected pod has lost or brought along:
 * - Another webhook that decodes pods with API types older than 1.28 strips `restartPolicy` from our
 *   native sidecar, which would then be an init container that never ends: the pod hangs in `Init:1/n`.
 * - Another webhook puts an init container behind ours, which in the classic layout turns all traffic to
 *   a sidecar that does not run before every init container has ended: theirs would wait for ever. In
 *   the native layout the same happens to one that comes between our two.
 * - Another webhook, or the API server's own step for service accounts, takes our volume or its mount away,
 *   or writes the app's TCP probe as it was, or adds a container with one.
 * - A pod is copied with its sidecar into another space (`kubectl get -o yaml`, a backup tool), and
 *   its sidecar would fall back along the chain of the space that it comes from.
 */
import type { Container, Pod } from '../../core/kube/types.ts'
import {
  ANNOTATION,
  CONTAINER,
  ENV,
  type InjectionStatus,
  type RewrittenProbe,
} from '../../core/names.ts'
import { spaceChainValue } from './env.ts'
import type { InjectionFacts } from './facts.ts'
import { addIdentity } from './identity-volume.ts'
import { copyOf } from './json.ts'
import { rangesOf } from './port-ranges.ts'
import { nativeStart } from './proxy-container.ts'
import { probedPorts, rewriteTcpProbes, rewrittenOf, tcpProbesOf } from './tcp-probes.ts'

/** The pod as it should be: equal to the one passed in if nothing is wrong. */
export function repair(pod: Pod, status: InjectionStatus, facts: InjectionFacts): Pod {
  const copy = copyOf(pod)
  const names = [...status.initContainers, ...status.containers]
  const ours = [...(copy.spec.initContainers ?? []), ...copy.spec.containers].filter(({ name }) =>
    names.includes(name),
  )
  const proxy = ours.find(({ name }) => name === CONTAINER.proxy)
  for (const container of ours) setChain(container, spaceChainValue(facts))
  addIdentity(copy, ours)
  const probes = repairProbes(copy, status)
  if (proxy) setEnv(proxy, ENV.tcpProbes, probedPorts(probes))
  if (status.layout === 'classic') putLast(copy, CONTAINER.proxyInit)
  else if (proxy) repairNative(copy, proxy)
  return copy
}

function repairNative(pod: Pod, proxy: Container): void {
  const { restartPolicy, startupProbe } = nativeStart()
  proxy.restartPolicy = restartPolicy ?? 'Always'
  proxy['startupProbe'] ??= startupProbe
  const { spec } = pod
  const others = (spec.initContainers ?? []).filter((one) => one !== proxy)
  const behind = others.findIndex(({ name }) => name === CONTAINER.proxyInit) + 1
  spec.initContainers = others.toSpliced(behind, 0, proxy)
}

function repairProbes(pod: Pod, { layout, direct = [], probes = [] }: InjectionStatus) {
  const found = tcpProbesOf(
    pod,
    layout,
    direct.flatMap(({ ports }) => rangesOf(ports)),
  )
  rewriteTcpProbes(pod, found)
  const rewritten = rewrittenOf(found)
  if (JSON.stringify(rewritten) !== JSON.stringify(probes)) noteProbes(pod, rewritten)
  return rewritten
}

/** All else that the status says stays as it is written. */
function noteProbes({ metadata }: Pod, probes: RewrittenProbe[]): void {
  const { annotations } = metadata
  const text = annotations?.[ANNOTATION.status]
  if (!annotations || !text) return
  annotations[ANNOTATION.status] = JSON.stringify({ ...JSON.parse(text), probes })
}

function putLast({ spec }: Pod, name: string): void {
  const isOurs = (container: Container) => container.name === name
  const all = spec.initContainers ?? []
  spec.initContainers = [...all.filter((one) => !isOurs(one)), ...all.filter(isOurs)]
}

function setChain(container: Container, chain: string): void {
  const variable = Array.isArray(container.env)
    ? container.env.find((item) => item?.name === ENV.spaceChain)
    : undefined
  if (variable) variable.value = chain
}

/** Sets a variable, or with null takes it out. */
function setEnv(container: Container, name: string, value: string | null): void {
  const env = Array.isArray(container.env) ? container.env : []
  const known = env.find((item) => item?.name === name)
  if (value === null) {
    if (known) container.env = env.filter((item) => item !== known)
    return
  }
  if (known) known.value = value
  else container.env = [...env, { name, value }]
}
