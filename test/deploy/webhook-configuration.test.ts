/** Whom the API server asks about, and what it does without an answer. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { CLUSTER_NAMESPACES } from '../../core/injection/decide.ts'
import {
  LABEL,
  SYSTEM_NAMESPACE,
  WEBHOOK_CONFIGURATION,
  WEBHOOK_SERVICE,
} from '../../core/names.ts'
import type { AdmissionRequest } from '../../playground/apiserver/admission.ts'
import { matchesConditions } from '../../playground/apiserver/match-conditions.ts'
import { review } from '../webhook/review-fixture.ts'
import { documentsOf, find, ROOT } from './manifests-fixture.ts'

const [webhook] = find('MutatingWebhookConfiguration', WEBHOOK_CONFIGURATION).webhooks ?? []

test('the webhook fails closed, in spaces only, has no side effects in a dry run, and leads to its service', () => {
  expect(webhook).toMatchObject({
    failurePolicy: 'Fail',
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds: 5,
    reinvocationPolicy: 'IfNeeded',
    clientConfig: {
      service: {
        namespace: SYSTEM_NAMESPACE,
        name: WEBHOOK_SERVICE,
        port: 443,
        path: '/mutate',
      },
    },
  })
  expect(webhook?.namespaceSelector.matchExpressions).toEqual([
    { key: LABEL.space, operator: 'In', values: ['true'] },
    {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: [...CLUSTER_NAMESPACES, SYSTEM_NAMESPACE],
    },
  ])
})

/** Reasons for which the API server itself lets a pod through. */
const BY_CONDITION = ['host-network', 'opted-out', 'mirror-pod', 'windows']
const GOLDEN = join(ROOT, 'test/webhook/golden')
const cases = readdirSync(GOLDEN)
  .filter((file) => file.endsWith('.pod.yaml'))
  .map((file) => {
    const pod = documentsOf(readFileSync(join(GOLDEN, file), 'utf8')).at(-1)
    const answer = JSON.parse(
      readFileSync(join(GOLDEN, file.replace('.pod.yaml', '.patch.json')), 'utf8'),
    )
    return { file, pod, reason: answer.reason as string | undefined }
  })

test('each condition is tried by at least one pod', () => {
  const reasons = new Set(cases.map(({ reason }) => reason))
  for (const reason of [...BY_CONDITION, 'not-a-space', 'already-injected', undefined]) {
    expect(reasons).toContain(reason)
  }
})

test.each(cases)(
  '$file passes the conditions just as the webhook would decide',
  ({ pod, reason }) => {
    const conditions = webhook?.matchConditions ?? []
    expect(conditions.length).toBeGreaterThan(0)
    const asked = matchesConditions(
      conditions,
      { object: pod as unknown as AdmissionRequest['object'], old: null },
      reviewed({}),
    )
    expect(asked).toEqual({ matches: !BY_CONDITION.includes(reason ?? '') })
  },
)

/** The `request` of a review, as an API server writes it. */
function reviewed(request: Record<string, unknown>) {
  return review(request)['request'] as Record<string, unknown>
}

test.each([
  ['an UPDATE', { operation: 'UPDATE' }],
  ['a DELETE', { operation: 'DELETE', object: null }],
  ['a status', { operation: 'UPDATE', subResource: 'status' }],
  ['an ephemeral container', { operation: 'UPDATE', subResource: 'ephemeralcontainers' }],
  ['a binding', { subResource: 'binding', object: { metadata: {}, target: {} } }],
  ['an eviction', { subResource: 'eviction', object: { metadata: {} } }],
  ['kubectl exec', { operation: 'CONNECT', subResource: 'exec', object: { container: 'web' } }],
  [
    'a ConfigMap',
    { resource: { group: '', version: 'v1', resource: 'configmaps' }, object: { data: {} } },
  ],
])('with rules that somebody has widened, %s goes on without a call', (_, about) => {
  const request = reviewed(about)
  const object = request['object'] as AdmissionRequest['object']
  const asked = matchesConditions(webhook?.matchConditions ?? [], { object, old: null }, request)
  expect(asked).toEqual({ matches: false })
})
