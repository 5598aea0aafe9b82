/** A trace in one line. */
import { expect, test } from '@jest/globals'
import { summarize, summaryRecord } from '../../core/trace-summary.ts'
import { START, sampleRecord, sampleTrace, traceIdOf } from './sample-records.ts'

const summaryOf = (records = sampleTrace()) => summarize(records.map(summaryRecord))

test('the root gives the request, the rest gives spaces, services and the error', () => {
  expect(summaryOf()).toEqual({
    traceId: traceIdOf(7),
    startedAt: START,
    durationMs: 20,
    method: 'GET',
    authority: 'web.dev:80',
    path: '/cart',
    status: 200,
    protocol: 'http/1.1',
    context: 'alice',
    spaces: ['dev', 'alice'],
    services: ['web', 'orders', 'stock'],
    records: 5,
    error: { code: 'connect-refused', message: 'connect ECONNREFUSED 127.0.0.1:8080' },
  })
})

test('records that come in any order give the same line', () => {
  expect(summaryOf(sampleTrace().toReversed())).toEqual(summaryOf())
})

test('the duration reaches to the last end, not to the end of the last start', () => {
  const long = sampleRecord({ durationMs: 500 })
  const short = sampleRecord({ startedAt: START + 100, durationMs: 1 })
  expect(summaryOf([long, short])?.durationMs).toBe(500)
})

test.each([
  [{ authority: null, sni: 'db.test' }, 'db.test'],
  [{ authority: null, sni: null }, '10.244.0.10:8080'],
])('a connection without a host, %j, is told by %s', (record, authority) => {
  expect(summaryOf([sampleRecord(record)])?.authority).toBe(authority)
})

test('an empty trace has no line', () => {
  expect(summarize([])).toBeNull()
})
