import { expect, test } from '@jest/globals'
import { applyPatch } from '../../../playground/apiserver/patch.ts'

const STRATEGIC = 'application/strategic-merge-patch+json'
const MERGE = 'application/merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'

const deployment = {
  metadata: { name: 'web', labels: { app: 'web', tier: 'front' }, finalizers: ['a', 'b'] },
  spec: {
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
    template: {
      spec: {
        containers: [
          {
            name: 'web',
            image: 'web:1',
            args: ['a'],
            env: [
              { name: 'A', value: '1' },
              { name: 'B', value: '2' },
            ],
            ports: [{ containerPort: 80 }, { containerPort: 81 }],
          },
          { name: 'side', image: 'side:1' },
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  },
}

const podPatch = (spec: object) => ({ spec: { template: { spec } } })
const patched = (patch: object) => applyPatch(STRATEGIC, deployment, patch, 'V1Deployment')
// biome-ignore lint/suspicious/noExplicitAny: a test looks into the middle of an object
const podOf = (object: any) => object.spec.template.spec

test('a strategic patch merges containers by name and their variables by name', () => {
  const containers = [{ name: 'web', image: 'web:2', env: [{ name: 'B', value: '3' }] }]
  const [web, side] = podOf(patched(podPatch({ containers }))).containers
  expect(web).toMatchObject({ image: 'web:2', args: ['a'] })
  expect(web.env).toEqual([
    { name: 'A', value: '1' },
    { name: 'B', value: '3' },
  ])
  expect(side).toEqual({ name: 'side', image: 'side:1' })
})

test('a strategic patch replaces lists without a merge key', () => {
  const containers = [{ name: 'web', args: ['b', 'c'] }]
  expect(podOf(patched(podPatch({ containers }))).containers[0].args).toEqual(['b', 'c'])
})

test('a strategic patch deletes list items and fields', () => {
  const containers = [
    { name: 'side', $patch: 'delete' },
    { name: 'web', args: null, ports: [{ containerPort: 80, $patch: 'delete' }] },
  ]
  const [web, ...others] = podOf(patched(podPatch({ containers }))).containers
  expect(others).toEqual([])
  expect(web.args).toBeUndefined()
  expect(web.ports).toEqual([{ containerPort: 81 }])
})

test('a strategic patch can replace a whole list or object', () => {
  const list = podPatch({ containers: [{ $patch: 'replace' }, { name: 'new', image: 'new:1' }] })
  expect(podOf(patched(list)).containers).toEqual([{ name: 'new', image: 'new:1' }])
  const object = { metadata: { labels: { $patch: 'replace', only: 'one' } } }
  expect(patched(object)['metadata']).toMatchObject({ labels: { only: 'one' } })
})

test('a strategic patch keeps only the named keys of a union', () => {
  const strategy = { $retainKeys: ['type'], type: 'Recreate' }
  expect(patched({ spec: { strategy } })['spec']).toMatchObject({ strategy: { type: 'Recreate' } })
  const after = patched({ spec: { strategy } })['spec'] as { strategy: object }
  expect(after.strategy).toEqual({ type: 'Recreate' })
})

test('a strategic patch orders list items as it is told', () => {
  const patch = podPatch({
    $setElementOrder: undefined,
    '$setElementOrder/containers': [{ name: 'side' }, { name: 'web' }],
    containers: [{ name: 'web', image: 'web:2' }],
  })
  const names = podOf(patched(patch)).containers.map(({ name }: { name: string }) => name)
  expect(names).toEqual(['side', 'web'])
})

test('a strategic patch takes single values out of a set', () => {
  const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] } }
  expect(patched(patch)['metadata']).toMatchObject({ finalizers: ['b', 'c'] })
})

test('a strategic patch whose list item has no merge key is refused', () => {
  expect(() => patched(podPatch({ containers: [{ image: 'x' }] }))).toThrow('merge key: name')
})

test('a custom resource takes no strategic patch', () => {
  expect(() => applyPatch(STRATEGIC, {}, {}, null)).toThrow('unknown format')
})

test('a merge patch replaces lists and removes nulls', () => {
  const after = applyPatch(
    MERGE,
    { a: { b: 1, c: [1, 2] }, d: 1 },
    { a: { b: null, c: [3] }, e: { f: null, g: 1 } },
    null,
  )
  expect(after).toEqual({ a: { c: [3] }, d: 1, e: { g: 1 } })
})

test('a JSON patch works on a copy and fails as a whole', () => {
  const live = { a: [1], b: 1 }
  const add = [{ op: 'add', path: '/a/-', value: 2 }]
  expect(applyPatch(JSON_PATCH, live, add, null)).toEqual({ a: [1, 2], b: 1 })
  const fails = [...add, { op: 'test', path: '/b', value: 2 }]
  expect(() => applyPatch(JSON_PATCH, live, fails, null)).toThrow('rejected')
  expect(live).toEqual({ a: [1], b: 1 })
})
