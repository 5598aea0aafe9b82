/** What the control plane's benchmark says of a run. */
import { expect, test } from '@jest/globals'
import {
  type ControlReport,
  isGood,
  type RowResult,
  reportMarkdown,
  resultText,
} from '../../bench/control/report.ts'
import { CONTROL_ROWS } from '../../bench/control/rows.ts'

const result = (value: number, problem: string | null = null): RowResult => ({
  row: { name: 'r', title: 'A row', how: 'By doing it.' },
  outcome: {
    figures: [
      { name: 'p99', value, unit: 'ms', digits: 1, must: { atMost: 5 } },
      { name: 'pods', value: 7, unit: '', must: { atLeast: 7 } },
      { name: 'told only', value: 3, unit: 'MiB' },
    ],
    notes: ['seen'],
  },
  problem,
})

test.each([
  ['all goals met', result(5), true],
  ['one falls short', result(5.1), false],
  ['a figure that could not be taken', result(Number.NaN), false],
  ['a row that could not run', result(1, 'no root'), false],
])('%s', (_, one, good) => {
  expect(isGood(one)).toBe(good)
})

test('on the terminal each figure has its goal, and what falls short is loud', () => {
  const text = resultText(result(6))
  expect(text).toMatch(/p99 +6\.0 ms {2}must be ≤ 5 ms {2}FALLS SHORT/)
  expect(text).toMatch(/pods +7 {2}must be ≥ 7$/m)
  expect(text).toMatch(/told only +3 MiB$/m)
  expect(resultText(result(1, 'no root'))).toContain('could not be measured: no root')
})

test('the document says how, what, on which machine, and what makes it doubtful', () => {
  const moment = { at: '2026-05-05T10:00:00Z', load: [0.5, 0.4, 0.3] }
  const machine = { cpu: 'x', cores: 2, memoryGib: 4, kernel: '6.1', system: 's', programs: {} }
  const report: ControlReport = {
    ...{ machine, started: moment, ended: moment, doubts: ['busy'] },
    results: [result(6), result(1, 'no root')],
  }
  const text = reportMarkdown(report)
  expect(text).toContain('| p99 | 6.0 ms | ≤ 5 ms: **falls short** |')
  expect(text).toContain('| pods | 7 | ≥ 7 |')
  expect(text).toContain('By doing it.')
  expect(text).toContain('- doubtful: busy')
  expect(text).toContain('It could not be measured: no root')
})

test('rows have names of their own', () => {
  const names = CONTROL_ROWS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
