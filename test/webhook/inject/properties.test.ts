/** What must hold for every pod: the patch gives the pod, once is enough, the app is not touched. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { statusOf } from '../../../core/injection/status.ts'
import type { Container, Pod, Service } from '../../../core/kube/types.ts'
import { CONTAINER, IDENTITY_VOLUME, PORT } from '../../../core/names.ts'
import { inject } from '../../../webhook/inject/inject.ts'
import { applyPatch } from '../../../webhook/inject/patch.ts'
import { factsOf, node } from '../cluster-fixture.ts'

const OURS: readonly string[] = Object.values(CONTAINER)
const native = await factsOf('alice-web')
const classic = await factsOf('alice-web', undefined, [node('old', 'v1.27.3')])

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/).filter((text) => !OURS.includes(text))
const unknown = fc.dictionary(
  fc.stringMatching(/^future[A-Za-z]{0,6}$/),
  fc.jsonValue({ maxDepth: 3 }),
  { maxKeys: 3, noNullPrototype: true },
)
const container: fc.Arbitrary<Container> = fc
  .tuple(
    fc.record(
      {
        image: fc.constantFrom('web:1', 'registry:5000/db@sha256:00', 'a'),
        env: fc.array(fc.record({ name, value: fc.string() }), { maxLength: 3 }),
        ports: fc.array(fc.record({ containerPort: fc.integer({ min: 1, max: 9999 }) }), {
          maxLength: 2,
        }),
        securityContext: fc.record({ runAsUser: fc.integer({ min: 1336, max: 1340 }) }),
        restartPolicy: fc.constant('Always'),
      },
      { requiredKeys: [] },
    ),
    unknown,
    name,
  )
  .map(([known, rest, name]) => ({ ...rest, ...known, name }) as Container)

const labels = fc.dictionary(name, fc.string(), { maxKeys: 3, noNullPrototype: true })
/** Lists are drawn together, because a name is used once in a pod. */
const containers = fc.uniqueArray(container, {
  minLength: 1,
  maxLength: 6,
  selector: (c) => c.name,
})

const pod: fc.Arbitrary<Pod> = fc
  .record({
    containers,
    inits: fc.nat({ max: 5 }),
    noInitList: fc.boolean(),
    metadata: fc.record({ labels, annotations: labels }, { requiredKeys: [] }),
    restOfMetadata: unknown,
    restOfSpec: unknown,
    restOfPod: unknown,
  })
  .map(({ containers, inits, noInitList, metadata, ...rest }) => {
    const count = Math.min(inits, containers.length - 1)
    return {
      ...rest.restOfPod,
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...rest.restOfMetadata, ...metadata, name: 'web', namespace: 'alice-web' },
      spec: {
        ...rest.restOfSpec,
        containers: containers.slice(count),
        ...((count > 0 || !noInitList) && { initContainers: containers.slice(0, count) }),
      },
    }
  })
  // As it comes off the wire: text knows no -0.
  .map((value) => JSON.parse(JSON.stringify(value)) as Pod)

const withoutOurs = (list: Container[] = []) => list.filter(({ name }) => !OURS.includes(name))

test.each([
  { layout: 'native', facts: native },
  { layout: 'classic', facts: classic },
])('with the $layout layout the patch gives the pod, and the app is as before', ({ facts }) => {
  fc.assert(
    fc.property(pod, (before) => {
      const text = JSON.stringify(before)
      const answer = inject(before, facts)
      if (answer.kind !== 'injected') throw new Error(`not injected: ${JSON.stringify(answer)}`)
      expect(JSON.stringify(before)).toBe(text)
      expect(applyPatch(before, answer.patch)).toEqual(answer.pod)

      const { initContainers, containers, ...spec } = answer.pod.spec
      const { initContainers: initsBefore, containers: before_, ...specBefore } = before.spec
      expect(withoutOurs(containers)).toEqual(before_)
      expect(withoutOurs(initContainers)).toEqual(initsBefore ?? [])
      const { volumes = [], ...restOfSpec } = spec
      const { volumes: volumesBefore = [], ...restBefore } = specBefore
      expect(volumes).toEqual([
        ...volumesBefore,
        { name: IDENTITY_VOLUME, projected: expect.anything() },
      ])
      expect(restOfSpec).toEqual(restBefore)
      expect(answer.pod.metadata.labels).toMatchObject(before.metadata.labels ?? {})
      expect(answer.pod.metadata.annotations).toMatchObject(before.metadata.annotations ?? {})
    }),
  )
})

/** Services that may select the pods, and say what may send a port to the app or to the sidecar. */
const service: fc.Arbitrary<Service> = fc.record({
  metadata: fc.record({ name, namespace: fc.constant('alice-web') }),
  spec: fc.record({
    selector: fc.constantFrom({}, { 'azds.io/instrumented': 'true' }, { app: 'web' }),
    ports: fc.array(
      fc.record(
        {
          port: fc.integer({ min: 1, max: 9999 }),
          name: fc.constantFrom('http', 'tcp'),
          appProtocol: fc.constantFrom('tcp', 'http', 'tls', 'x'),
        },
        { requiredKeys: ['port'] },
      ),
      { maxLength: 3 },
    ),
  }),
})
const services = fc.array(service, { maxLength: 3 })
const facts = fc.constantFrom(native, classic)

test('a second admission changes nothing, whatever order the pod has come to, and whatever Services say by then', () => {
  fc.assert(
    fc.property(
      ...[pod, facts, fc.boolean(), services, services],
      (before, facts, turned, known, later) => {
        before.metadata.labels = { ...before.metadata.labels, app: 'web' }
        const first = inject(before, { ...facts, services: known })
        if (first.kind !== 'injected') throw new Error('not injected')
        const again = structuredClone(first.pod)
        // Another webhook may have put its own container first.
        if (turned)
          again.spec.initContainers?.unshift({ name: 'zz-other-webhooks-own', image: 'x' })
        const second = inject(again, { ...facts, services: later })
        expect(second).toEqual({ kind: 'skipped', reason: 'already-injected' })
        expect(statusOf(again)?.direct).toEqual(first.direct)
      },
    ),
  )
})

test('a native sidecar that lost its restartPolicy gets back just that', () => {
  fc.assert(
    fc.property(pod, (before) => {
      const first = inject(before, native)
      if (first.kind !== 'injected') throw new Error('not injected')
      const stripped = structuredClone(first.pod)
      for (const item of stripped.spec.initContainers ?? []) {
        if (item.name === CONTAINER.proxy) delete item.restartPolicy
      }
      const second = inject(stripped, native)
      expect(second).toMatchObject({ kind: 'injected', repaired: true, pod: first.pod })
      expect(second.kind === 'injected' && second.patch).toHaveLength(1)
    }),
  )
})

test('what is put right is replaced as a whole where a part of it could not be named in a patch', () => {
  const plain = { metadata: { name: 'web' }, spec: { containers: [{ name: 'web' }] } }
  const first = inject(plain, native)
  if (first.kind !== 'injected') throw new Error('not injected')
  const text = JSON.stringify(first.pod)
    .replace('"audience"', '"__proto__":{"a":1},"b":{"__proto__":2},"audience2"')
    .replaceAll('"readOnly":true', '"__proto__":1')
  const changed = JSON.parse(text) as Pod
  const second = inject(changed, native)
  if (second.kind !== 'injected') throw new Error(second.kind)
  expect(applyPatch(changed, second.patch)).toEqual(first.pod)
  expect(JSON.stringify(second.pod)).not.toContain('__proto__')
})

test('a container with one of our names is refused, wherever it stands', () => {
  fc.assert(
    fc.property(pod, fc.constantFrom(...OURS), fc.nat(), (before, taken, at) => {
      const lists = [before.spec.containers, before.spec.initContainers ?? []]
      const list = lists.flat()
      const index = at % list.length
      const victim = list[index]
      if (victim) victim.name = taken
      expect(inject(before, native)).toMatchObject({
        kind: 'invalid',
        errors: [{ field: expect.stringMatching(/^spec\.(initC|c)ontainers\[\d+\]\.name$/) }],
      })
    }),
  )
})

test('a container that declares one of our TCP ports is refused', () => {
  fc.assert(
    fc.property(pod, fc.constantFrom(...Object.values(PORT)), (before, containerPort) => {
      const last = before.spec.containers.length - 1
      const victim = before.spec.containers[last]
      if (victim) victim.ports = [{ containerPort: 80 }, { containerPort }]
      expect(inject(before, native)).toMatchObject({
        kind: 'invalid',
        errors: [{ field: `spec.containers[${last}].ports[1].containerPort` }],
      })
    }),
  )
})

test('any JSON at all gets an answer, never an exception', () => {
  const mangled = fc
    .tuple(pod, fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...PATHS))
    .map(([before, junk, path]) => withValue(before, path, junk))
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), mangled), (value) => {
      expect(['injected', 'skipped', 'invalid']).toContain(inject(value, native).kind)
    }),
    { numRuns: 500 },
  )
})

const PATHS = [
  ['metadata'],
  ['metadata', 'labels'],
  ['metadata', 'annotations'],
  ['metadata', 'ownerReferences'],
  ['spec'],
  ['spec', 'containers'],
  ['spec', 'containers', 0],
  ['spec', 'containers', 0, 'name'],
  ['spec', 'containers', 0, 'ports'],
  ['spec', 'containers', 0, 'securityContext'],
  ['spec', 'containers', 0, 'image'],
  ['spec', 'containers', 0, 'livenessProbe'],
  ['spec', 'initContainers'],
  ['spec', 'ephemeralContainers'],
  ['spec', 'nodeSelector'],
  ['spec', 'securityContext'],
  ['spec', 'os'],
  ['spec', 'dnsPolicy'],
  ['spec', 'restartPolicy'],
]

function withValue(before: Pod, path: (string | number)[], value: unknown): unknown {
  const copy: unknown = structuredClone(before)
  let place = copy as Record<string | number, unknown>
  for (const key of path.slice(0, -1)) place = place[key] as Record<string | number, unknown>
  place[path.at(-1) ?? ''] = value
  return copy
}
