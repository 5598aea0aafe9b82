import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { refusal } from '../../../cli/doctor/canary.ts'
import type { Check } from '../../../cli/doctor/check.ts'
import { firstDifference } from '../../../cli/doctor/difference.ts'
import type { DoctorFacts } from '../../../cli/doctor/facts.ts'
import { GROUPS } from '../../../cli/doctor/groups.ts'
import { findingText, type JsonReport, summaryText } from '../../../cli/doctor/render.ts'
import { forbiddenPart, runChecks } from '../../../cli/doctor/run.ts'
import { KubeError } from '../../../core/kube/client.ts'
import { startTestCluster, type TestCluster } from '../cluster-fixture.ts'
import { azds } from '../world-fixture.ts'

/** Two busy cores may need this long for an installation. */
const LIMIT_MS = 60_000
jest.setTimeout(LIMIT_MS)

const plain = (_: string, text: string) => text
const CHECKS = GROUPS.flatMap(({ checks }) => checks)

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startTestCluster()
})

afterAll(() => cluster.close())

/** What `azds doctor` says of each check. */
async function doctor(flags = ''): Promise<Map<string, { result: string; error?: string }>> {
  const { out } = await azds(`doctor -o json ${flags}`, cluster)
  const report = JSON.parse(out) as JsonReport
  return new Map(report.categories.flatMap(({ checks }) => checks.map((one) => [one.id, one])))
}

test('every check has a place of its own in docs/doctor.md, and the other way round', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8')
  const headings = [...text.matchAll(/^### (.+)$/gm)].map(([, id]) => id)
  expect(headings).toEqual(CHECKS.map(({ id }) => id))
})

test('a check builds only on checks that come before it', () => {
  const seen = new Set<string>()
  for (const { id, after = [] } of CHECKS) {
    expect([id, after.filter((one) => !seen.has(one))]).toEqual([id, []])
    seen.add(id)
  }
})

test('before an installation, --pre is well and the whole says what is missing', async () => {
  const pre = await azds('doctor --pre', cluster)
  expect(pre).toMatchObject({ code: 0, err: '' })
  expect(pre.out).toContain('√ you may make every object of the chart')
  expect(pre.out).toContain('All is well.')
  const all = await azds('doctor', cluster)
  expect(all.code).toBe(1)
  expect(all.out).toContain('× azds is installed\n    the cluster has nothing of azds\n')
  expect(all.out).toContain('→ install it: azds install')
  expect(all.out).toContain('see docs/doctor.md#installed')
  // What builds on it is not told again.
  expect(all.out).not.toContain('webhook\n-------')
})

test('what is installed and sound is told so, and what has been changed is named', async () => {
  expect((await azds('install', cluster)).err).toBe('')
  const sound = await doctor()
  for (const id of ['installed', 'programs-ready', 'programs-version', 'webhook-registered']) {
    expect([id, sound.get(id)?.result]).toEqual([id, 'ok'])
  }
  for (const id of ['rights-webhook', 'rights-controller', 'leftovers', 'webhook-endpoints']) {
    expect([id, sound.get(id)?.result]).toEqual([id, 'ok'])
  }
  // Nobody plays the controller here.
  expect(sound.get('api-certificate')).toMatchObject({
    result: 'error',
    error: 'the Secret azds/azds-api-tls is gone, so that azds-api cannot start',
  })
  const webhook = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azds-webhook'
  await cluster.client.patch(webhook, 'application/json-patch+json', [
    { op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' },
  ])
  await cluster.client.delete('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/azds-webhook')
  const changed = await doctor()
  expect(changed.get('webhook-registered')?.error).toContain(
    'webhooks[0].failurePolicy is "Ignore" instead of "Fail"',
  )
  expect(changed.get('rights-webhook')).toMatchObject({
    result: 'error',
    objects: expect.arrayContaining(['list, watch namespaces', 'get replicasets.apps']),
  })
  expect((await azds('upgrade', cluster)).code).toBe(0)
  const mended = await doctor()
  expect(mended.get('webhook-registered')?.result).toBe('ok')
  expect(mended.get('rights-webhook')?.result).toBe('ok')
})

test('faults of spaces are found, each by its own check', async () => {
  const { client } = cluster
  const namespace = (name: string, labels: Record<string, string>) =>
    client.create('/api/v1/namespaces', {
      metadata: { name, labels: { 'azds.io/space': 'true', ...labels } },
    })
  await namespace('orphan', { 'azds.io/parent-space': 'nobody' })
  await namespace('strict', { 'pod-security.kubernetes.io/enforce': 'baseline' })
  await namespace('meshed', { 'istio-injection': 'enabled' })
  await client.create('/apis/networking.k8s.io/v1/namespaces/strict/networkpolicies', {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'closed' },
    spec: { podSelector: {}, policyTypes: ['Egress'] },
  })
  await client.create('/api/v1/namespaces/strict/resourcequotas', {
    metadata: { name: 'none' },
    spec: { hard: { pods: '0' } },
  })
  await client.create('/api/v1/namespaces/default/configmaps', { metadata: { name: 'azds-ca' } })
  const found = await doctor()
  expect(found.get('chain-sound')).toMatchObject({ result: 'error' })
  expect(found.get('pod-security')).toMatchObject({ objects: ['strict: baseline'] })
  expect(found.get('other-meshes')).toMatchObject({ objects: ['meshed: istio-injection=enabled'] })
  expect(found.get('network-policies')).toMatchObject({ objects: ['strict: closed'] })
  expect(found.get('left-ca')).toMatchObject({ objects: ['default'] })
  // Nobody plays the webhook's answers here, so that the API server refuses pods of spaces.
  expect(found.get('webhook-canary')?.error).toContain('does not trust the webhook’s certificate')
})

test('who may see little is told which right is missing, and nothing is called wrong', async () => {
  const client = await cluster.as('dora')
  const { out, code } = await azds('doctor -o json --for developer', { client })
  const report = JSON.parse(out) as JsonReport
  const checks = report.categories.flatMap((category) => category.checks)
  expect(checks.find(({ id }) => id === 'installed')).toMatchObject({
    result: 'unknown',
    error: expect.stringContaining(
      'you cannot get mutatingwebhookconfigurations.admissionregistration.k8s.io',
    ),
  })
  expect(checks.filter(({ result }) => result === 'error')).toEqual([])
  expect(checks.some(({ id }) => id === 'rights-install')).toBe(false)
  expect(code).toBe(0)
})

test('for a developer only her space is looked at, with the rights that she has there', async () => {
  const { client } = cluster
  await client.create('/api/v1/namespaces', {
    metadata: { name: 'dora-dev', labels: { 'azds.io/space': 'true' } },
  })
  await client.create('/apis/rbac.authorization.k8s.io/v1/namespaces/dora-dev/rolebindings', {
    metadata: { name: 'dora' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'dora' }],
  })
  const dora = { client: await cluster.as('dora') }
  const flags = '-o json --for developer --space dora-dev'
  const { out } = await azds(`doctor ${flags}`, dora)
  const checks = (JSON.parse(out) as JsonReport).categories.flatMap((category) => category.checks)
  const result = (id: string) => checks.find((one) => one.id === id)?.result
  // Spaces besides hers are not sound in this cluster, and are none of her business.
  for (const id of ['uninjected-pods', 'stray-sidecars', 'pod-security', 'other-meshes', 'quota']) {
    expect([id, result(id)]).toEqual([id, 'ok'])
  }
  expect(result('traces-rights')).toBe('ok')
})

test('a space that is not there is a mistake of the command line', async () => {
  expect(await azds('doctor --space nosuch', cluster)).toMatchObject({
    code: 1,
    err: 'azds: space "nosuch" does not exist; `azds space list` lists those that there are\n',
  })
})

const check = (id: string, run: Check['run'], after: string[] = []): Check => ({
  ...{ id, title: id, run },
  after,
})

test('a failed check skips what builds on it, and a missing right is no failure', async () => {
  const checks = [
    check('a', async () => ({ result: 'error', cause: 'x', next: 'y' })),
    check('b', async () => ({ result: 'ok' }), ['a']),
    check('c', async () => ({ result: 'ok' }), ['b']),
    check('d', async () => {
      throw new KubeError(403, 'Forbidden', 'GET /x: pods is forbidden: User "u" cannot list pods')
    }),
    check('e', async () => {
      throw new Error('broken')
    }),
  ]
  const findings = await runChecks([{ name: 'g', checks }], {} as DoctorFacts, {
    pre: false,
    developer: false,
    onFinding: () => {},
  })
  expect(findings.map(({ outcome }) => outcome.result)).toEqual([
    ...['error', 'skipped', 'skipped', 'unknown', 'unknown'],
  ])
  const summary = summaryText(findings, plain)
  expect(summary).toMatch(/^1 × {2}2 \? {2}2 - {2}Something is wrong\.\n\? needs rights/)
  // What everybody lacks the right to is one line each; what failed for another reason says what to do.
  const texts = findings.map((finding) => findingText(finding, plain))
  expect(texts[3]).toBe('? d (you cannot list pods)\n')
  expect(texts[4]).toContain('→ run azds doctor again')
})

test('a finding with many objects is cut, and says how many there are', () => {
  const objects = Array.from({ length: 30 }, (_, i) => `pod-${i}\u001b[2J`)
  const outcome = { result: 'warning', cause: 'c', next: 'n', objects } as const
  const text = findingText({ group: 'g', check: check('id', async () => outcome), outcome }, plain)
  expect(text).toContain('and 10 more')
  expect(text).toContain('pod-0·[2J')
})

test.each([
  ['GET /x: User "u" cannot list resource "pods" in API group ""', 'cannot list pods'],
  [
    'GET /x: User "u" cannot get resource "deployments" in API group "apps" in the namespace "a"',
    'cannot get deployments.apps in the namespace "a"',
  ],
  ['nope', 'may not: nope'],
])('of %j what is missing is %j', (message, part) => {
  expect(forbiddenPart(message)).toBe(part)
})

test.each([
  ['failed calling webhook "inject.azds.io": x509: unknown authority', 'does not trust'],
  [
    'failed calling webhook "inject.azds.io": context deadline exceeded',
    'cannot reach the webhook',
  ],
  ['pods "x" is forbidden: violates PodSecurity "restricted:latest"', 'Pod Security level'],
  ['pods "x" is forbidden: exceeded quota: small', 'a quota of the space'],
  ['admission webhook "policy.example" denied the request: no', 'another webhook refuses'],
  ['something else', 'the API server refuses a pod: something else'],
])('a refusal with %j is explained as %j', (message, cause) => {
  const place = { space: 'alice', system: 'azds' }
  expect(refusal(`POST /api/v1/pods: ${message}`, place).cause).toContain(cause)
})

test.each([
  [{ a: [1, { b: 2 }] }, { a: [1, { b: 2, c: 3 }], d: 4 }, null],
  [{ a: 1 }, { a: 2 }, 'x.a is 2 instead of 1'],
  [{ a: [1] }, { a: [1, 2] }, 'x.a is [1,2] instead of [1]'],
  [{ a: { b: 1 } }, {}, 'x.a is nothing instead of {"b":1}'],
])('%j against %j differs as %j', (wanted, live, difference) => {
  expect(firstDifference(wanted, live, 'x')).toBe(difference)
})
