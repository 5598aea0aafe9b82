/** The small decisions of an injection, row by row. */
import { expect, test } from '@jest/globals'
import { parseStatus } from '../../../core/injection/status.ts'
import type { Pod } from '../../../core/kube/types.ts'
import { ANNOTATION } from '../../../core/names.ts'
import { checkBuild, parseBuildRequest } from '../../../webhook/inject/build-request.ts'
import { inject } from '../../../webhook/inject/inject.ts'
import { chooseLayout } from '../../../webhook/inject/layout.ts'
import { cidrList, opaquePortList, portList, uidList } from '../../../webhook/inject/lists.ts'
import { applyPatch } from '../../../webhook/inject/patch.ts'
import { factsOf, namespace, node, TREE } from '../cluster-fixture.ts'

test.each([
  { override: 'native', setting: 'classic', kubelets: ['v1.20.0'], layout: 'native' },
  { override: 'classic', setting: 'native', kubelets: ['v1.34.0'], layout: 'classic' },
  { override: null, setting: 'native', kubelets: ['v1.20.0'], layout: 'native' },
  { override: null, setting: 'classic', kubelets: ['v1.34.0'], layout: 'classic' },
  { override: null, kubelets: ['v1.29.0'], layout: 'native' },
  { override: null, kubelets: ['v1.34.1+k3s1', 'v1.36.0-eks-1', '2.0.0'], layout: 'native' },
  { override: null, kubelets: ['v1.34.0', 'v1.28.15'], layout: 'classic' },
  { override: null, kubelets: ['v1.34.0', ''], layout: 'classic' },
  { override: null, kubelets: ['v1.3'], layout: 'classic' },
  { override: null, kubelets: [], layout: 'classic' },
] as const)('annotation $override, setting $setting and kubelets $kubelets give $layout', (row) => {
  const setting = 'setting' in row ? row.setting : 'auto'
  expect(chooseLayout(row.override, setting, row.kubelets)).toBe(row.layout)
})

test.each([
  [portList, '1, 65535,,80-80 ', '1,65535,80-80'],
  [portList, '', ''],
  [portList, '0', null],
  [portList, '65536', null],
  [portList, '80-', null],
  [portList, '9-8', null],
  [portList, Array(65).fill('80').join(), null],
  [opaquePortList, ' 6379,7000-7010', '6379,7000-7010'],
  [opaquePortList, ' none ', ''],
  [opaquePortList, '', ''],
  [opaquePortList, 'none,80', null],
  [opaquePortList, 'None', null],
  [cidrList, '10.0.0.0/8,::/0,fd00::1', '10.0.0.0/8,::/0,fd00::1'],
  [cidrList, '10.0.0.0/', null],
  [cidrList, '10.0.0.0/8/8', null],
  [cidrList, 'fe80::1%eth0', null],
  [cidrList, '::/129', null],
  [uidList, '0,4294967294', '0,4294967294'],
  [uidList, '4294967295', null],
  [uidList, '-1', null],
])('%p of "%s" is %p', (parse, text, value) => {
  const result = parse(text)
  expect(result.ok ? result.value : null).toBe(value)
})

test.each([
  ['[1]', 'not a JSON object'],
  ['{', 'not a JSON object'],
  ['{"image":"a:1"}', 'source is missing'],
  ['{"source":"s"}', 'image is missing'],
  ['{"source":" ","image":"a:1"}', 'source is missing'],
  ['{"source":"s","image":"a:1","dockerFile":"D"}', 'unknown key "dockerFile"'],
  ['{"source":"s","image":"a:1","target":1}', 'target is 1'],
  ['{"source":"s","image":"a:1","context":"../.."}', 'leads out of the source archive'],
  ['{"source":"s","image":"a:1","dockerfile":"/etc/passwd"}', 'leads out of the source archive'],
  ['{"source":"s","image":"a:1","args":{"A":1}}', 'args is not an object of strings'],
])('the build request %s is refused with the reason', (text, reason) => {
  expect(parseBuildRequest(text)).toMatchObject({
    ok: false,
    message: expect.stringContaining(reason),
  })
})

test.each([
  { image: 'a:1', imagePullPolicy: undefined, field: null },
  { image: 'a:1', imagePullPolicy: 'Never', field: null },
  { image: 'a:1', imagePullPolicy: 'Always', field: 'spec.containers[0].imagePullPolicy' },
  { image: 'a:latest', imagePullPolicy: undefined, field: 'spec.containers[0].imagePullPolicy' },
  { image: 'host:5000/a', imagePullPolicy: undefined, field: 'spec.containers[0].imagePullPolicy' },
  { image: 'host:5000/a', imagePullPolicy: 'IfNotPresent', field: null },
])('a built image $image with pull policy $imagePullPolicy is at fault in $field', (row) => {
  const { field, ...container } = row
  const pod = { metadata: {}, spec: { containers: [{ name: 'a', ...container }] } } as Pod
  const errors = checkBuild(pod, { source: 's', image: row.image })
  expect(errors.map((error) => error.field)).toEqual(field ? [field] : [])
})

test('the annotation of the pod wins over that of the namespace, even where that one is malformed', async () => {
  const facts = await factsOf('team', [
    ...TREE,
    namespace(
      'team',
      { 'azds.io/space': 'true' },
      { 'azds.io/trace-body-bytes': 'much', 'azds.io/proxy-log-level': 'debug' },
    ),
  ])
  const pod: Pod = {
    metadata: { name: 'a', annotations: { 'azds.io/trace-body-bytes': '10' } },
    spec: { containers: [{ name: 'a' }] },
  }
  const answer = inject(pod, facts)
  if (answer.kind !== 'injected') throw new Error(JSON.stringify(answer))
  const env = answer.pod.spec.initContainers?.at(-1)?.env ?? []
  expect(env).toContainEqual({ name: 'AZDS_TRACE_BODY_BYTES', value: '10' })
  expect(env).toContainEqual({ name: 'AZDS_LOG_LEVEL', value: 'debug' })
})

const podWith = (spec: Partial<Pod['spec']>, annotations = {}): Pod => ({
  metadata: { name: 'web', annotations },
  spec: { containers: [{ name: 'web', image: 'web:1' }], ...spec },
})

test('a pod that names resources for all its containers is not made to ask for more than that', async () => {
  const spec = { resources: { limits: { cpu: '500m' }, requests: { cpu: '10m' } } }
  const result = inject(podWith(spec), await factsOf())
  if (result.kind !== 'injected') throw new Error(result.kind)
  for (const { resources } of result.pod.spec.initContainers ?? []) {
    expect(resources).toEqual({ limits: { memory: '256Mi' }, requests: { memory: '96Mi' } })
  }
})

test('a status that names no sidecar is not taken for an injection', async () => {
  const status = { version: '1', layout: 'native', containers: [] }
  const claim = JSON.stringify({ ...status, initContainers: ['devspaces-build'] })
  const spec = { initContainers: [{ name: 'devspaces-build', image: 'x' }] }
  const pod = podWith(spec, { 'azds.io/injection-status': claim })
  expect(inject(pod, await factsOf())).toMatchObject({
    kind: 'invalid',
    errors: [{ field: 'spec.initContainers[0].name' }],
  })
})

test.each([
  ['ClusterFirst', 0],
  // Without hostNetwork the kubelet treats it as ClusterFirst.
  ['ClusterFirstWithHostNet', 0],
  ['Default', 1],
  ['None', 1],
])('a pod with the dnsPolicy %s gets %d warnings about names', async (dnsPolicy, count) => {
  const result = inject(podWith({ dnsPolicy }), await factsOf())
  if (result.kind !== 'injected') throw new Error(result.kind)
  expect(result.warnings).toHaveLength(count)
})

test('in the classic layout an init container that another webhook puts last goes before ours', async () => {
  const facts = await factsOf(undefined, undefined, [node('old', 'v1.27.3')])
  const first = inject(podWith({ initContainers: [{ name: 'migrate' }] }), facts)
  if (first.kind !== 'injected') throw new Error(first.kind)
  const theirs = { name: 'vault-init', image: 'vault:1', env: [{ name: 'A', value: '1' }] }
  first.pod.spec.initContainers?.push(theirs)
  const second = inject(first.pod, facts)
  if (second.kind !== 'injected') throw new Error(second.kind)
  expect(second.repaired).toBe(true)
  expect(applyPatch(first.pod, second.patch)).toEqual(second.pod)
  expect(second.pod.spec.initContainers?.map(({ name }) => name)).toEqual([
    ...['migrate', 'vault-init', 'devspaces-proxy-init'],
  ])
  expect(second.pod.spec.initContainers?.[1]).toEqual(theirs)
  expect(inject(second.pod, facts)).toEqual({ kind: 'skipped', reason: 'already-injected' })
})

test.each([
  [undefined, []],
  [[], []],
  [7, []],
  [[null, 'x', { ports: '1' }, { ports: 1, reason: 'x' }], []],
  [
    [
      { ports: '1', reason: 'x', service: 2 },
      { ports: '2', reason: 'y' },
    ],
    ['2'],
  ],
])('of a status that says %j of ports, what can be ours is %j', (direct, ports) => {
  const status = { version: '2', layout: 'native', containers: [], direct }
  const initContainers = ['devspaces-proxy-init', 'devspaces-proxy']
  const parsed = parseStatus(JSON.stringify({ ...status, initContainers }))
  expect(parsed?.direct?.map((entry) => entry.ports)).toEqual(ports)
})

test('a pod that asks for a build is refused where nothing can build, so that no kubelet waits for an image', async () => {
  const image = 'shop/web:1'
  const pod = {
    metadata: {
      name: 'web',
      annotations: { [ANNOTATION.build]: JSON.stringify({ source: 'a.tar', image }) },
    },
    spec: { containers: [{ name: 'web', image }] },
  }
  const facts = await factsOf('alice')
  expect(inject(pod, facts).kind).toBe('injected')
  expect(inject(pod, { ...facts, images: { ...facts.images, build: null } })).toEqual({
    kind: 'invalid',
    errors: [
      {
        field: 'metadata.annotations["azds.io/build"]',
        message: expect.stringContaining('this installation builds nothing'),
      },
    ],
  })
})

test('empty policies are Kubernetes’ own defaults, and no reason to warn', async () => {
  const facts = await factsOf('alice', TREE, [node('old', 'v1.27.3')])
  const spec = { containers: [{ name: 'web', image: 'x' }], dnsPolicy: '', restartPolicy: '' }
  expect(inject({ metadata: { name: 'web' }, spec }, facts)).toMatchObject({
    kind: 'injected',
    warnings: [],
  })
})
