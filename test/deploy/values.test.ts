/** Every value of the chart says what it is, and is in the schema with its default; the chart has the project's version. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { valueRows } from '../../scripts/reference/values.ts'
import { ROOT } from './manifests-fixture.ts'

const CHART = join(ROOT, 'deploy/chart')
const text = readFileSync(join(CHART, 'values.yaml'), 'utf8')
const rows = valueRows(text)

type Tree = Record<string, unknown>
const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Paths of all values that hold no others. */
function leavesOf(tree: Tree, above = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const path = `${above}${key}`
    const isLeaf = !isTree(value) || Object.keys(value).length === 0
    return isLeaf ? [path] : leavesOf(value, `${path}.`)
  })
}

test.each(leavesOf(parse(text)))('%s has a comment, or what it is in has one', (path) => {
  const about = rows.find((row) => path === row.path || path.startsWith(`${row.path}.`))
  expect(about?.about).toMatch(/\w{3}.*\.$/)
})

test('the schema has the same keys as the values, and forbids all others', () => {
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'))
  const check = (values: Tree, about: Tree | undefined, path: string) => {
    const properties = about?.['properties'] as Tree | undefined
    if (!properties) return
    expect([path, about?.['additionalProperties']]).toEqual([path, false])
    const known = Object.keys(properties).filter((key) => key !== 'global')
    if (path !== 'image.digests') expect([path, Object.keys(values)]).toEqual([path, known])
    for (const [key, value] of Object.entries(values)) {
      if (isTree(value)) check(value, properties[key] as Tree, path === '' ? key : `${path}.${key}`)
    }
  }
  check(parse(text), schema, '')
})

test('chart, programs and package have one version', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'))
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect([chart.version, chart.appVersion]).toEqual([version, version])
})

test('what is below a key with a comment is its default', () => {
  const found = valueRows(
    '# First.\na:\n  b: { c: 1 }\n# Two\n# lines.\nd:\n  e: [x]\nf:\n  # Deep.\n  g: yes\n',
  )
  expect(found).toEqual([
    { path: 'a', default: '{"b":{"c":1}}', about: 'First.' },
    { path: 'd', default: '{"e":["x"]}', about: 'Two lines.' },
    { path: 'f.g', default: '"yes"', about: 'Deep.' },
  ])
})
