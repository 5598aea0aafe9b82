/** Records in any order become hops in the right order. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { assembleHops, hopEnds, rootRecord } from '../../core/trace-tree.ts'
import { START, sampleRecord, sampleTrace, spanIdOf } from './sample-records.ts'

const readable = (records = sampleTrace()) =>
  assembleHops(records).map((hop) => {
    const { from, to } = hopEnds(hop)
    return `${'  '.repeat(hop.depth)}${from.name}@${from.space} > ${to.name}@${to.space}`
  })

const CHAIN = [
  '10.244.0.1:40000@null > web@dev',
  '  web@dev > orders@alice',
  '    orders@alice > stock@dev',
]

test('both sides of a hop make one row, and each row stands under its cause', () => {
  expect(readable()).toEqual(CHAIN)
})

test('the order in which records arrive does not matter', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(sampleTrace(), { minLength: 5 }), (records) => {
      expect(readable(records)).toEqual(CHAIN)
    }),
  )
})

test('a receiver without a record is named by the routing decision', () => {
  expect(readable(sampleTrace().slice(0, 2))).toEqual(CHAIN.slice(0, 2))
})

test('a sender without a record leaves a row of its own, by the address of the peer', () => {
  expect(readable(sampleTrace().slice(2))).toEqual([
    '10.244.0.1:40000@null > orders@alice',
    '  orders@alice > stock@dev',
  ])
})

test('an inbound sidecar that sends a request on is the sender of the next row', () => {
  const first = sampleRecord({ spanId: spanIdOf(1) })
  const second = sampleRecord({
    spanId: spanIdOf(2),
    parentSpanId: spanIdOf(1),
    space: 'alice',
    startedAt: START + 1,
  })
  expect(readable([first, second])).toEqual([
    '10.244.0.1:40000@null > web@dev',
    '  web@dev > web@alice',
  ])
})

test('a pod without a sidecar that is called by one and calls another makes a hop of its own', () => {
  const [, sent, received] = sampleTrace()
  if (!sent || !received) throw new Error('the sample trace is shorter than it was')
  const service = { space: 'dev', name: 'bare', port: 80 }
  const toBare = { ...sent, route: { ...sent.route, service } }
  const fromBare = { ...received, route: { ...received.route, reason: 'child' as const } }
  expect(readable([toBare, fromBare])).toEqual(['web@dev > bare@dev', '  bare@dev > orders@alice'])
})

test('the gateway is called by that name', () => {
  const gateway = sampleRecord({ direction: 'gateway', space: 'azds', workload: 'azds-gateway' })
  expect(readable([gateway])).toEqual(['gateway@null > web@dev'])
})

test('an outbound request whose parent is the app’s own span is put under the request its pod was answering', () => {
  const records = sampleTrace().map((record) =>
    record.spanId === spanIdOf(4) ? { ...record, parentSpanId: spanIdOf(99) } : record,
  )
  expect(readable(records)).toEqual(CHAIN)
  expect(assembleHops(records).map((hop) => hop.inferred)).toEqual([false, false, true])
})

test('retries of one request stand side by side, by time', () => {
  const trace = sampleTrace()
  const retry = trace
    .slice(1, 2)
    .map((one) => ({ ...one, spanId: spanIdOf(9), startedAt: START + 19 }))
  expect(readable([...retry, ...trace])).toEqual([...CHAIN, '  web@dev > orders@alice'])
})

test('every record is in exactly one hop, whatever parents records claim', () => {
  const anyRecord = fc.record({
    span: fc.integer({ min: 1, max: 8 }),
    parent: fc.option(fc.integer({ min: 1, max: 10 })),
    direction: fc.constantFrom('inbound' as const, 'outbound' as const, 'gateway' as const),
    startedAt: fc.integer({ min: 0, max: 20 }),
  })
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 12 }), (drafts) => {
      const records = drafts.map(({ span, parent, direction, startedAt }) =>
        sampleRecord({
          spanId: spanIdOf(span),
          parentSpanId: parent === null ? null : spanIdOf(parent),
          direction,
          startedAt,
        }),
      )
      const placed = assembleHops(records).flatMap(({ caller, callee }) =>
        [caller, callee].filter((side) => side !== null),
      )
      expect(placed).toHaveLength(records.length)
      expect(new Set(placed)).toEqual(new Set(records))
    }),
  )
})

test('the root is the earliest record whose cause is not in the trace', () => {
  const trace = sampleTrace()
  expect(rootRecord(trace.toReversed())).toBe(trace[0])
  expect(rootRecord(trace.slice(3))).toBe(trace[3])
  expect(rootRecord([])).toBeNull()
})

const ROUTE = { reason: 'no-context' as const }

test('the request that a pod was answering is the latest that had begun and was not over', () => {
  const records = fc.array(
    fc.record({
      direction: fc.constantFrom('inbound' as const, 'outbound' as const),
      pod: fc.constantFrom('a', 'b'),
      startedAt: fc.nat(20),
      durationMs: fc.nat(8),
    }),
    { maxLength: 20 },
  )
  fc.assert(
    fc.property(records, (drawn) => {
      const all = drawn.map((one, index) => {
        return { ...one, space: 'dev', parentSpanId: null, spanId: spanIdOf(index), route: ROUTE }
      })
      const byTime = all.toSorted((a, b) => a.startedAt - b.startedAt)
      for (const { caller, cause } of assembleHops(all)) {
        if (caller?.direction !== 'outbound') continue
        const { pod, startedAt } = caller
        const expected = byTime.findLast((one) => {
          const begun = one.startedAt <= startedAt && one.startedAt + one.durationMs >= startedAt
          return one.direction === 'inbound' && one.pod === pod && begun
        })
        expect(cause).toBe(expected ?? null)
      }
    }),
  )
})

test('a trace of very many records, as one traceparent sent again and again makes it, is put in order soon', () => {
  const records = Array.from({ length: 40_000 }, (_, index) => ({
    spanId: String(index).padStart(16, '0'),
    parentSpanId: 'b7ad6b7169203331',
    direction: index % 2 === 0 ? ('inbound' as const) : ('outbound' as const),
    space: 'dev',
    pod: 'a',
    startedAt: index * 10,
    durationMs: 1,
    route: ROUTE,
  }))
  // Of the processor: a machine that stands still costs none.
  const begin = process.cpuUsage()
  expect(assembleHops(records)).toHaveLength(40_000)
  expect(process.cpuUsage(begin).user).toBeLessThan(4_000_000)
})
