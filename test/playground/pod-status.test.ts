import { expect, test } from '@jest/globals'
import {
  type ContainerState,
  newRuntime,
  type PodRuntime,
} from '../../playground/node/pod-runtime.ts'
import { type Condition, phaseOf, podStatus } from '../../playground/node/pod-status.ts'
import { container, pod } from './pod.ts'

const running: ContainerState = { kind: 'running', startedAt: 0 }
const waiting: ContainerState = { kind: 'waiting', reason: 'ContainerCreating' }
const ended = (exitCode: number): ContainerState => ({
  kind: 'terminated',
  exitCode,
  signal: null,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  startedAt: 0,
  finishedAt: 0,
})

type Policy = 'Always' | 'OnFailure' | 'Never'

/** A pod with an init container, a sidecar and a main container in the given states. */
function runtimeOf(init: ContainerState, sidecar: ContainerState, main: ContainerState) {
  const view = pod({
    initContainers: [container('setup'), container('proxy', { restartPolicy: 'Always' })],
  })
  const runtime: PodRuntime = newRuntime(view, 0)
  const states = [init, sidecar, main]
  runtime.containers.forEach((each, index) => {
    each.state = states[index] ?? waiting
    each.started = each.state.kind === 'running'
    each.ready = each.started
  })
  return { view, runtime }
}

test.each<[string, ContainerState, ContainerState, ContainerState, Policy, string]>([
  ['nothing has run', waiting, waiting, waiting, 'Always', 'Pending'],
  ['the init container runs', running, waiting, waiting, 'Always', 'Pending'],
  ['the init container failed and is tried again', ended(1), waiting, waiting, 'Always', 'Pending'],
  ['the init container failed for good', ended(1), waiting, waiting, 'Never', 'Failed'],
  ['the sidecar has not started', ended(0), waiting, waiting, 'Always', 'Pending'],
  ['the main container is being made', ended(0), running, waiting, 'Always', 'Pending'],
  ['all run', ended(0), running, running, 'Always', 'Running'],
  ['the main container will be restarted', ended(0), running, ended(1), 'OnFailure', 'Running'],
  ['the sidecar outlives the main container', ended(0), running, ended(0), 'Never', 'Running'],
  ['all ended well, the sidecar killed', ended(0), ended(137), ended(0), 'Never', 'Succeeded'],
  ['the main container failed', ended(0), ended(0), ended(3), 'Never', 'Failed'],
])('when %s, the phase is right', (_what, init, sidecar, main, restartPolicy, phase) => {
  const { view, runtime } = runtimeOf(init, sidecar, main)
  view.spec.restartPolicy = restartPolicy
  expect(phaseOf(view, runtime)).toBe(phase)
})

const statusOf = (conditions: unknown, type: string) =>
  (conditions as Condition[]).find((condition) => condition.type === type)

test('a pod is ready only when its sidecar is too, and says who is not', () => {
  const { view, runtime } = runtimeOf(ended(0), running, running)
  expect(statusOf(podStatus(view, runtime, [], 0)['conditions'], 'Ready')?.status).toBe('True')
  const sidecar = runtime.containers[1]
  if (sidecar) sidecar.ready = false
  expect(statusOf(podStatus(view, runtime, [], 0)['conditions'], 'Ready')).toMatchObject({
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [proxy]',
  })
})

test('a condition keeps the time of its last change', () => {
  const { view, runtime } = runtimeOf(ended(0), running, running)
  const first = podStatus(view, runtime, [], 1000)['conditions'] as Condition[]
  const main = runtime.containers[2]
  if (main) main.ready = false
  const second = podStatus(view, runtime, first, 60_000)['conditions']
  expect(statusOf(second, 'Initialized')?.lastTransitionTime).toBe('1970-01-01T00:00:01Z')
  expect(statusOf(second, 'Ready')?.lastTransitionTime).toBe('1970-01-01T00:01:00Z')
})

test('container states, restarts and the last end are on the wire as Kubernetes writes them', () => {
  const { view, runtime } = runtimeOf(ended(0), running, ended(137))
  const main = runtime.containers[2]
  if (main) {
    main.lastState = { ...ended(1), kind: 'terminated' } as NonNullable<typeof main.lastState>
    main.restartCount = 4
    main.id = 'abc'
  }
  runtime.ips = ['10.244.0.5', 'fd00:10:244::5']
  const status = podStatus(view, runtime, [], 0)
  expect(status).toMatchObject({
    podIP: '10.244.0.5',
    podIPs: [{ ip: '10.244.0.5' }, { ip: 'fd00:10:244::5' }],
    hostIP: '10.244.0.1',
    initContainerStatuses: [
      { name: 'setup', state: { terminated: { exitCode: 0, reason: 'Completed' } } },
      { name: 'proxy', state: { running: { startedAt: '1970-01-01T00:00:00Z' } }, ready: true },
    ],
    containerStatuses: [
      {
        name: 'app',
        containerID: 'playground://abc',
        restartCount: 4,
        state: { terminated: { exitCode: 137 } },
        lastState: { terminated: { exitCode: 1 } },
      },
    ],
  })
})
