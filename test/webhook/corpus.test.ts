/**
 * What must hold for every pod that somebody writes: over our own corpus, over pods that are made to be
 * large, and, with AZDS_POD_CORPUS=FOLDER, over the manifests in any folder.
 */
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { statusOf } from '../../core/injection/status.ts'
import type { Container, LimitRange, Pod, ResourceQuota } from '../../core/kube/types.ts'
import type { InjectionFacts } from '../../webhook/inject/facts.ts'
import { type Injection, inject } from '../../webhook/inject/inject.ts'
import { applyPatch } from '../../webhook/inject/patch.ts'
import { factsOf } from './cluster-fixture.ts'
import { forbiddenChanges, isOurs } from './corpus/allowed-changes.ts'
import { withOthersWork } from './corpus/other-webhooks.ts'
import { faultsOfPod, served } from './corpus/pod-validity.ts'
import { blindProbes, sidecarFaults } from './corpus/promises.ts'
import { type CorpusPod, readCorpus } from './corpus/read-corpus.ts'
import { applyStrictly, isSameJson } from './corpus/strict-json-patch.ts'

type Layout = 'native' | 'classic'
type Injected = Injection & { kind: 'injected' }

const LAYOUTS: readonly Layout[] = ['native', 'classic']
const facts = await factsOf('alice')
const factsFor = (layout: Layout): InjectionFacts => ({ ...facts, layout })

const containers = (count: number, one: (index: number) => Partial<Container>): Container[] =>
  Array.from({ length: count }, (_, index) => ({ name: `c${index}`, image: 'x:1', ...one(index) }))

const made = (name: string, spec: Pod['spec']): CorpusPod => ({
  title: `made: ${name}`,
  family: 'made',
  pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec },
})

const LARGE = [
  made('forty-containers', {
    initContainers: containers(20, (i) => ({
      name: `i${i}`,
      ...(i % 3 === 0 && { restartPolicy: 'Always' }),
    })),
    containers: containers(40, (i) => ({
      ports: [{ name: 'p', containerPort: 7000 + i }],
      readinessProbe: { tcpSocket: { port: 'p' } },
      livenessProbe: { tcpSocket: { port: 7000 + i } },
    })),
  }),
  made('a-huge-environment', {
    containers: containers(2, () => ({
      env: Array.from({ length: 500 }, (_, i) => ({ name: `V${i}`, value: '$(V0)'.repeat(40) })),
    })),
  }),
  made('sixty-volumes', {
    containers: containers(3, () => ({
      volumeMounts: Array.from({ length: 60 }, (_, i) => ({ name: `v${i}`, mountPath: `/v/${i}` })),
    })),
    volumes: Array.from({ length: 60 }, (_, i) => ({ name: `v${i}`, emptyDir: {} })),
  }),
]

const own = readCorpus(join(import.meta.dirname, 'corpus'))
const OWN = [...own.pods, ...LARGE]
const toInject = OWN.filter(({ family }) => family !== 'refused' && family !== 'skipped')
const ofFamily = (name: string) => OWN.filter(({ family }) => family === name)

test('the corpus is large, can be read, and each of its pods has a title of its own', () => {
  expect(own.unreadable).toEqual([])
  expect(toInject.length).toBeGreaterThanOrEqual(80)
  expect(new Set(OWN.map(({ title }) => title)).size).toBe(OWN.length)
})

test.each(toInject)('$title is well before it comes to us', ({ pod }) => {
  // Copies of injected pods have a volume mounted that is not theirs any more.
  expect(faultsOfPod(pod)).toEqual([])
})

test.each(toInject)(
  '$title is injected, in each layout, as it is written and as it is served',
  ({ pod }) => {
    for (const layout of LAYOUTS) {
      checkInjected(pod, layout)
      checkInjected(served(pod), layout)
      checkOthersWork(injected(pod, layout), layout)
    }
  },
)

test.each(ofFamily('refused'))('$title is refused by the field at fault', ({ pod }) => {
  const field = pod.metadata.annotations?.['expect']
  for (const layout of LAYOUTS) {
    const answer = inject(pod, factsFor(layout))
    expect(answer).toMatchObject({ kind: 'invalid', errors: [{ field }] })
  }
})

test.each(ofFamily('skipped'))('$title is left alone', ({ pod }) => {
  expect(inject(pod, facts).kind).toBe('skipped')
  expect(inject(served(pod), facts).kind).toBe('skipped')
})

test('quotas and limit ranges make warnings, and nothing else', () => {
  const metadata = { name: 'tight' }
  const hard = { 'limits.cpu': '1m', 'requests.memory': '1Mi', pods: '1' }
  const quotas: ResourceQuota[] = [{ metadata, spec: { hard }, status: { hard, used: {} } }]
  const limits = [{ type: 'Container', max: { cpu: '1m' }, min: { memory: '1Ti' } }]
  const limitRanges: LimitRange[] = [{ metadata, spec: { limits } }]
  for (const { pod } of toInject) {
    const known = injected(pod, 'native')
    const answer = inject(pod, { ...factsFor('native'), quotas, limitRanges }) as Injected
    expect(answer.patch).toEqual(known.patch)
    expect(answer.warnings).toEqual(expect.arrayContaining(known.warnings))
  }
})

const foreignFolder = process.env['AZDS_POD_CORPUS']
if (foreignFolder) checkFolder(foreignFolder)

/** Others' pods may be refused or left alone, may be wrong before they come to us, and may be no YAML at all. */
function checkFolder(folder: string): void {
  const { pods } = readCorpus(folder)
  test(`there are pods in ${folder}`, () => expect(pods.length).toBeGreaterThan(0))
  test.each(pods)('AZDS_POD_CORPUS $title', ({ pod }) => {
    for (const layout of LAYOUTS) {
      const isWell = faultsOfPod(pod).length === 0
      for (const before of isWell ? [pod, served(pod)] : [pod]) {
        const answer = inject(before, factsFor(layout))
        if (answer.kind === 'invalid') expect(answer.errors.length).toBeGreaterThan(0)
        if (answer.kind !== 'injected') continue
        checkInjected(before, layout)
        if (!answer.repaired) checkOthersWork(answer, layout)
      }
    }
  })
}

function injected(pod: Pod, layout: Layout): Injected {
  const answer = inject(pod, factsFor(layout))
  if (answer.kind !== 'injected') throw new Error(JSON.stringify(answer))
  return answer
}

/** The annotation of a pod is stronger than what the test would like. */
function checkInjected(before: Pod, wanted: Layout): void {
  const copy = structuredClone(before)
  const answer = injected(before, wanted)
  expectSame(before, copy)
  const after = answer.pod
  const native = answer.layout === 'native'

  const patch = JSON.parse(JSON.stringify(answer.patch))
  expectSame(applyPatch(before, patch), after)
  expectSame(applyStrictly(before, patch), after)

  // Of a pod that came with a sidecar only that is put right which is known to go wrong.
  if (!answer.repaired) {
    expect(forbiddenChanges(before, after, { native })).toEqual([])
    expect(sidecarFaults(after)).toEqual([])
  }
  expect(blindProbes(after, { native })).toEqual([])
  const wasWell = faultsOfPod(before).length === 0
  if (wasWell) expect(faultsOfPod(after)).toEqual([])

  expectNothingMore(after, wanted)
  if (wasWell) expectNothingMore(served(after), wanted)
}

function checkOthersWork({ pod: after, layout }: Injected, wanted: Layout): void {
  const native = layout === 'native'
  const changed = withOthersWork(after)
  expectNothingMore(changed.harmless, wanted)
  for (const pod of changed.harmful) {
    const repaired = injected(pod, wanted)
    expect(repaired.repaired).toBe(true)
    expectSame(applyStrictly(pod, JSON.parse(JSON.stringify(repaired.patch))), repaired.pod)
    const [now, known] = [appOf(repaired.pod), appOf(after).map(({ name }) => name)]
    expectSame(
      now.filter(({ name }) => known.includes(name)),
      appOf(after),
    )
    expect(sidecarFaults(repaired.pod)).toEqual([])
    expect(blindProbes(repaired.pod, { native })).toEqual([])
    expectNothingMore(repaired.pod, wanted)
  }
}

/** Jest's own comparison is slow; it is asked only to show a difference. */
function expectSame(found: unknown, wanted: unknown): void {
  if (!isSameJson(found, wanted)) expect(found).toEqual(wanted)
}

function expectNothingMore(pod: Pod, layout: Layout): void {
  const answer = inject(pod, factsFor(layout))
  expect(answer).toEqual({ kind: 'skipped', reason: 'already-injected' })
  expect(statusOf(pod)).not.toBeNull()
}

function appOf({ spec }: Pod): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers].filter((one) => !isOurs(one))
}
