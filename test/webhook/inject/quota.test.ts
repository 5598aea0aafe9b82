/** What quotas and limit ranges say of a pod with our containers. */
import { expect, test } from '@jest/globals'
import type { LimitRange, Pod, ResourceQuota } from '../../../core/kube/types.ts'
import type { InjectionFacts } from '../../../webhook/inject/facts.ts'
import { inject } from '../../../webhook/inject/inject.ts'
import { qualityOf, usageOf } from '../../../webhook/inject/pod-usage.ts'
import { amountOf, describeAmount } from '../../../webhook/inject/quantity.ts'
import { factsOf } from '../cluster-fixture.ts'

const base = await factsOf('alice')

const resources = (cpu: string, memory: string) => ({
  limits: { cpu, memory },
  requests: { cpu, memory },
})
const pod = (spec: Pod['spec']): Pod => ({ metadata: { name: 'web' }, spec })
const plain = pod({ containers: [{ name: 'web', image: 'web:1' }] })

function warningsOf(candidate: Pod, facts: Partial<InjectionFacts>): string[] {
  const answer = inject(candidate, { ...base, ...facts })
  if (answer.kind !== 'injected') throw new Error(JSON.stringify(answer))
  for (const warning of answer.warnings) expect(warning.length).toBeLessThan(250)
  return answer.warnings
}

const quota = (
  hard: Record<string, string>,
  used: Record<string, string> = {},
  spec: ResourceQuota['spec'] = {},
): ResourceQuota => ({
  metadata: { name: 'team' },
  spec: { hard, ...spec },
  status: { hard, used },
})

// The sidecar has limits 1 and 256Mi, requests 20m and 96Mi.
test.each([
  ['room for all', quota({ 'limits.cpu': '2', 'requests.memory': '1Gi' }), null],
  ['room for just that', quota({ 'limits.cpu': '1' }), null],
  [
    'too little of a limit',
    quota({ 'limits.cpu': '4', pods: '5' }, { 'limits.cpu': '3200m' }),
    '800m of limits.cpu left, and with the sidecar the pod needs 1:',
  ],
  [
    'too little of a request',
    quota({ memory: '1Gi' }, { memory: '960Mi' }),
    '64Mi of memory left, and with the sidecar the pod needs 96Mi',
  ],
  ['too little, by its older name', quota({ cpu: '10m' }), '10m of cpu left'],
  [
    'nothing that we count',
    quota({ pods: '1', 'requests.nvidia.com/gpu': '0', services: '1' }),
    null,
  ],
  [
    'no status yet',
    { metadata: { name: 'team' }, spec: { hard: { 'limits.cpu': '1m' } } },
    '1m of limits.cpu left',
  ],
  ['nothing in it', { metadata: { name: 'team' } }, null],
  [
    'a scope that holds',
    quota({ cpu: '1m' }, {}, { scopes: ['NotTerminating', 'NotBestEffort'] }),
    'of cpu left',
  ],
  ['a scope that does not hold', quota({ cpu: '1m' }, {}, { scopes: ['Terminating'] }), null],
  [
    'the scope of pods without resources',
    quota({ pods: '1', cpu: '1m' }, {}, { scopes: ['BestEffort'] }),
    null,
  ],
  [
    'another priority',
    quota(
      { cpu: '1m' },
      {},
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
        },
      },
    ),
    null,
  ],
  [
    'no priority',
    quota(
      { cpu: '1m' },
      {},
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'DoesNotExist' }],
        },
      },
    ),
    'of cpu left',
  ],
  [
    'any priority but one',
    quota(
      { cpu: '1m' },
      {},
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['high'] }],
        },
      },
    ),
    'of cpu left',
  ],
  ['a scope of tomorrow', quota({ cpu: '1m' }, {}, { scopes: ['Whatever'] }), null],
])('a quota with %s', (_, given, text) => {
  const warnings = warningsOf(plain, { quotas: [given as ResourceQuota] })
  expect(warnings).toEqual(text === null ? [] : [expect.stringContaining(text)])
})

test('a pod that a quota refuses anyway gets no warning because of us', () => {
  const large = pod({
    containers: [{ name: 'web', image: 'web:1', resources: resources('8', '1Gi') }],
  })
  const even = { ...base.proxyResources, limits: base.proxyResources.requests }
  const facts = { quotas: [quota({ 'limits.cpu': '4' })], proxyResources: even }
  expect(warningsOf(large, facts).filter((text) => text.includes('ResourceQuota'))).toEqual([])
})

test('a quota demands cpu and memory of every container, unless a LimitRange or the pod names them', () => {
  const proxyResources = { limits: {}, requests: { cpu: '20m', memory: '96Mi' } }
  const quotas = [quota({ 'limits.memory': '10Gi', 'limits.ephemeral-storage': '1Gi' })]
  const facts = { proxyResources, quotas }
  expect(warningsOf(plain, facts)).toEqual([
    expect.stringContaining('demands limits.memory of every container, and the sidecar names none'),
  ])
  const limitRanges: LimitRange[] = [
    {
      metadata: { name: 'r' },
      spec: { limits: [{ type: 'Container', default: { memory: '512Mi' } }] },
    },
  ]
  expect(warningsOf(plain, { ...facts, limitRanges })).toEqual([])
  const whole = pod({ ...plain.spec, resources: resources('1', '1Gi') })
  expect(warningsOf(whole, facts)).toEqual([])
})

type Limits = NonNullable<NonNullable<LimitRange['spec']>['limits']>[number]
test.each<[string, Limits, string[]]>([
  ['room', { type: 'Container', min: { cpu: '20m' }, max: { cpu: '1', memory: '1Gi' } }, []],
  [
    'a least above ours',
    { type: 'Container', min: { cpu: '50m' } },
    ['wants at least 50m of requests.cpu for a container, and the sidecar has 20m'],
  ],
  [
    'a most below ours',
    { type: 'Container', max: { memory: '128Mi' } },
    ['wants at most 128Mi of limits.memory for a container, and the sidecar has 256Mi'],
  ],
  [
    'a ratio below ours',
    { type: 'Container', maxLimitRequestRatio: { cpu: '4', memory: '3' } },
    ['wants cpu limits of at most 4 times the requests for a container, and the sidecar has 50'],
  ],
  [
    'a pod’s most',
    { type: 'Pod', max: { cpu: '500m' } },
    ['wants at most 500m of limits.cpu for a pod, and with the sidecar this one has 1;'],
  ],
  ['claims', { type: 'PersistentVolumeClaim', max: { storage: '1Gi' } }, []],
  ['other resources', { type: 'Container', max: { 'nvidia.com/gpu': '1' } }, []],
  ['nonsense', { type: 'Container', max: { cpu: 'much' } }, []],
])('a LimitRange with %s', (_, limit, texts) => {
  const limitRanges = [{ metadata: { name: 'team' }, spec: { limits: [limit] } }]
  const warnings = warningsOf(plain, { limitRanges })
  expect(warnings).toEqual(texts.map((text) => expect.stringContaining(text)))
})

test('the annotation for the sidecar’s resources is what satisfies a LimitRange', () => {
  const limitRanges = [
    { metadata: { name: 'r' }, spec: { limits: [{ type: 'Container', min: { cpu: '50m' } }] } },
  ]
  const annotations = { 'azds.io/proxy-resources': '{"Requests":{"cpu":"50m"}}' }
  expect(warningsOf({ ...plain, metadata: { name: 'web', annotations } }, { limitRanges })).toEqual(
    [],
  )
})

test('what a pod breaks without us is not told', () => {
  const limitRanges = [
    { metadata: { name: 'r' }, spec: { limits: [{ type: 'Pod', max: { cpu: '500m' } }] } },
  ]
  const large = pod({
    containers: [{ name: 'web', image: 'w:1', resources: { limits: { cpu: '2' } } }],
  })
  expect(warningsOf(large, { limitRanges })).toEqual([])
})

test('the build is checked as the sidecar is', () => {
  const limitRanges = [
    {
      metadata: { name: 'r' },
      spec: { limits: [{ type: 'Container', max: { memory: '512Mi' } }] },
    },
  ]
  const annotations = { 'azds.io/build': '{"source":"s","image":"web:1"}' }
  expect(warningsOf({ ...plain, metadata: { name: 'web', annotations } }, { limitRanges })).toEqual(
    [expect.stringContaining('and the build has 1Gi')],
  )
})

test('a Guaranteed pod that the sidecar makes Burstable is told how to stay what it was', () => {
  const guaranteed = pod({
    containers: [{ name: 'web', image: 'w:1', resources: resources('1', '1Gi') }],
  })
  expect(warningsOf(guaranteed, {})).toEqual([
    expect.stringContaining('Burstable instead of Guaranteed'),
  ])
  const annotations = {
    'azds.io/proxy-resources': JSON.stringify({
      Limits: { cpu: '1', memory: '256Mi' },
      Requests: { cpu: '1', memory: '256Mi' },
    }),
  }
  expect(warningsOf({ ...guaranteed, metadata: { name: 'web', annotations } }, {})).toEqual([])
})

test('a pod asks for what runs together at its fullest moment', () => {
  const container = (name: string, cpu: string, restartPolicy?: string) => ({
    name,
    ...(restartPolicy && { restartPolicy }),
    resources: { requests: { cpu } },
  })
  const spec = {
    initContainers: [container('a', '1'), container('b', '2', 'Always'), container('c', '3')],
    containers: [container('d', '1'), container('e', '500m')],
  }
  expect(usageOf({ metadata: {}, spec }, 'requests', 'cpu')).toBe(5)
  expect(usageOf({ metadata: {}, spec: { ...spec, initContainers: [] } }, 'requests', 'cpu')).toBe(
    1.5,
  )
  expect(usageOf({ metadata: {}, spec }, 'limits', 'cpu')).toBe(0)
  const whole = { ...spec, resources: { limits: { cpu: '7' } } }
  expect(usageOf({ metadata: {}, spec: whole }, 'requests', 'cpu')).toBe(7)
})

test.each([
  [{}, 'BestEffort'],
  [{ requests: { cpu: '1' } }, 'Burstable'],
  [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
  [
    { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } },
    'Guaranteed',
  ],
  [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1m' } }, 'Burstable'],
  [{ limits: { cpu: '1' } }, 'Burstable'],
])('a pod with the resources %j is %s', (given, quality) => {
  const containers = [{ name: 'a', resources: given }]
  expect(qualityOf({ metadata: {}, spec: { containers } })).toBe(quality)
  const open = [{ name: 'a' }]
  expect(qualityOf({ metadata: {}, spec: { containers: open, resources: given } })).toBe(quality)
})

test.each([
  [2, 2],
  ['0', 0],
  ['-500m', -0.5],
  ['+1k', 1000],
  ['x', null],
  [null, null],
  [Number.NaN, null],
])('the amount %p is %p', (text, amount) => {
  expect(amountOf(text)).toBe(amount)
})

test.each([
  ['cpu', 0.02, '20m'],
  ['cpu', 3, '3'],
  ['memory', 96 * 2 ** 20, '96Mi'],
  ['memory', 2 ** 31, '2Gi'],
  ['memory', 1000, '1000'],
  ['memory', 0, '0'],
])('%s of %d is written %s', (resource, amount, text) => {
  expect(describeAmount(resource, amount)).toBe(text)
})
