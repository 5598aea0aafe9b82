/** What a pod's own feed says of it. */
import { expect, test } from '@jest/globals'
import { keptPod } from '../../../controller/feed/kept-objects.ts'
import { isFinished } from '../../../controller/feed/pod-state.ts'
import type { Pod } from '../../../core/kube/types.ts'
import { CONTAINER } from '../../../core/names.ts'

const running = { running: { startedAt: '2026-01-01T00:00:00Z' } }
const ended = (exitCode: number) => ({ terminated: { exitCode, reason: 'Completed' } })

interface Given {
  policy?: string
  /** States of the containers by name. */
  states: Record<string, object>
  /** Names of the containers, if others. */
  containers?: string[]
}

function job({ policy = 'Never', states, containers = ['work', CONTAINER.proxy] }: Given): Pod {
  const containerStatuses = Object.entries(states).map(([name, state]) => ({ name, state }))
  return {
    metadata: { name: 'job-1', namespace: 'dev', resourceVersion: '1' },
    spec: { restartPolicy: policy, containers: containers.map((name) => ({ name, image: 'x' })) },
    status: { phase: 'Running', containerStatuses },
  }
}

const sidecar = { [CONTAINER.proxy]: running }

test.each<[string, Given, boolean]>([
  ['its work is done', { states: { work: ended(0), ...sidecar } }, true],
  ['its work has failed, for good', { states: { work: ended(1), ...sidecar } }, true],
  ['its work goes on', { states: { work: running, ...sidecar } }, false],
  ['its work has not begun', { states: sidecar }, false],
  ['its work is done', { policy: 'OnFailure', states: { work: ended(0), ...sidecar } }, true],
  ['it will try again', { policy: 'OnFailure', states: { work: ended(1), ...sidecar } }, false],
  ['it is no Job', { policy: 'Always', states: { work: ended(0), ...sidecar } }, false],
  [
    'one of two containers goes on',
    {
      containers: ['work', 'more', CONTAINER.proxy],
      states: { work: ended(0), more: running, ...sidecar },
    },
    false,
  ],
  ['its sidecar is native', { containers: ['work'], states: { work: ended(0) } }, false],
  ['it is a sidecar alone', { containers: [CONTAINER.proxy], states: sidecar }, false],
])('a pod of which %s (%j) is finished: %j', (_, given, finished) => {
  expect(isFinished(job(given))).toBe(finished)
  // What the feed keeps of a pod is enough to tell.
  expect(isFinished(keptPod(job(given)))).toBe(finished)
})
