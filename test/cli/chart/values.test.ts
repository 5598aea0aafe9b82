import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { ownChart } from '../../../cli/chart/files.ts'
import { checkValues } from '../../../cli/chart/render.ts'
import { faultsOfValues } from '../../../cli/chart/schema.ts'
import {
  defaultValues,
  flatValues,
  mergeValues,
  parseSet,
  parseValues,
  type Values,
  valuesOver,
} from '../../../cli/chart/values.ts'

test.each<[string, Values]>([
  ['a=1', { a: 1 }],
  ['a.b=x,a.c=true', { a: { b: 'x', c: true } }],
  ['a=', { a: '' }],
  ['a=null', { a: null }],
  ['a=0123', { a: '0123' }],
  ['a={x,1}', { a: ['x', 1] }],
  ['a={}', { a: [] }],
  ['a[1].b=x,a[0].b=y', { a: [{ b: 'y' }, { b: 'x' }] }],
  ['a.kubernetes\\.io/os=linux', { a: { 'kubernetes.io/os': 'linux' } }],
  ['a=x\\,y', { a: 'x,y' }],
  ['a=k=v', { a: 'k=v' }],
])('--set %s is %j', (text, values) => {
  expect(parseSet(text)).toEqual(values)
})

test.each([
  ['a', '--set a: expected KEY=VALUE'],
  ['=1', '--set =1: expected KEY=VALUE'],
  ['a[x]=1', '--set a[x]=1: "a[x]" is no key'],
  ['a[99999]=1', '--set a[99999]=1: no list has 99999 items'],
  ['a=1,a.b=2', '--set a.b=2: "a" has a value already'],
])('--set %s is refused', (text, message) => {
  expect(() => parseSet(text)).toThrow(message)
})

test('--set cannot reach what all objects share', () => {
  const values = parseSet('__proto__.polluted=yes')
  expect(({} as Values)['polluted']).toBeUndefined()
  expect(Object.keys(values)).toEqual(['__proto__'])
})

test('maps are merged, the rest is replaced, null takes a key away, and nothing given is changed', () => {
  const base = { a: { b: 1, c: [1, 2] }, d: 1, e: 2 }
  const merged = mergeValues(base, { a: { c: [3] }, d: null, f: { g: null } })
  expect(merged).toEqual({ a: { b: 1, c: [3] }, e: 2, f: {} })
  expect(base).toEqual({ a: { b: 1, c: [1, 2] }, d: 1, e: 2 })
})

test('what is remembered of values gives them back over the defaults', () => {
  const values = fc.object({ maxDepth: 3, key: fc.constantFrom('a', 'b', 'c'), values: [fc.nat()] })
  fc.assert(
    fc.property(values, values, (base, own) => {
      const all = mergeValues(base as Values, own as Values)
      expect(mergeValues(base as Values, valuesOver(base as Values, all))).toEqual(all)
    }),
  )
})

test('a file of values holds one map', () => {
  expect(parseValues('f.yaml', '')).toEqual({})
  expect(() => parseValues('f.yaml', '- a')).toThrow('f.yaml: expected one map of values')
  expect(() => parseValues('f.yaml', 'a: 1\n---\nb: 1')).toThrow('f.yaml: expected one map')
  expect(() => parseValues('f.yaml', 'a: [')).toThrow('f.yaml: ')
})

test('values are flattened by their paths', () => {
  const flat = flatValues({ a: { 'b.c': 1, d: {} }, e: [1] })
  expect([...flat]).toEqual([
    ['a.b\\.c', 1],
    ['a.d', {}],
    ['e', [1]],
  ])
})

const SCHEMA = {
  definitions: { port: { type: 'integer', minimum: 1, maximum: 65535 } },
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 4 },
    port: { $ref: '#/definitions/port' },
    kind: { enum: ['', 'x'] },
    size: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    list: { type: 'array', minItems: 1, maxItems: 2, uniqueItems: true, items: { type: 'number' } },
  },
}

test.each<[unknown, string[]]>([
  [{ name: 'ab', port: 80, kind: 'x', size: 1, list: [1.5] }, []],
  [{ name: 'A' }, ['name: "A" is not of the form ^[a-z]+$', 'name: it is too short']],
  [{ name: 'abcde' }, ['name: it is too long']],
  [{}, ['name: is missing']],
  [{ name: 'ab', port: 0 }, ['port: 0 is below 1']],
  [{ name: 'ab', port: 1e6 }, ['port: 1000000 is above 65535']],
  [{ name: 'ab', port: '80' }, ['port: expected integer, not string']],
  [{ name: 'ab', kind: 'y' }, ['kind: "y" is none of "", x']],
  [{ name: 'ab', size: true }, ['size: expected string, not boolean']],
  [{ name: 'ab', list: [] }, ['list: needs 1 or more items']],
  [
    { name: 'ab', list: [1, 1, 'a'] },
    [
      'list: may have 2 items at most',
      'list: has an item twice',
      'list[2]: expected number, not string',
    ],
  ],
  [{ name: 'ab', nmae: 1 }, ['nmae: there is no such value; did you mean name?']],
  [{ name: 'ab', colour: 1 }, ['colour: there is no such value']],
  ['text', ['the values: expected object, not string']],
])('%j has the faults %j', (value, faults) => {
  expect(faultsOfValues(SCHEMA, value)).toEqual(faults)
})

test('a value of the wrong form is told what it should be, in words', () => {
  const files = ownChart()
  for (const [values, fault] of [
    [{ image: { registry: 'r/' } }, 'image.registry: "r/" is not a registry, such as'],
    [{ image: { digests: { proxy: 'x' } } }, 'image.digests.proxy: "x" is not a digest: sha256:'],
    [{ clusterDomain: 'a.' }, 'clusterDomain: "a." is not a DNS domain, such as'],
  ] as const) {
    expect(() => checkValues(files, mergeValues(defaultValues(files), values))).toThrow(fault)
  }
  // No pattern without its words.
  const schema = readFileSync(
    join(import.meta.dirname, '../../../deploy/chart/values.schema.json'),
    'utf8',
  )
  const explained = schema.match(/"description": "[^"]+",\s*"pattern":/g)
  expect(explained).toHaveLength(schema.match(/"pattern":/g)?.length ?? -1)
})

test('a schema with a keyword that is not known is refused, not passed over', () => {
  expect(() => faultsOfValues({ oneOf: [] }, {})).toThrow('"oneOf" at the values is not known here')
  expect(() => faultsOfValues({ $ref: '#/definitions/x' }, {})).toThrow('leads nowhere')
})

test('our own defaults pass our own schema, and a typing error does not', () => {
  const files = ownChart()
  const defaults = defaultValues(files)
  expect(() => checkValues(files, defaults)).not.toThrow()
  const wrong = mergeValues(defaults, { webhook: { replica: 3 } })
  expect(() => checkValues(files, wrong)).toThrow(
    'webhook.replica: there is no such value; did you mean replicas?',
  )
})
