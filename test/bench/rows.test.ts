import { expect, test } from '@jest/globals'
import { ROWS } from '../../bench/rows.ts'

test('rows have names and titles of their own', () => {
  expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length)
  expect(new Set(ROWS.map(({ title }) => title)).size).toBe(ROWS.length)
})

test.each(ROWS.map((row) => [row.name, row] as const))(
  'the goals of %s are about its metrics',
  (_, row) => {
    const keys = row.metrics.map(({ key }) => key)
    expect(row.goals.filter(({ metric }) => !keys.includes(metric))).toEqual([])
    // A row that only informs says so.
    const musts = row.goals.filter(({ level }) => level === 'must')
    if (row.goals.length > 0 || row.remark === undefined) expect(musts).not.toEqual([])
    expect(row.placements).toContain('redirect')
  },
)
