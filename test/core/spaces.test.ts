/** The tree of spaces: chains at any depth, faults that are reported and never followed. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  chainOf,
  describeProblem,
  displayPath,
  problemOfParent,
  type Space,
  spaceOf,
} from '../../core/spaces.ts'

/** `{ alice: 'dev', dev: null }` as a map of spaces. */
function spacesOf(parents: Record<string, string | null>): Map<string, Space> {
  return new Map(Object.entries(parents).map(([name, parent]) => [name, { name, parent }]))
}

test.each([
  [{}, null],
  [{ 'azds.io/space': 'false' }, null],
  [{ 'azds.io/space': 'True' }, null],
  [{ 'azds.io/parent-space': 'dev' }, null],
  [{ 'azds.io/space': 'true' }, { name: 'x', parent: null }],
  [
    { 'azds.io/space': 'true', 'azds.io/parent-space': '' },
    { name: 'x', parent: null },
  ],
  [
    { 'azds.io/space': 'true', 'azds.io/parent-space': 'dev' },
    { name: 'x', parent: 'dev' },
  ],
])('labels %j make the space %j', (labels, space) => {
  expect(spaceOf('x', labels as Record<string, string>)).toEqual(space)
})

test('a namespace without labels is no space', () => {
  expect(spaceOf('x', undefined)).toBeNull()
})

test('a chain runs from the space to the root', () => {
  const spaces = spacesOf({ dev: null, alice: 'dev', feature: 'alice' })
  expect(chainOf(spaces, 'feature')).toEqual({ names: ['feature', 'alice', 'dev'], problem: null })
  expect(displayPath(chainOf(spaces, 'feature'))).toBe('dev/alice/feature')
})

test('a missing parent ends the chain at the space that names it', () => {
  const chain = chainOf(spacesOf({ alice: 'dev', feature: 'alice' }), 'feature')
  expect(chain).toEqual({
    names: ['feature', 'alice'],
    problem: { code: 'parent-missing', space: 'alice', parent: 'dev' },
  })
  expect(chain.problem && describeProblem(chain.problem)).toMatch(/"alice" names the parent "dev"/)
})

test.each([
  ['itself', { a: 'a' }, 'a', ['a'], ['a']],
  ['two', { a: 'b', b: 'a' }, 'a', ['a'], ['a', 'b']],
  ['three', { a: 'b', b: 'c', c: 'a' }, 'b', ['b'], ['b', 'c', 'a']],
  ['a cycle further up', { x: 'y', y: 'a', a: 'b', b: 'a' }, 'x', ['x', 'y'], ['a', 'b']],
])('a cycle of %s is reported and not followed', (_, parents, start, names, cycle) => {
  const chain = chainOf(spacesOf(parents as unknown as Record<string, string>), start)
  expect(chain).toEqual({ names, problem: { code: 'cycle', spaces: cycle } })
  for (const name of cycle) expect(chain.problem && describeProblem(chain.problem)).toContain(name)
})

test.each([
  ['a new root', { name: 'x', parent: null }, null],
  ['a new child', { name: 'x', parent: 'alice' }, null],
  ['a move within the tree', { name: 'alice', parent: 'bob' }, null],
  ['itself as parent', { name: 'x', parent: 'x' }, 'cycle'],
  ['a move below its own child', { name: 'dev', parent: 'alice' }, 'cycle'],
  ['a parent that is no space', { name: 'x', parent: 'nobody' }, 'parent-missing'],
])('%s makes the problem %j', (_, candidate, code) => {
  const spaces = spacesOf({ dev: null, alice: 'dev', bob: 'dev' })
  expect(problemOfParent(spaces, candidate)?.code ?? null).toBe(code)
  expect(spaces.get('dev')?.parent).toBeNull()
})

/** Any parent map over a few names, with cycles and missing parents as they come. */
const anyParents = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'gone')),
  { minKeys: 1 },
)

test('a chain always ends, never has a name twice, and each step is a parent', () => {
  fc.assert(
    fc.property(anyParents, (parents) => {
      const spaces = spacesOf(parents)
      for (const name of spaces.keys()) {
        const { names, problem } = chainOf(spaces, name)
        expect(names[0]).toBe(name)
        expect(new Set(names).size).toBe(names.length)
        for (let i = 1; i < names.length; i++) {
          expect(spaces.get(names[i - 1] as string)?.parent).toBe(names[i])
        }
        if (!problem) expect(spaces.get(names.at(-1) as string)?.parent).toBeNull()
      }
    }),
  )
})

test('a chain and those of its ancestors end at the same root', () => {
  fc.assert(
    fc.property(anyParents, (parents) => {
      const spaces = spacesOf(parents)
      for (const name of spaces.keys()) {
        const { names, problem } = chainOf(spaces, name)
        if (problem) continue
        for (const above of names) expect(chainOf(spaces, above).names.at(-1)).toBe(names.at(-1))
      }
    }),
  )
})

test('depth has no limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), (depth) => {
      const spaces = new Map<string, Space>()
      for (let i = 0; i < depth; i++) {
        spaces.set(`s${i}`, { name: `s${i}`, parent: i === 0 ? null : `s${i - 1}` })
      }
      expect(chainOf(spaces, `s${depth - 1}`)).toMatchObject({ problem: null })
      expect(chainOf(spaces, `s${depth - 1}`).names).toHaveLength(depth)
      expect(problemOfParent(spaces, { name: 's0', parent: `s${depth - 1}` })?.code).toBe('cycle')
    }),
    { numRuns: 20 },
  )
})
