/** The Pod Security Standards, as the labels of a namespace ask for them: what a pod violates. */
import type { Check } from './admission-chain.ts'
import { forbidden } from './api-error.ts'
import { type ApiObject, isObject, type JsonObject, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import type { Store } from './store.ts'

export type Level = 'privileged' | 'baseline' | 'restricted'

const PREFIX = 'pod-security.kubernetes.io/'

/** What a container may add to its capabilities: those that runtimes give by default. */
const BASELINE_CAPABILITIES = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
])
const BASELINE_SYSCTLS =
  /^(kernel\.shm_rmid_forced|net\.ipv4\.(ip_local_port_range|ip_unprivileged_port_start|tcp_syncookies|ping_group_range|ip_local_reserved_ports|tcp_keepalive_time|tcp_fin_timeout|tcp_keepalive_intvl|tcp_keepalive_probes|tcp_rmem|tcp_wmem))$/
const RESTRICTED_VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
])

interface Named {
  name: string
  container: JsonObject
  security: JsonObject
}

interface PodParts {
  spec: JsonObject
  security: JsonObject
  containers: Named[]
}

function partsOf(spec: JsonObject): PodParts {
  const lists = ['initContainers', 'containers', 'ephemeralContainers']
  const containers = lists
    .flatMap((list) => objectsOf(spec[list]))
    .map((container) => ({
      name: String(container['name']),
      container,
      security: isObject(container['securityContext']) ? container['securityContext'] : {},
    }))
  const security = isObject(spec['securityContext']) ? spec['securityContext'] : {}
  return { spec, security, containers }
}

/** `container "a"`, `containers "a", "b"`. */
function who(list: readonly Named[]): string {
  const names = list.map(({ name }) => JSON.stringify(name)).join(', ')
  return `${list.length === 1 ? 'container' : 'containers'} ${names}`
}

function fault(list: readonly Named[], title: string, must: string): string[] {
  return list.length === 0 ? [] : [`${title} (${who(list)} ${must})`]
}

function capabilities({ security }: Named, list: 'add' | 'drop'): string[] {
  const value = valueAt(security, ['capabilities', list])
  return Array.isArray(value) ? value.map(String) : []
}

function baseline({ spec, security, containers }: PodParts): string[] {
  const hostNamespaces = ['hostNetwork', 'hostPID', 'hostIPC'].filter((one) => spec[one] === true)
  const hostPaths = objectsOf(spec['volumes']).filter((volume) => 'hostPath' in volume)
  const sysctls = objectsOf(security['sysctls'])
    .map(({ name }) => String(name))
    .filter((name) => !BASELINE_SYSCTLS.test(name))
  const added = containers.filter((one) =>
    capabilities(one, 'add').some((name) => !BASELINE_CAPABILITIES.has(name)),
  )
  const extra = added.flatMap((one) =>
    capabilities(one, 'add').filter((name) => !BASELINE_CAPABILITIES.has(name)),
  )
  const ports = containers.filter(({ container }) =>
    objectsOf(container['ports']).some(({ hostPort }) => Number(hostPort ?? 0) !== 0),
  )
  const privileged = containers.filter((one) => one.security['privileged'] === true)
  const procMount = containers.filter(
    (one) => (one.security['procMount'] ?? 'Default') !== 'Default',
  )
  const unconfined = containers.filter((one) => seccompOf(one.security) === 'Unconfined')
  const list = (names: readonly string[]) => names.map((one) => JSON.stringify(one)).join(', ')
  return [
    ...(hostNamespaces.length > 0
      ? [`host namespaces (${hostNamespaces.map((one) => `${one}=true`).join(', ')})`]
      : []),
    ...(hostPaths.length > 0
      ? [`hostPath volumes (volumes ${list(hostPaths.map(({ name }) => String(name)))})`]
      : []),
    ...fault(ports, 'hostPort', 'uses hostPorts'),
    ...fault(privileged, 'privileged', 'must not set securityContext.privileged=true'),
    ...fault(
      added,
      'non-default capabilities',
      `must not include ${list([...new Set(extra)])} in securityContext.capabilities.add`,
    ),
    ...fault(procMount, 'procMount', 'must not set securityContext.procMount'),
    ...(seccompOf(security) === 'Unconfined'
      ? ['seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")']
      : fault(
          unconfined,
          'seccompProfile',
          'must not set securityContext.seccompProfile.type to "Unconfined"',
        )),
    ...(sysctls.length > 0 ? [`forbidden sysctls (${sysctls.join(', ')})`] : []),
  ]
}

function seccompOf(security: JsonObject): unknown {
  return valueAt(security, ['seccompProfile', 'type'])
}

function restricted({ spec, security, containers }: PodParts): string[] {
  const volumes = objectsOf(spec['volumes']).filter((volume) =>
    Object.keys(volume).some((kind) => kind !== 'name' && !RESTRICTED_VOLUMES.has(kind)),
  )
  const escalating = containers.filter((one) => one.security['allowPrivilegeEscalation'] !== false)
  const keeping = containers.filter((one) => !capabilities(one, 'drop').includes('ALL'))
  const adding = containers.filter((one) =>
    capabilities(one, 'add').some((name) => name !== 'NET_BIND_SERVICE'),
  )
  const perhapsRoot = containers.filter(
    (one) => (one.security['runAsNonRoot'] ?? security['runAsNonRoot']) !== true,
  )
  const asRoot = containers.filter(
    (one) => (one.security['runAsUser'] ?? security['runAsUser']) === 0,
  )
  const open = containers.filter(
    (one) =>
      !['RuntimeDefault', 'Localhost'].includes(
        String(seccompOf(one.security) ?? seccompOf(security)),
      ),
  )
  const capabilityFaults = [
    ...(keeping.length > 0
      ? [`${who(keeping)} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(adding.length > 0
      ? [
          `${who(adding)} must not include ${[
            ...new Set(
              adding.flatMap((one) =>
                capabilities(one, 'add').filter((name) => name !== 'NET_BIND_SERVICE'),
              ),
            ),
          ]
            .map((name) => JSON.stringify(name))
            .join(', ')} in securityContext.capabilities.add`,
        ]
      : []),
  ]
  const podOr = (list: readonly Named[], title: string, must: string) =>
    list.length === 0 ? [] : [`${title} (pod or ${who(list)} ${must})`]
  return [
    ...volumes.map(({ name }) => `restricted volume types (volume ${JSON.stringify(name)})`),
    ...fault(
      escalating,
      'allowPrivilegeEscalation != false',
      'must set securityContext.allowPrivilegeEscalation=false',
    ),
    ...(capabilityFaults.length > 0
      ? [`unrestricted capabilities (${capabilityFaults.join('; ')})`]
      : []),
    ...podOr(perhapsRoot, 'runAsNonRoot != true', 'must set securityContext.runAsNonRoot=true'),
    ...podOr(asRoot, 'runAsUser=0', 'must not set runAsUser=0'),
    ...podOr(
      open,
      'seccompProfile',
      'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
    ),
  ]
}

/** What a pod's spec violates at a level, each with its cause; empty if nothing. */
export function podSecurityFaults(level: Level, spec: JsonObject): string[] {
  if (level === 'privileged') return []
  const parts = partsOf(spec)
  const faults = baseline(parts)
  return level === 'baseline' ? faults : [...faults, ...restricted(parts)]
}

/** `enforce` refuses pods; `warn` speaks of them and of whatever makes them. */
export function podSecurityCheck(store: Store): Check {
  return ({ operation, resource, subresource, namespace, name, object, warnings }) => {
    if (operation === 'DELETE' || !object || !namespace) return
    if (subresource !== null && subresource !== 'ephemeralcontainers') return
    const isPod = resource.kind === 'Pod' && resource.group === ''
    const spec = isPod ? object.spec : templateOf(object)
    if (!isObject(spec) || (isPod && operation === 'UPDATE' && subresource === null)) return
    const labels = store.get('/namespaces', undefined, namespace)?.metadata.labels
    const violation = (mode: 'enforce' | 'warn') => {
      const level = levelOf(labels?.[`${PREFIX}${mode}`])
      const faults = podSecurityFaults(level, spec)
      const version = labels?.[`${PREFIX}${mode}-version`] ?? 'latest'
      return faults.length > 0
        ? `violate PodSecurity "${level}:${version}": ${faults.join(', ')}`
        : null
    }
    const refused = isPod ? violation('enforce') : null
    if (refused) throw forbidden(resource, name, refused.replace('violate', 'violates'))
    const warned = violation('warn')
    if (warned) warnings.push(`would ${warned}`)
  }
}

/** The pod's spec inside a workload; undefined for other kinds. */
function templateOf(object: ApiObject): unknown {
  if (object.kind === 'CronJob') {
    return valueAt(object, ['spec', 'jobTemplate', 'spec', 'template', 'spec'])
  }
  return valueAt(object, ['spec', 'template', 'spec'])
}

/** What is no level asks for the strictest, as in Kubernetes. */
function levelOf(label: string | undefined): Level {
  if (label === undefined || label === 'privileged') return 'privileged'
  return label === 'baseline' ? 'baseline' : 'restricted'
}
