/** A container's environment: image, cluster, envFrom, env (with downward fields), in Kubernetes' order. */
import { NETWORK, NODE_NAME } from './addresses.ts'
import { expand } from './expand.ts'
import type { ContainerSpec, EnvSource, KeySelector, PodView } from './pod-view.ts'
import { hostnameOf } from './resolv-conf.ts'

/** What the environment may refer to. */
export interface EnvFacts {
  pod: PodView
  /** Addresses of the pod, IPv4 first. */
  podIps: readonly string[]
  /** Data of a ConfigMap or Secret of the pod's namespace (secrets decoded); null if there is none. */
  configMap(name: string): Record<string, string> | null
  secret(name: string): Record<string, string> | null
}

export type EnvResult = { ok: true; env: Map<string, string> } | { ok: false; mistake: string }

/** @param imageEnv variables that the image sets; all others override them */
export function containerEnv(
  container: ContainerSpec,
  imageEnv: Readonly<Record<string, string>>,
  facts: EnvFacts,
): EnvResult {
  const env = new Map(Object.entries(imageEnv))
  env.set('HOSTNAME', hostnameOf(facts.pod))
  env.set('KUBERNETES_SERVICE_HOST', NETWORK.apiIp)
  env.set('KUBERNETES_SERVICE_PORT', String(NETWORK.apiPort))
  env.set('KUBERNETES_SERVICE_PORT_HTTPS', String(NETWORK.apiPort))
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const data = configMapRef
      ? facts.configMap(configMapRef.name)
      : facts.secret(secretRef?.name ?? '')
    if (!data && !(configMapRef ?? secretRef)?.optional) {
      return missing(configMapRef ? 'configmap' : 'secret', (configMapRef ?? secretRef)?.name)
    }
    for (const [key, value] of Object.entries(data ?? {})) env.set(prefix + key, value)
  }
  for (const source of container.env ?? []) {
    const found = variableOf(source, container, facts)
    if (!found.ok) return found
    if (found.value !== null) env.set(source.name, expand(found.value, env))
  }
  return { ok: true, env }
}

type Value = { ok: true; value: string | null } | { ok: false; mistake: string }

function variableOf(source: EnvSource, container: ContainerSpec, facts: EnvFacts): Value {
  const from = source.valueFrom
  if (!from) return { ok: true, value: source.value ?? '' }
  if (from.configMapKeyRef) return keyOf('configmap', from.configMapKeyRef, facts.configMap)
  if (from.secretKeyRef) return keyOf('secret', from.secretKeyRef, facts.secret)
  if (from.resourceFieldRef) return resourceValue(from.resourceFieldRef.resource, container)
  const path = from.fieldRef?.fieldPath ?? ''
  const value = fieldValue(path, facts)
  if (value !== null) return { ok: true, value }
  return {
    ok: false,
    mistake: `env ${source.name}: fieldPath "${path}" is not one that the kubelet knows`,
  }
}

function keyOf(
  kind: string,
  { name, key, optional }: KeySelector,
  lookUp: (name: string) => Record<string, string> | null,
): Value {
  const data = lookUp(name)
  const value = data?.[key]
  if (value !== undefined) return { ok: true, value }
  if (optional) return { ok: true, value: null }
  return data
    ? { ok: false, mistake: `couldn't find key ${key} in ${kind} "${name}"` }
    : missing(kind, name)
}

function missing(kind: string, name: string | undefined): { ok: false; mistake: string } {
  return { ok: false, mistake: `${kind} "${name}" not found` }
}

function resourceValue(resource: string, { resources }: ContainerSpec): Value {
  const [kind, name = ''] = resource.split('.')
  const table = kind === 'limits' ? resources?.limits : resources?.requests
  return { ok: true, value: table?.[name] ?? '0' }
}

/**
 * A field of the downward API as text; null for an unknown path.
 * Also used for the files of downwardAPI volumes.
 */
export function fieldValue(path: string, { pod, podIps }: EnvFacts): string | null {
  const { metadata, spec } = pod
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? ''
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid ?? ''
    case 'metadata.labels':
    case 'metadata.annotations': {
      const table = path === 'metadata.labels' ? metadata.labels : metadata.annotations
      const entries = Object.entries(table ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
      return entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join('\n')
    }
    case 'spec.nodeName':
      return spec.nodeName ?? NODE_NAME
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? 'default'
    case 'status.hostIP':
    case 'status.hostIPs':
      return NETWORK.nodeIp
    case 'status.podIP':
      return podIps[0] ?? ''
    case 'status.podIPs':
      return podIps.join(',')
    default:
      return null
  }
}
