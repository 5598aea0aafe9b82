import { expect, test } from '@jest/globals'
import { type RunReport, reportMarkdown } from '../../bench/report-markdown.ts'
import { cellText, type RowReport, rowText, summaryText } from '../../bench/report-text.ts'
import type { Goal, Sample } from '../../bench/row.ts'
import { judge } from '../../bench/verdict.ts'

const METRIC = { key: 'speed', title: 'requests per CPU-second', digits: 0 }
const ok = (speed: number): Sample => ({ ok: true, values: { speed } })

const goal = (level: Goal['level'], bound: number): Goal => ({
  level,
  metric: 'speed',
  of: 'azds',
  against: ['nginx'],
  better: 'higher',
  bound,
})

function row(profile: string[] = [], split: string[] = []): RowReport {
  const goals = [goal('must', 0.9), goal('aim', 1.2)]
  const samples = {
    azds: [ok(100), ok(120), { ok: false, problem: 'errors among 9 requests: 9 status' } as const],
    nginx: [ok(100), ok(100), ok(100)],
    direct: [{ ok: true, values: {} } as const],
  }
  const outcome = { samples, notes: ['azds: 9 trace records arrived'], profile, split }
  return {
    row: {
      name: 'http1-get',
      title: 'keep-alive GET',
      metrics: [METRIC],
      goals,
      remark: 'Mind it.',
    },
    placement: 'redirect',
    outcome,
    verdicts: judge(goals, outcome),
  }
}

test('a cell is the median with its range, or a dash', () => {
  expect(cellText([ok(10), ok(30), ok(20)], METRIC)).toBe('20 [10..30]')
  expect(cellText([], METRIC)).toBe('–')
})

test('the text of a row has figures, void rounds, notes and verdicts', () => {
  const text = rowText(row())
  expect(text).toContain('## http1-get: keep-alive GET [redirect]')
  expect(text).toMatch(/azds +110 \[100\.\.120\]/)
  expect(text).toMatch(/direct +–/)
  expect(text).toContain('void: azds, 1 rounds: errors among 9 requests: 9 status')
  expect(text).toContain('note: azds: 9 trace records arrived')
  expect(text).toContain('must reach speed ≥ 0.9 × nginx: 1.10 [1.00..1.20] reached')
  expect(text).toContain('aim speed ≥ 1.2 × nginx: 1.10 [1.00..1.20] FALLS SHORT')
})

test('the summary counts what was reached and names what was not', () => {
  expect(summaryText([row()])).toBe(
    'must reach: 1 of 1 reached\naim: 0 of 1 reached; not: http1-get [redirect] speed',
  )
})

test('the document has the goals, the figures, the profile and the machine', () => {
  const report: RunReport = {
    machine: {
      cpu: 'Some CPU',
      cores: 2,
      memoryGib: 8,
      kernel: '6.1.0',
      system: 'Debian 12',
      programs: { nginx: '1.22.1', haproxy: '2.6.12' },
    },
    started: { at: '2026-01-01T00:00:00Z', load: [0.1, 0.2, 0.3] },
    ended: { at: '2026-01-01T00:30:00Z', load: [1, 2, 3] },
    doubts: ['the load average is 9'],
    rounds: 5,
    seconds: 2,
    rows: [row([' 50.0 %  writeBuffer  '], ['together  32.0'])],
  }
  const text = reportMarkdown(report)
  expect(text).toContain(
    '| keep-alive GET | behind REDIRECT | requests per CPU-second | ≥ 0.9 × nginx: 1.10 [1.00..1.20], reached | ≥ 1.2 × nginx: 1.10 [1.00..1.20], not reached |',
  )
  expect(text).toContain('### keep-alive GET (behind REDIRECT)\n\nMind it.\n')
  expect(text).toContain('| nginx | 100 [100..100] |')
  expect(text).toContain('- void: azds, 1 rounds')
  expect(text).toContain('```\n 50.0 %  writeBuffer  \n```')
  expect(text).toContain('```\ntogether  32.0\n```')
  expect(text).toContain('2 cores of Some CPU, 8 GiB; Debian 12, Linux 6.1.0')
  expect(text).toContain('nginx 1.22.1, haproxy 2.6.12')
  expect(text).toContain('from 2026-01-01T00:00:00Z (load 0.10 0.20 0.30) to 2026-01-01T00:30:00Z')
  expect(text).toContain('- to be doubted: the load average is 9')
})
