/** Who an Event is about, looked up once. */
import { expect, test } from '@jest/globals'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { Note } from '../../core/kube/events.ts'
import { createOwnerLookup } from '../../webhook/event-owner.ts'

const reference = (apiVersion: string, kind: string, name: string, uid: string) => ({
  apiVersion,
  kind,
  name,
  uid,
})
const note = (about: Note['about']): Note => ({
  about: { ...about, namespace: 'alice' },
  reason: 'Injected',
  message: 'm',
  type: 'Normal',
})

function lookup(answers: Record<string, unknown>) {
  const asked: string[] = []
  const get = async (path: string) => {
    asked.push(path)
    const answer = answers[path]
    if (answer instanceof Error) throw answer
    return answer
  }
  return { asked, complete: createOwnerLookup({ get } as unknown as KubeClient) }
}

const REPLICA_SET = reference('apps/v1', 'ReplicaSet', 'web-7d', 'r1')
const PATH = '/apis/apps/v1/namespaces/alice/replicasets/web-7d'
const DEPLOYMENT = reference('apps/v1', 'Deployment', 'web', 'd1')
const owned = (uid = 'r1') => ({
  metadata: {
    uid,
    ownerReferences: [
      reference('v1', 'ConfigMap', 'x', 'x'),
      { ...DEPLOYMENT, controller: true, blockOwnerDeletion: true },
    ],
  },
})

test('a ReplicaSet stands for its Deployment, and is asked about once', async () => {
  const { asked, complete } = lookup({ [PATH]: owned() })
  const expected = { ...DEPLOYMENT, namespace: 'alice' }
  expect((await complete(note(REPLICA_SET))).about).toEqual(expected)
  expect((await complete(note(REPLICA_SET))).about).toEqual(expected)
  expect(asked).toEqual([PATH])
})

test('a name that is none is one part of the path, whatever it holds', async () => {
  const { asked, complete } = lookup({})
  const name = 'x/../../pods?watch=true#'
  await expect(complete(note({ ...REPLICA_SET, name }))).rejects.toThrow()
  expect(asked).toEqual([
    '/apis/apps/v1/namespaces/alice/replicasets/x%2F..%2F..%2Fpods%3Fwatch%3Dtrue%23',
  ])
})

test('a Job stands for its CronJob', async () => {
  const job = reference('batch/v1', 'Job', 'nightly-29000000', 'j1')
  const cronJob = reference('batch/v1', 'CronJob', 'nightly', 'c1')
  const { complete } = lookup({
    '/apis/batch/v1/namespaces/alice/jobs/nightly-29000000': {
      metadata: { uid: 'j1', ownerReferences: [{ ...cronJob, controller: true }] },
    },
  })
  expect((await complete(note(job))).about).toEqual({ ...cronJob, namespace: 'alice' })
})

test.each([
  ['has no owner', { metadata: { uid: 'r1' } }],
  ['was made anew under its name', owned('r2')],
  ['may not be read', new KubeError(403, 'Forbidden', 'no')],
  ['is gone', new KubeError(404, 'NotFound', 'no')],
])('a ReplicaSet that %s stands for itself', async (_, answer) => {
  const { complete } = lookup({ [PATH]: answer })
  expect((await complete(note(REPLICA_SET))).about).toEqual({ ...REPLICA_SET, namespace: 'alice' })
})

test('other kinds are not asked about, and a failure is not taken for an answer', async () => {
  const { asked, complete } = lookup({ [PATH]: new KubeError(500, '', 'etcd is away') })
  const set = reference('apps/v1', 'StatefulSet', 'db', 's1')
  expect((await complete(note(set))).about.name).toBe('db')
  expect(asked).toEqual([])
  await expect(complete(note(REPLICA_SET))).rejects.toThrow('etcd is away')
  await expect(complete(note(REPLICA_SET))).rejects.toThrow('etcd is away')
  expect(asked).toHaveLength(2)
})
