/** Records become rows with bars. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { layoutTrace } from '../../viewer/layout.ts'
import { START, sampleRecord, sampleTrace, spanIdOf } from '../core/sample-records.ts'

test('a row says who called whom, why, with which outcome and when', () => {
  const { startedAt, durationMs, rows } = layoutTrace(sampleTrace())
  expect({ startedAt, durationMs }).toEqual({ startedAt: START, durationMs: 20 })
  expect(rows).toMatchObject([
    { depth: 0, to: { name: 'web', space: 'dev' }, route: { reason: 'fallback-absent' } },
    {
      key: spanIdOf(2),
      depth: 1,
      from: { name: 'web', space: 'dev' },
      to: { name: 'orders', space: 'alice' },
      route: { reason: 'child' },
      status: 200,
      startMs: 2,
      bar: { left: 0.1, width: 0.8 },
      answerBar: { left: 0.25, width: 0.65 },
      calleeBar: { left: 0.15, width: 0.7 },
    },
    {
      depth: 2,
      from: { name: 'orders', space: 'alice' },
      to: { name: 'stock', space: 'dev' },
      status: 503,
      error: { code: 'connect-refused' },
    },
  ])
})

test('the sender’s decision explains a hop, not the receiver’s "delivered"', () => {
  const reasons = layoutTrace(sampleTrace()).rows.map((row) => row.route.reason)
  expect(reasons).not.toContain('delivered')
})

test('a hop that was never answered has no answer bar and no receiver’s bar', () => {
  const lost = sampleRecord({ direction: 'outbound', status: null, firstByteMs: null })
  expect(layoutTrace([lost]).rows).toMatchObject([
    { status: null, answerBar: null, calleeBar: null },
  ])
})

test('an instant fills the width, so that there is something to see', () => {
  const instant = sampleRecord({ durationMs: 0, firstByteMs: 0 })
  expect(layoutTrace([instant]).rows[0]?.bar).toEqual({ left: 0, width: 1 })
})

test('no records make no rows', () => {
  expect(layoutTrace([])).toEqual({ startedAt: 0, durationMs: 0, rows: [] })
})

test('bars stay on the clock, however clocks of nodes differ', () => {
  const anyRecord = fc.record({
    span: fc.integer({ min: 1, max: 6 }),
    parent: fc.option(fc.integer({ min: 1, max: 6 })),
    direction: fc.constantFrom('inbound' as const, 'outbound' as const),
    startedAt: fc.double({ min: 0, max: 1e6, noNaN: true }),
    durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    firstByteMs: fc.option(fc.double({ min: 0, max: 2e6, noNaN: true })),
  })
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 8 }), (drafts) => {
      const records = drafts.map(({ span, parent, ...rest }) =>
        sampleRecord({
          ...rest,
          spanId: spanIdOf(span),
          parentSpanId: parent === null ? null : spanIdOf(parent),
        }),
      )
      const bars = layoutTrace(records).rows.flatMap((row) => [
        row.bar,
        row.answerBar,
        row.calleeBar,
      ])
      for (const bar of bars.filter((one) => one !== null)) {
        expect(bar.left).toBeGreaterThanOrEqual(0)
        expect(bar.width).toBeGreaterThanOrEqual(0)
        expect(bar.left + bar.width).toBeLessThanOrEqual(1 + 1e-9)
      }
    }),
  )
})
