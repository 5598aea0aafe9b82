/** Tables for kubectl: when they are asked for, and what stands in them. */
import { expect, test } from '@jest/globals'
import { spaceOf, traceOf } from '../../../controller/resources/objects.ts'
import { shortDuration } from '../../../controller/resources/short-duration.ts'
import { tableOf, wantsTable } from '../../../controller/resources/table.ts'
import { summarize, summaryRecord } from '../../../core/trace-summary.ts'
import { START, sampleTrace, traceIdOf } from '../../core/sample-records.ts'

const KUBECTL =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'

test.each([
  [KUBECTL, true],
  ['application/json; as=Table; v=v1; g=meta.k8s.io', true],
  ['application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json', false],
  ['application/json,application/json;as=Table;v=v1;g=meta.k8s.io', false],
  ['application/json', false],
  ['*/*', false],
  [undefined, false],
])('%p asks for a table: %p', (accept, expected) => {
  expect(wantsTable(accept)).toBe(expected)
})

test('a trace is one row, with its metadata beside it for kubectl', () => {
  const summary = summarize(sampleTrace().map(summaryRecord))
  if (!summary) throw new Error('no summary')
  const trace = traceOf(summary, 'alice', 'azds')
  const table = tableOf('Trace', [trace], { include: 'Metadata', now: START + 65_000 })
  const cellOf = (name: string) =>
    table.rows[0]?.cells[table.columnDefinitions.findIndex((column) => column.name === name)]
  expect(cellOf('Name')).toBe(traceIdOf(7))
  expect(cellOf('Method')).toBe('GET')
  expect(cellOf('Path')).toBe('/cart')
  expect(cellOf('Space')).toBe('alice')
  expect(cellOf('Age')).toBe('65s')
  expect(cellOf('Services')).toBe('web,orders,stock')
  expect(table.columnDefinitions.filter(({ priority }) => priority > 0)).toHaveLength(2)
  expect(table.rows[0]?.object).toEqual({
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {
      name: traceIdOf(7),
      namespace: 'alice',
      creationTimestamp: '2026-03-01T12:00:00Z',
    },
  })
  const bare = tableOf('Trace', [trace], { include: 'None', now: START })
  expect(bare.rows[0]).not.toHaveProperty('object')
})

test('over all namespaces a trace is shown under one that sees it', () => {
  const [first] = sampleTrace()
  if (!first) throw new Error('no record')
  const homeOf = (change: object, route: object = {}) => {
    const record = { ...first, ...change, route: { ...first.route, ...route } }
    const summary = summarize([summaryRecord(record)])
    return summary && traceOf(summary, null, 'azds').metadata.namespace
  }
  const target = { space: 'bob', name: 'web', port: 80 }
  expect(homeOf({ space: 'dev' }, { context: 'alice' })).toBe('alice')
  expect(homeOf({ space: 'dev' }, { context: null })).toBe('dev')
  expect(homeOf({ space: 'dev' }, { context: 'No Namespace' })).toBe('dev')
  expect(homeOf({ direction: 'gateway' }, { context: null, service: target })).toBe('bob')
  expect(homeOf({ direction: 'gateway' }, { context: null, service: null })).toBe('azds')
})

test('a space that is wrong says so', () => {
  const space = spaceOf({
    name: 'lost',
    parent: 'gone',
    path: 'lost',
    problem: { code: 'parent-missing', space: 'lost', parent: 'gone', message: '…' },
    services: [],
  })
  expect(tableOf('Space', [space], { include: 'None', now: 0 }).rows[0]?.cells).toEqual([
    'lost',
    'lost',
    0,
    'parent-missing',
  ])
})

test.each([
  [-5, '0s'],
  [999, '0s'],
  [85_000, '85s'],
  [200_000, '3m20s'],
  [180_000, '3m'],
  [45 * 60_000, '45m'],
  [(5 * 60 + 3) * 60_000, '5h3m'],
  [30 * 3_600_000, '30h'],
  [(3 * 24 + 4) * 3_600_000, '3d4h'],
  [45 * 86_400_000, '45d'],
  [(3 * 365 + 20) * 86_400_000, '3y20d'],
  [9 * 365 * 86_400_000, '9y'],
])('%p ms are written as %s', (ms, expected) => {
  expect(shortDuration(ms)).toBe(expected)
})
