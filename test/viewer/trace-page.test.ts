/** Pages of the list are put together without gaps, doubles or end. */
import { expect, test } from '@jest/globals'
import { summarize, summaryRecord } from '../../core/trace-summary.ts'
import { appendOlder, MAX_ROWS, mergeNewest, PAGE_SIZE } from '../../viewer/trace-page.ts'
import { START, sampleRecord, traceIdOf } from '../core/sample-records.ts'

/** Summaries of traces `from` down to `to`, newest first. */
function traces(from: number, to: number) {
  return Array.from({ length: from - to + 1 }, (_, index) => from - index).flatMap((id) => {
    const record = sampleRecord({ traceId: traceIdOf(id), startedAt: START + id })
    return summarize([summaryRecord(record)]) ?? []
  })
}

test('a newer page goes in front, and its version of a row wins', () => {
  const [changed] = traces(3, 3).map((trace) => ({ ...trace, records: 9 }))
  const merged = mergeNewest(traces(3, 1), [...traces(4, 4), ...(changed ? [changed] : [])])
  expect(merged.map((trace) => [trace.traceId, trace.records])).toEqual([
    [traceIdOf(4), 1],
    [traceIdOf(3), 9],
    [traceIdOf(2), 1],
    [traceIdOf(1), 1],
  ])
})

test('rows from before are let go if there may be a gap between them and the new page', () => {
  const page = traces(PAGE_SIZE + 50, 51)
  expect(mergeNewest(traces(3, 1), page)).toEqual(page)
  expect(mergeNewest(traces(51, 1), page)).toHaveLength(PAGE_SIZE + 50)
})

test('rows do not grow without end', () => {
  expect(mergeNewest(traces(2 * MAX_ROWS, 1), traces(2 * MAX_ROWS, 2 * MAX_ROWS))).toHaveLength(
    MAX_ROWS,
  )
})

test('an older page goes behind, without rows that are there already', () => {
  expect(appendOlder(traces(5, 3), traces(3, 1))).toEqual(traces(5, 1))
})
