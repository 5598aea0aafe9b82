/** The state of a pod in a word or two, as `kubectl get pods` and the original's `azds list-up` show it. Pure. */
import type { Pod } from '../core/kube/types.ts'

interface ContainerStatus {
  name: string
  ready?: boolean
  started?: boolean
  state?: {
    waiting?: { reason?: string }
    terminated?: { exitCode: number; reason?: string; signal?: number }
    running?: object
  }
}

/** `Running`, `Init:1/3:devspaces-build`, `CrashLoopBackOff`, `Terminating`. */
export function podStatus({ metadata, spec, status = {} }: Pod): string {
  if (metadata.deletionTimestamp) return 'Terminating'
  const inits = (status['initContainerStatuses'] ?? []) as ContainerStatus[]
  const native = new Set(
    (spec.initContainers ?? []).flatMap(({ name, restartPolicy }) =>
      restartPolicy === 'Always' ? [name] : [],
    ),
  )
  const isDone = ({ name, started, state }: ContainerStatus) =>
    native.has(name) ? started === true : state?.terminated?.exitCode === 0
  const open = inits.findIndex((container) => !isDone(container))
  const container = inits[open]
  if (container && status.phase === 'Pending') {
    const trouble = troubleOf(container)
    return `Init:${trouble ?? `${open}/${inits.length}:${container.name}`}`
  }
  const containers = (status['containerStatuses'] ?? []) as ContainerStatus[]
  const trouble = containers.map(troubleOf).find((text) => text !== null)
  if (trouble) return trouble
  const reason = status['reason']
  return typeof reason === 'string' ? reason : (status.phase ?? 'Unknown')
}

/** Why a container does not run; null where it runs, or is only being started. */
function troubleOf({ state }: ContainerStatus): string | null {
  const { waiting, terminated } = state ?? {}
  if (waiting?.reason && !['PodInitializing', 'ContainerCreating'].includes(waiting.reason)) {
    return waiting.reason
  }
  if (!terminated || terminated.exitCode === 0) return null
  return terminated.reason ?? `ExitCode:${terminated.exitCode}`
}
