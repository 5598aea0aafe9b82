import { expect, test } from '@jest/globals'
import {
  type AuditFacts,
  type AuditReason,
  audit,
  describeFinding,
} from '../../../core/injection/audit.ts'
import { spaceSince } from '../../../core/injection/space-since.ts'
import type { Pod } from '../../../core/kube/types.ts'
import { inject } from '../../../webhook/inject/inject.ts'
import { factsOf, node } from '../../webhook/cluster-fixture.ts'

const SINCE = Date.parse('2026-11-22T12:00:00Z')
const LATER = '2026-11-22T12:00:01Z'

const space: AuditFacts = {
  namespace: { name: 'alice', labels: { 'azds.io/space': 'true' } },
  systemNamespace: 'azds',
  spaceSince: SINCE,
}
const noSpace = { ...space, namespace: { name: 'alice', labels: {} } }
const system = { ...space, systemNamespace: 'alice' }

const bare: Pod = {
  metadata: { name: 'web', namespace: 'alice', uid: 'u1', creationTimestamp: LATER },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
}
const withMeta = (pod: Pod, metadata: Partial<Pod['metadata']>): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, ...metadata },
})

async function injected(kubelet: string): Promise<Pod> {
  const answer = inject(bare, await factsOf('alice', undefined, [node('one', kubelet)]))
  if (answer.kind !== 'injected') throw new Error(answer.kind)
  return answer.pod
}
const native = await injected('v1.34.0')
const classic = await injected('v1.28.0')

function stripped(pod: Pod): Pod {
  const copy = structuredClone(pod)
  for (const container of copy.spec.initContainers ?? []) delete container.restartPolicy
  return copy
}

const ROWS: [string, Pod, AuditFacts, AuditReason | null][] = [
  ['a pod without sidecar', bare, space, 'missed'],
  [
    'one as old as the space',
    withMeta(bare, { creationTimestamp: '2026-11-22T12:00:00Z' }),
    space,
    'before-space',
  ],
  [
    'one whose space tells no time',
    withMeta(bare, { creationTimestamp: '2020-01-01T00:00:00Z' }),
    { ...space, spaceSince: null },
    'missed',
  ],
  ['one of no known age', withMeta(bare, { creationTimestamp: '' }), space, 'missed'],
  ['an injected pod', native, space, null],
  ['an injected pod, classic', classic, space, null],
  ['one whose sidecar lost its restartPolicy', stripped(native), space, 'blocked'],
  ['a classic one, which has none to lose', stripped(classic), space, null],
  ['an injected pod where no space is', native, noSpace, 'stray'],
  ['an injected pod in our own namespace', native, system, 'stray'],
  ['a pod without sidecar where no space is', bare, noSpace, null],
  ['a pod without sidecar in our own namespace', bare, system, null],
  [
    'one that opted out',
    withMeta(bare, { labels: { 'azds.io/no-proxy': 'true' } }),
    space,
    'opted-out',
  ],
  [
    'one in the network of the node',
    { ...bare, spec: { ...bare.spec, hostNetwork: true } },
    space,
    'host-network',
  ],
  [
    'one for Windows',
    { ...bare, spec: { ...bare.spec, os: { name: 'windows' } } },
    space,
    'windows',
  ],
  ['one that is being deleted', withMeta(bare, { deletionTimestamp: LATER }), space, null],
  ['one that has succeeded', { ...bare, status: { phase: 'Succeeded' } }, space, null],
  ['one that has failed', { ...bare, status: { phase: 'Failed' } }, space, null],
  ['one that waits for a node', { ...bare, status: { phase: 'Pending' } }, space, 'missed'],
]

test.each(ROWS)('%s', (_, pod, facts, reason) => {
  expect(audit([pod], facts).map((finding) => finding.reason)).toEqual(reason ? [reason] : [])
})

test('a finding names the pod, its workload, and whether something has to be done', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4', uid: 'r1' }
  const owned = withMeta(bare, {
    labels: { 'pod-template-hash': '5d4' },
    ownerReferences: [{ ...owner, controller: true }],
  })
  const optedOut = withMeta(owned, { name: 'out', labels: { 'azds.io/no-proxy': 'true' } })
  expect(audit([owned, native, optedOut, stripped(native)], space)).toMatchObject([
    {
      pod: { namespace: 'alice', name: 'web', uid: 'u1' },
      owner: {
        direct: owner,
        workload: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      },
      reason: 'missed',
      fault: true,
      sidecarVersion: null,
    },
    { pod: { name: 'out' }, reason: 'opted-out', fault: false },
    { reason: 'blocked', fault: true, owner: null, sidecarVersion: expect.any(String) },
  ])
  expect(describeFinding({ reason: 'missed' })).toContain('restart its workload')
  expect(describeFinding({ reason: 'opted-out' })).toContain('azds.io/no-proxy=true')
})

const entry = (label: string, time?: string) => ({
  manager: 'kubectl-label',
  ...(time && { time }),
  fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, [`f:${label}`]: {} } } },
})

test.each([
  [[entry('azds.io/space', '2026-11-22T12:00:00Z')], SINCE],
  [[entry('azds.io/space', LATER), entry('azds.io/space', '2026-11-22T12:00:00Z')], SINCE],
  [[entry('team', '2020-01-01T00:00:00Z'), entry('azds.io/space', '2026-11-22T12:00:00Z')], SINCE],
  [[entry('team', LATER)], null],
  [[entry('azds.io/space'), entry('azds.io/space', 'soon')], null],
  [[{ manager: 'x' }], null],
  [undefined, null],
])('managed fields %j say that the namespace is a space since %p', (managedFields, since) => {
  expect(spaceSince({ metadata: { name: 'alice', managedFields } as object })).toBe(since)
})
