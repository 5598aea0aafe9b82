import { expect, test } from '@jest/globals'
import { ownerOf, workloadOf } from '../../../core/injection/owner.ts'
import type { Pod } from '../../../core/kube/types.ts'

const owned = (kind: string, name: string, labels: Record<string, string> = {}): Pod => ({
  metadata: { labels, ownerReferences: [{ apiVersion: 'x/v1', kind, name, controller: true }] },
  spec: { containers: [{ name: 'a' }] },
})

test.each([
  ['ReplicaSet', 'web-5d4', { 'pod-template-hash': '5d4' }, 'Deployment', 'web'],
  ['ReplicaSet', 'web-5d4', { 'rollouts-pod-template-hash': '5d4' }, 'Rollout', 'web'],
  ['ReplicaSet', 'web-5d4', {}, 'ReplicaSet', 'web-5d4'],
  ['ReplicaSet', 'web-5d4', { 'pod-template-hash': 'd4' }, 'ReplicaSet', 'web-5d4'],
  ['ReplicaSet', '-5d4', { 'pod-template-hash': '5d4' }, 'ReplicaSet', '-5d4'],
  ['StatefulSet', 'db', {}, 'StatefulSet', 'db'],
  ['DaemonSet', 'agent', {}, 'DaemonSet', 'agent'],
  ['Job', 'nightly-29385120', {}, 'CronJob', 'nightly'],
  ['Job', 'migrate-7', {}, 'Job', 'migrate-7'],
])(
  'a pod of the %s %s with the labels %j belongs to the %s %s',
  (kind, name, labels, ...workload) => {
    const owner = ownerOf(owned(kind, name, labels))
    expect(owner?.direct).toEqual({ apiVersion: 'x/v1', kind, name })
    expect([owner?.workload.kind, owner?.workload.name]).toEqual(workload)
  },
)

test('of several owners the one that controls counts, else the first', () => {
  const owners = ['a', 'b', 'c'].map((name) => ({ apiVersion: 'v1', kind: 'Thing', name }))
  const pod = (ownerReferences: Pod['metadata']['ownerReferences']): Pod => ({
    metadata: ownerReferences ? { ownerReferences } : {},
    spec: { containers: [] },
  })
  const second = owners.map((owner, index) => ({ ...owner, controller: index === 1 }))
  expect(workloadOf(pod(second))).toBe('b')
  expect(workloadOf(pod(owners))).toBe('a')
  expect(workloadOf(pod([]))).toBeNull()
  expect(ownerOf(pod(undefined))).toBeNull()
})
