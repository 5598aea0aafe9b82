/** What the kubelet knows about a pod's containers while it runs them: plain data that status is made of. */
import type { ContainerLog } from './container-log.ts'
import type { ContainerProcess } from './container-process.ts'
import type { ContainerSpec, PodView } from './pod-view.ts'

export type ContainerKind = 'init' | 'sidecar' | 'main'

export type ContainerState =
  | { kind: 'waiting'; reason: string; message?: string }
  | { kind: 'running'; startedAt: number }
  | ({ kind: 'terminated'; exitCode: number; signal: number | null; reason: string } & RunTimes)

export interface RunTimes {
  /** Milliseconds since 1970. */
  startedAt: number
  finishedAt: number
}

export interface ContainerRuntime {
  readonly spec: ContainerSpec
  readonly kind: ContainerKind
  state: ContainerState
  /** The end of the run before this one. */
  lastState: Extract<ContainerState, { kind: 'terminated' }> | null
  restartCount: number
  /** The startup probe has passed, or there is none and the container runs. */
  started: boolean
  ready: boolean
  /** Changes with every run. */
  id: string
  process: ContainerProcess | null
  log: ContainerLog | null
  previousLog: ContainerLog | null
}

export interface PodRuntime {
  /** Init containers and sidecars, in their order, then the main containers. */
  containers: ContainerRuntime[]
  ips: string[]
  /** Milliseconds since 1970. */
  startedAt: number
  /** The pod is being ended; nothing is restarted any more. */
  ending: boolean
  /** Set where the pod can never run: phase Failed with this reason. */
  failure: { reason: string; message: string } | null
}

export function newRuntime(pod: PodView, now: number): PodRuntime {
  const container = (spec: ContainerSpec, kind: ContainerKind): ContainerRuntime => ({
    spec,
    kind,
    state: { kind: 'waiting', reason: kind === 'main' ? 'ContainerCreating' : 'PodInitializing' },
    lastState: null,
    restartCount: 0,
    started: false,
    ready: false,
    id: '',
    process: null,
    log: null,
    previousLog: null,
  })
  const inits = pod.spec.initContainers ?? []
  const mainWait = inits.length > 0 ? 'PodInitializing' : 'ContainerCreating'
  const containers = [
    ...inits.map((spec) => container(spec, spec.restartPolicy === 'Always' ? 'sidecar' : 'init')),
    ...pod.spec.containers.map((spec) => container(spec, 'main')),
  ]
  for (const each of containers) each.state = { kind: 'waiting', reason: mainWait }
  return { containers, ips: [], startedAt: now, ending: false, failure: null }
}
