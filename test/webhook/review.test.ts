/** Which reviews are about a pod that comes, which go on as they are, and which are none. */
import { expect, test } from '@jest/globals'
import { silentLog } from '../../core/log.ts'
import { createAdmit } from '../../webhook/admit.ts'
import type { FactSource } from '../../webhook/facts.ts'
import { createMetrics } from '../../webhook/metrics.ts'
import { type PassReason, readReview } from '../../webhook/review.ts'
import { POD, review } from './review-fixture.ts'

const running = { ...POD, metadata: { ...POD.metadata, name: 'web-1' } }
const update = { operation: 'UPDATE', name: 'web-1', object: running, oldObject: running }
const resource = (group: string, version: string, resource: string) => ({
  resource: { group, version, resource },
})

const PASSED: [string, Record<string, unknown>, PassReason, string][] = [
  ['an UPDATE', update, 'operation', 'UPDATE pods alice/web-1'],
  [
    'a DELETE',
    { ...update, operation: 'DELETE', object: null },
    'operation',
    'DELETE pods alice/web-1',
  ],
  // Of a whole collection the API server tells no name.
  ['a DELETE of all', { operation: 'DELETE', object: null }, 'operation', 'DELETE pods alice'],
  [
    'an ephemeral container',
    { ...update, subResource: 'ephemeralcontainers' },
    'subresource',
    'UPDATE pods/ephemeralcontainers alice/web-1',
  ],
  [
    'a resize',
    { ...update, subResource: 'resize' },
    'subresource',
    'UPDATE pods/resize alice/web-1',
  ],
  [
    'a status',
    { ...update, subResource: 'status' },
    'subresource',
    'UPDATE pods/status alice/web-1',
  ],
  [
    'a binding',
    { name: 'web-1', subResource: 'binding', object: { kind: 'Binding', target: {} } },
    'subresource',
    'CREATE pods/binding alice/web-1',
  ],
  [
    'kubectl exec',
    { operation: 'CONNECT', name: 'web-1', subResource: 'exec', object: { kind: 'x' } },
    'subresource',
    'CONNECT pods/exec alice/web-1',
  ],
  [
    'a Deployment',
    resource('apps', 'v1', 'deployments'),
    'resource',
    'CREATE deployments.apps alice',
  ],
  ['a pod of a version to come', resource('', 'v2', 'pods'), 'resource', 'CREATE pods alice'],
  [
    'what has no namespace',
    { ...resource('', 'v1', 'nodes'), namespace: undefined, name: 'n1' },
    'resource',
    'CREATE nodes n1',
  ],
]

test.each(PASSED)('%s is passed', (_, about, reason, subject) => {
  const uid = '705ab4f5-6393-11e8-b7cc-42010a800002'
  expect(readReview(review(about))).toEqual({ kind: 'passed', uid, reason, subject })
})

test('a review that is passed is allowed as it is: no look at the cluster, no Event, one line and one count', async () => {
  const metrics = createMetrics({ droppedEvents: () => 0 })
  const lines: unknown[] = []
  const log = { ...silentLog, info: (...line: unknown[]) => void lines.push(line) }
  const notWanted = (): never => {
    throw new Error('not wanted')
  }
  const facts: FactSource = { of: notWanted }
  const admit = createAdmit({ facts, metrics, log, note: notWanted, now: () => 0 })
  const body = review({ ...update, subResource: 'resize' })
  expect(await admit(body)).toEqual({
    status: 200,
    answer: {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: '705ab4f5-6393-11e8-b7cc-42010a800002', allowed: true },
    },
  })
  await new Promise(setImmediate)
  expect(lines).toEqual([
    [
      expect.objectContaining({
        outcome: 'passed',
        reason: 'subresource',
        subject: 'UPDATE pods/resize alice/web-1',
      }),
      'admission',
    ],
  ])
  expect((await metrics.render()).text).toContain(
    'azds_webhook_admissions_total{outcome="passed",reason="subresource"} 1',
  )
})
