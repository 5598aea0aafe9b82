/** What holds for the corpus holds for pods with any field of the Kubernetes schema anywhere, as far as they are pods. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Injection, inject } from '../../../webhook/inject/inject.ts'
import type { Layout } from '../../../webhook/inject/layout.ts'
import { factsOf } from '../cluster-fixture.ts'
import { forbiddenChanges } from '../corpus/allowed-changes.ts'
import { served } from '../corpus/pod-validity.ts'
import { blindProbes, sidecarFaults } from '../corpus/promises.ts'
import { randomPod } from '../corpus/random-pod.ts'
import { applyStrictly, isSameJson } from '../corpus/strict-json-patch.ts'

const facts = await factsOf('alice')
const AGAIN: Injection = { kind: 'skipped', reason: 'already-injected' }

test.each<Layout>(['native', 'classic'])('any pod at all: %s', (layout) => {
  const seen = { injected: 0, skipped: 0, invalid: 0 }
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), (seed, asServed) => {
      const pod = asServed ? served(randomPod(seed)) : randomPod(seed)
      const answer = inject(pod, { ...facts, layout })
      seen[answer.kind] += 1
      if (answer.kind !== 'injected') return
      const after = answer.pod
      const native = answer.layout === 'native'
      const applied = applyStrictly(pod, JSON.parse(JSON.stringify(answer.patch)))
      expect(isSameJson(applied, after)).toBe(true)
      expect(forbiddenChanges(pod, after, { native })).toEqual([])
      expect(sidecarFaults(after)).toEqual([])
      expect(blindProbes(after, { native })).toEqual([])
      expect(inject(after, { ...facts, layout })).toEqual(AGAIN)
      expect(inject(served(after), { ...facts, layout })).toEqual(AGAIN)
    }),
    { numRuns: 120 },
  )
  // Else the property would say nothing.
  expect(seen.injected).toBeGreaterThan(40)
})
