/** What a namespace sees of traces that pass several. */
import { afterEach, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { IN_MEMORY, openDatabase } from '../../../controller/traces/database.ts'
import { listTraces } from '../../../controller/traces/search.ts'
import { type Cursor, TraceStore } from '../../../controller/traces/store.ts'
import { isVisibleIn } from '../../../controller/traces/visible.ts'
import { START, sampleRecord, sampleTrace, spanIdOf, traceIdOf } from '../../core/sample-records.ts'

const opened: TraceStore[] = []
function openStore(): TraceStore {
  const store = new TraceStore(openDatabase(IN_MEMORY), { maxTraces: 1000, maxBytes: 100_000_000 })
  opened.push(store)
  return store
}
afterEach(() => {
  for (const store of opened.splice(0)) store.close()
})

test.each([
  ['recorded there', { space: 'alice' }, {}, true],
  ['of its context, recorded elsewhere', { space: 'dev' }, { context: 'alice' }, true],
  ['recorded elsewhere', { space: 'dev' }, { context: 'bob' }, false],
  ['sent there by another space', { space: 'dev', direction: 'outbound' }, {}, false],
  ['sent there by the gateway', { space: 'azds', direction: 'gateway' }, {}, true],
] as const)('a record %s', (_, head, { context = null }: { context?: string | null }, seen) => {
  const service = { space: 'alice', name: 'orders', port: 80 }
  const record = sampleRecord({ ...head, route: { context, service } })
  expect(isVisibleIn('alice', record)).toBe(seen)
})

test('a space sees its own requests through the whole tree, and the tree only what passed it', () => {
  const trace = sampleTrace()
  const store = openStore()
  store.add(trace)
  expect(store.get(traceIdOf(7), 'alice')).toEqual(
    trace.filter(({ space, route }) => space === 'alice' || route.context === 'alice'),
  )
  const inDev = trace.filter(({ space }) => space === 'dev')
  expect(inDev.length).toBeLessThan(trace.length)
  expect(store.get(traceIdOf(7), 'dev')).toEqual(inDev)
  expect(store.get(traceIdOf(7), 'bob')).toBeNull()
  expect(store.summary(traceIdOf(7), 'dev')).toMatchObject({ records: inDev.length })
  expect(store.summary(traceIdOf(7), 'bob')).toBeNull()
})

test('a search finds nothing by what is not seen', async () => {
  const traceId = traceIdOf(1)
  const store = openStore()
  store.add([
    sampleRecord({ traceId, spanId: spanIdOf(1), space: 'dev', path: '/open' }),
    sampleRecord({ traceId, spanId: spanIdOf(2), space: 'bob', path: '/secret', status: 500 }),
  ])
  const find = async (filter: object) =>
    (await listTraces(store, { filter: { visible: 'dev', ...filter }, limit: 10 })).items
  expect(await find({ q: 'secret' })).toEqual([])
  expect(await find({ status: 'error' })).toEqual([])
  expect(await find({ q: 'open' })).toMatchObject([
    { records: 1, path: '/open', spaces: ['dev'], error: null, status: 200 },
  ])
})

test('pages meet without a gap or a repetition, whatever part of the traces is seen', async () => {
  const anyTraces = fc.array(
    fc.array(
      fc.record({ at: fc.integer({ min: 0, max: 6 }), space: fc.constantFrom('dev', 'bob') }),
      { minLength: 1, maxLength: 3 },
    ),
    { maxLength: 8 },
  )
  await fc.assert(
    fc.asyncProperty(anyTraces, fc.integer({ min: 1, max: 3 }), async (traces, limit) => {
      const store = openStore()
      for (const [index, records] of traces.entries()) {
        store.add(
          records.map(({ at, space }, span) =>
            sampleRecord({
              traceId: traceIdOf(index + 1),
              spanId: spanIdOf(span + 1),
              startedAt: START + at,
              space,
            }),
          ),
        )
      }
      const filter = { visible: 'dev' }
      const whole = (await listTraces(store, { filter, limit: 100 })).items
      const paged: unknown[] = []
      let before: Cursor | undefined
      for (let page = 0; page <= traces.length; page += 1) {
        const { items, next } = await listTraces(store, { filter, limit, before })
        paged.push(...items)
        if (!next) break
        before = next
      }
      expect(paged).toEqual(whole)
      expect(whole).toHaveLength(
        traces.filter((records) => records.some(({ space }) => space === 'dev')).length,
      )
    }),
    { numRuns: 200 },
  )
})
