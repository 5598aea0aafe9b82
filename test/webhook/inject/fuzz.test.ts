/** Mangled pods: whatever is wrong with one, the answer is whole, names a field, and is the same the second time. */
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Pod } from '../../../core/kube/types.ts'
import { inject } from '../../../webhook/inject/inject.ts'
import { applyPatch } from '../../../webhook/inject/patch.ts'
import { factsOf, node } from '../cluster-fixture.ts'
import { readCorpus } from '../corpus/read-corpus.ts'

const native = await factsOf('alice-web')
const classic = await factsOf('alice-web', undefined, [node('old', 'v1.27.3')])

/** As they come over the wire: JSON, without the anchors that YAML may have. */
const pods: string[] = ['golden', 'corpus']
  .flatMap((folder) => readCorpus(join(import.meta.dirname, '..', folder)).pods)
  .map(({ pod }) => {
    // Where it goes is the facts' matter.
    const { namespace: _, ...metadata } = pod.metadata
    return JSON.stringify({ ...pod, metadata })
  })

type Place = { parent: Record<string, unknown>; key: string }

/** Every place of a value that something else could be put into. */
function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const parent = value as Record<string, unknown>
  return Object.keys(parent).flatMap((key) => [{ parent, key }, ...placesIn(parent[key])])
}

const junk = fc.oneof(
  fc.constantFrom(null, true, 0, -1, 1.5, '', 'text', '$(X)', [], {}, [null], [[]], [{}], {
    a: null,
  }),
  fc.jsonValue({ maxDepth: 2 }),
)
const oddKey = fc.constantFrom(
  'a/b',
  'a~b',
  '~0',
  '~1',
  '~01',
  '/',
  '',
  'constructor',
  'toString',
  '__proto__',
)

interface Change {
  at: number
  value: unknown
  /** Puts the value beside the place, under this key, instead of into it. */
  beside: string | null
}
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  value: junk,
  beside: fc.option(oddKey, { freq: 3 }),
})

function mangled(text: string, changes: readonly Change[]): unknown {
  const pod = JSON.parse(text)
  for (const { at, value, beside } of changes) {
    const places = placesIn(pod)
    const place = places[at % places.length]
    if (!place) break
    const key = beside !== null && !Array.isArray(place.parent) ? beside : place.key
    Object.defineProperty(place.parent, key, {
      ...{ value: structuredClone(value), enumerable: true, configurable: true, writable: true },
    })
  }
  // Over the wire, as every pod comes.
  return JSON.parse(JSON.stringify(pod))
}

/** All own keys count, also `__proto__`, which `toEqual` passes over; their order does not. */
function sortedText(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    const entries = Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries)
  })
}

const anyPod = fc
  .tuple(fc.constantFrom(...pods), fc.array(change, { maxLength: 3 }))
  .map(([text, changes]) => mangled(text, changes))

test.each([
  ['native', native],
  ['classic', classic],
])(
  'a mangled pod is refused by field, left alone, or injected once and for all: %s',
  (_, facts) => {
    fc.assert(
      fc.property(anyPod, (before) => {
        const copy = structuredClone(before)
        const result = inject(before, facts)
        expect(before).toEqual(copy)
        if (result.kind === 'invalid') {
          expect(result.errors.length).toBeGreaterThan(0)
          for (const { field, message } of result.errors) {
            expect(field).toMatch(/^(\(pod\)|kind|metadata|spec|namespace ")/)
            expect(message).not.toMatch(/undefined|\[object|TypeError/)
          }
        }
        if (result.kind !== 'injected') return
        for (const warning of result.warnings) expect(warning).not.toMatch(/undefined|\[object/)
        const overTheWire = JSON.parse(JSON.stringify(result.patch))
        const after = applyPatch(before as Pod, overTheWire)
        expect(sortedText(after)).toBe(sortedText(result.pod))
        expect(inject(after, facts)).toEqual({ kind: 'skipped', reason: 'already-injected' })
      }),
      { numRuns: 1000 },
    )
  },
)
