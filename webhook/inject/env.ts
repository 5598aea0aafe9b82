/** The environment of the injected containers: one list for each, with names from the shared vocabulary. */
import type { EnvVar } from '../../core/kube/types.ts'
import { type BuildRequest, ENV, PORT } from '../../core/names.ts'
import type { PodSettings } from './annotations.ts'
import type { Confinement } from './confinement.ts'
import type { InjectionFacts } from './facts.ts'

export interface EnvSource {
  facts: InjectionFacts
  settings: PodSettings
  proxyUid: number
  /** Ports that the rules leave alone because they carry no HTTP; null where there are none. */
  opaquePorts: string | null
  /** Ports of the app about which rewritten TCP probes ask; null where there are none. */
  tcpProbes: string | null
  /** Null where nothing owns the pod. */
  workload: string | null
  confinement: Confinement
}

const value = (name: string, text: string | number): EnvVar => ({ name, value: String(text) })

/**
 * A value that only the kubelet knows. `apiVersion` is what the API server would fill in: written
 * here, a second admission finds nothing to change.
 */
const field = (name: string, fieldPath: string): EnvVar => ({
  name,
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
})

/** Absent rather than empty, so that `kubectl describe` shows only what was asked for. */
const optional = (name: string, text: string | null): EnvVar[] => (text ? [value(name, text)] : [])

export function proxyEnv({ facts, settings, proxyUid, workload, tcpProbes }: EnvSource): EnvVar[] {
  return [
    ...identity(),
    field(ENV.podIps, 'status.podIPs'),
    workload === null ? field(ENV.workload, 'metadata.name') : value(ENV.workload, workload),
    ...placeInTree(facts),
    value(ENV.controllerUrl, facts.controllerUrl),
    ...interception(proxyUid),
    value(ENV.traceBodyBytes, settings.traceBodyBytes),
    ...optional(ENV.tcpProbes, tcpProbes),
    value(ENV.logLevel, settings.proxyLogLevel),
  ]
}

export function proxyInitEnv({ facts, settings, proxyUid, opaquePorts }: EnvSource): EnvVar[] {
  return [
    ...placeInTree(facts),
    ...interception(proxyUid),
    ...optional(ENV.opaquePorts, opaquePorts),
    ...optional(ENV.skipInboundPorts, settings.skipInboundPorts),
    ...optional(ENV.skipOutboundPorts, settings.skipOutboundPorts),
    ...optional(ENV.skipInboundCidrs, settings.skipInboundCidrs),
    ...optional(ENV.skipOutboundCidrs, settings.skipOutboundCidrs),
    ...optional(ENV.skipOutboundUids, settings.skipOutboundUids),
    value(ENV.logLevel, settings.proxyLogLevel),
  ]
}

export function buildEnv({ facts, settings }: EnvSource, request: BuildRequest): EnvVar[] {
  return [
    ...identity(),
    value(ENV.controllerUrl, facts.controllerUrl),
    value(ENV.buildRequest, escapeExpansion(JSON.stringify(request))),
    value(ENV.logLevel, settings.proxyLogLevel),
  ]
}

function identity(): EnvVar[] {
  return [field(ENV.podName, 'metadata.name'), field(ENV.podNamespace, 'metadata.namespace')]
}

/** `alice,dev`: the space and its ancestors, nearest first. */
export function spaceChainValue({ chain }: Pick<InjectionFacts, 'chain'>): string {
  return chain.names.join(',')
}

function placeInTree({ chain, clusterDomain }: InjectionFacts): EnvVar[] {
  return [
    value(ENV.spaceChain, spaceChainValue({ chain })),
    value(ENV.clusterDomain, clusterDomain),
  ]
}

function interception(proxyUid: number): EnvVar[] {
  return [
    value(ENV.proxyUid, proxyUid),
    value(ENV.outboundPort, PORT.outbound),
    value(ENV.inboundPort, PORT.inbound),
    value(ENV.adminPort, PORT.admin),
  ]
}

/** The kubelet replaces `$(NAME)` in values; `$$` is its way to write a plain `$`. */
function escapeExpansion(text: string): string {
  return text.replaceAll('$', '$$$$')
}
