/** What the store keeps, finds and lets go. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { IN_MEMORY, openDatabase } from '../../../controller/traces/database.ts'
import { matches, type RecordFilter } from '../../../controller/traces/filter.ts'
import { listTraces } from '../../../controller/traces/search.ts'
import {
  type Cursor,
  MAX_DROPS,
  MAX_TRACE_RECORDS,
  SCAN_TRACES,
  TraceStore,
} from '../../../controller/traces/store.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import { START, sampleRecord, sampleTrace, spanIdOf, traceIdOf } from '../../core/sample-records.ts'

const ROOMY = { maxTraces: 1000, maxBytes: 100_000_000 }
const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp()
})

function openStore(limits = ROOMY, directory = IN_MEMORY): TraceStore {
  const store = new TraceStore(openDatabase(directory), limits)
  cleanUps.push(() => store.close())
  return store
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'azds-store-'))
  cleanUps.push(() => rmSync(directory, { recursive: true }))
  return directory
}

/** Traces of one record each, a second apart. */
const row = (count: number): TraceRecord[] =>
  Array.from({ length: count }, (_, index) =>
    sampleRecord({ traceId: traceIdOf(index + 1), startedAt: START + index * 1000 }),
  )

const idsOf = async (store: TraceStore, filter: RecordFilter = {}, rest = {}) =>
  (await listTraces(store, { filter, limit: 100, ...rest })).items.map(({ traceId }) => traceId)

test('a record comes back as it was, with fields that this version does not know', () => {
  const store = openStore()
  const record = { ...sampleRecord({ traceId: traceIdOf(3) }), invented: { later: [1] } }
  store.add([record])
  expect(store.get(traceIdOf(3))).toEqual([record])
  expect(store.get(traceIdOf(4))).toBeNull()
})

test('records of a trace come in order of time, whatever batch brought them', () => {
  const store = openStore()
  const trace = sampleTrace()
  store.add(trace.slice(3))
  store.add(trace.slice(0, 3).reverse())
  expect(store.get(traceIdOf(7))).toEqual(trace)
})

test('a trace is one line of the list', async () => {
  const store = openStore()
  store.add(sampleTrace())
  expect((await listTraces(store, { filter: {}, limit: 10 })).items).toMatchObject([
    {
      traceId: traceIdOf(7),
      records: 5,
      path: '/cart',
      context: 'alice',
      spaces: ['dev', 'alice'],
      services: ['web', 'orders', 'stock'],
      error: { code: 'connect-refused' },
    },
  ])
})

test('a batch that is sent twice is stored once', () => {
  const store = openStore()
  store.add(sampleTrace())
  expect(store.add(sampleTrace())).toEqual({ added: [], evicted: 0 })
  expect(store.counts).toMatchObject({ traces: 1, records: 5 })
})

test('the list is newest first, page by page, also where traces began in the same instant', async () => {
  const store = openStore()
  store.add(
    [1, 2, 3, 4, 5].map((id) =>
      sampleRecord({ traceId: traceIdOf(id), startedAt: START + Math.floor(id / 2) }),
    ),
  )
  const pages: string[][] = []
  let before: Cursor | undefined
  for (;;) {
    const { items, next } = await listTraces(store, { filter: {}, limit: 2, before })
    pages.push(items.map((summary) => summary.traceId))
    if (!next) break
    before = next
  }
  expect(pages).toEqual([[5, 4], [3, 2], [1]].map((ids) => ids.map(traceIdOf)))
})

test('a search that goes through many traces finds all that match, and lets others in between', async () => {
  const store = openStore({ ...ROOMY, maxTraces: 10_000 })
  const count = SCAN_TRACES * 2 + 10
  store.add(
    row(count).map((record, index) => ({ ...record, path: index % 400 ? '/a' : '/wanted' })),
  )
  let turns = 0
  let searching = true
  const others = (async () => {
    for (; searching; turns += 1) await new Promise((resolve) => setImmediate(resolve))
  })()
  expect(await idsOf(store, { q: 'wanted' })).toEqual([801, 401, 1].map(traceIdOf))
  expect(await idsOf(store, { q: 'wanted' }, { limit: 2 })).toEqual([801, 401].map(traceIdOf))
  expect(await idsOf(store, { q: 'nowhere' })).toEqual([])
  searching = false
  await others
  expect(turns).toBeGreaterThanOrEqual(5)
})

test('since and before bound the list by start', async () => {
  const store = openStore()
  store.add(row(4))
  expect(await idsOf(store, {}, { since: START + 1000 })).toEqual([4, 3, 2].map(traceIdOf))
  expect(await idsOf(store, {}, { before: { startedAt: START + 2000 } })).toEqual(
    [2, 1].map(traceIdOf),
  )
})

test('the oldest traces go first when there are too many', async () => {
  const store = openStore({ ...ROOMY, maxTraces: 3 })
  expect(store.add(row(5)).evicted).toBe(2)
  expect(await idsOf(store)).toEqual([5, 4, 3].map(traceIdOf))
  expect(store.get(traceIdOf(1))).toBeNull()
  expect(store.counts).toMatchObject({ traces: 3, records: 3 })
})

test('the oldest traces go first when bytes run out', async () => {
  const one = openStore()
  one.add(row(1))
  const store = openStore({ ...ROOMY, maxBytes: Math.ceil(one.counts.bytes * 2.5) })
  store.add(row(6))
  expect(await idsOf(store)).toEqual([6, 5].map(traceIdOf))
  expect(store.counts.bytes).toBeLessThanOrEqual(Math.ceil(one.counts.bytes * 2.5))
})

test('one trace id that is used for ever keeps its newest records only', () => {
  const store = openStore()
  const flood = Array.from({ length: MAX_TRACE_RECORDS + 10 }, (_, index) =>
    sampleRecord({ spanId: spanIdOf(index + 1), startedAt: START + index }),
  )
  expect(store.add(flood).evicted).toBe(10)
  expect(store.counts.records).toBe(MAX_TRACE_RECORDS)
  expect(store.get(traceIdOf(1))?.[0]?.startedAt).toBe(START + 10)
})

test('what is counted equals what is in the tables after any batches', async () => {
  const anyBatch = fc.array(
    fc.record({ trace: fc.integer({ min: 1, max: 6 }), span: fc.integer({ min: 1, max: 4 }) }),
    { maxLength: 8 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(anyBatch, { maxLength: 5 }), async (batches) => {
      const store = new TraceStore(openDatabase(IN_MEMORY), { ...ROOMY, maxTraces: 3 })
      for (const batch of batches) {
        store.add(
          batch.map(({ trace, span }) =>
            sampleRecord({ traceId: traceIdOf(trace), spanId: spanIdOf(span), startedAt: trace }),
          ),
        )
      }
      const list = (await listTraces(store, { filter: {}, limit: 100 })).items
      expect(store.counts.traces).toBe(list.length)
      expect(store.counts.records).toBe(list.reduce((sum, one) => sum + one.records, 0))
      store.close()
    }),
    { numRuns: 50 },
  )
})

test('a restart keeps the traces and their counts', () => {
  const directory = temporaryDirectory()
  const first = new TraceStore(openDatabase(directory), ROOMY)
  first.add(sampleTrace())
  const counts = { ...first.counts }
  first.close()
  const second = openStore(ROOMY, directory)
  expect(second.get(traceIdOf(7))).toEqual(sampleTrace())
  expect(second.counts).toEqual(counts)
})

test('a store whose limit was lowered comes down to it in steps', () => {
  const directory = temporaryDirectory()
  const roomy = new TraceStore(openDatabase(directory), { ...ROOMY, maxTraces: 10_000 })
  roomy.add(row(MAX_DROPS + 500))
  roomy.close()
  const store = openStore({ ...ROOMY, maxTraces: 10 }, directory)
  expect(store.add([]).evicted).toBe(MAX_DROPS)
  expect(store.add([]).evicted).toBe(490)
  expect(store.counts.traces).toBe(10)
})

test('a file that is no database is refused with what to do about it', () => {
  const directory = temporaryDirectory()
  writeFileSync(
    join(directory, 'traces.sqlite'),
    'not a database at all, but long enough'.repeat(40),
  )
  expect(() => openDatabase(directory)).toThrow(/traces\.sqlite: .*remove the file to begin anew/)
})

test('a directory that cannot be made is refused, and does not hang the start', () => {
  expect(() => openDatabase('/proc/azds/store')).toThrow(/traces\.sqlite: .*writable for this user/)
})

test('directories on the way to the store are made', () => {
  const directory = join(temporaryDirectory(), 'a', 'b')
  openStore(ROOMY, directory).add(sampleTrace())
  expect(statSync(join(directory, 'traces.sqlite')).isFile()).toBe(true)
})

test('a file that is broken behind its first page is refused by its name', () => {
  const directory = temporaryDirectory()
  const first = new TraceStore(openDatabase(directory), ROOMY)
  first.add(row(50))
  first.close()
  const file = join(directory, 'traces.sqlite')
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0xab, 4096))
  expect(() => openDatabase(directory)).toThrow(/traces\.sqlite: .*remove the file to begin anew/)
})

test('what a full disk refuses is told as such, and is not counted as stored', () => {
  const database = openDatabase(temporaryDirectory())
  const store = new TraceStore(database, ROOMY)
  cleanUps.push(() => store.close())
  store.add(row(2))
  database.exec('PRAGMA max_page_count = 30')
  const big = row(50).map((record) => ({ ...record, path: `/${'x'.repeat(30_000)}` }))
  expect(() => store.add(big)).toThrow(/full/)
  expect(store.counts).toMatchObject({ traces: 2, records: 2 })
  database.exec('PRAGMA max_page_count = 100000')
  expect(store.add(big).added).toHaveLength(48)
})

test.each([
  ['usual records', 40, 4000, 50],
  ['records with paths of 60 KB', 60_000, 200, 2],
])('the file stays within the bound of bytes: %s', (_, length, count, batch) => {
  const directory = temporaryDirectory()
  const maxBytes = 3_000_000
  const store = openStore({ maxTraces: 1_000_000, maxBytes }, directory)
  const records = row(count).map((record) => ({ ...record, path: `/${'x'.repeat(length)}` }))
  for (let at = 0; at < count; at += batch) store.add(records.slice(at, at + batch))
  expect(store.counts.traces).toBeLessThan(count)
  // A fifth more for the batch that comes in before the oldest go.
  expect(statSync(join(directory, 'traces.sqlite')).size).toBeLessThan(maxBytes * 1.2)
})

test('the store’s filters and the live filters agree on every record', async () => {
  const anyRecord = fc
    .record({
      space: fc.constantFrom('dev', 'alice'),
      context: fc.constantFrom(null, 'dev', 'alice'),
      service: fc.constantFrom(null, 'web', 'orders'),
      workload: fc.constantFrom('web', 'job'),
      method: fc.constantFrom('GET', 'POST', null),
      status: fc.constantFrom(null, 200, 204, 399, 400, 404, 499, 500),
      path: fc.constantFrom('/', '/Straße/ÄPFEL', '/100%_sure', null),
      failed: fc.boolean(),
      direction: fc.constantFrom('inbound', 'outbound', 'gateway'),
      target: fc.constantFrom(null, 'dev', 'alice'),
    })
    .map(({ context, failed, target, ...rest }) =>
      sampleRecord({
        ...rest,
        route: { context, service: target && { space: target, name: 'web', port: 80 } },
        error: failed ? { code: 'upstream-closed', message: 'ended' } : null,
      }),
    )
  const anyFilter: fc.Arbitrary<RecordFilter> = fc.record(
    {
      traceId: fc.constantFrom(traceIdOf(1), traceIdOf(2)),
      visible: fc.constantFrom('dev', 'alice', 'bob'),
      space: fc.constantFrom('dev', 'alice', 'bob'),
      service: fc.constantFrom('web', 'job', 'orders'),
      pod: fc.constantFrom('web-1', 'web'),
      method: fc.constantFrom('GET', 'POST'),
      status: fc.constantFrom('200', '2xx', '4xx', '404', 'error'),
      q: fc.constantFrom('straße', 'äpfel', '%', '_', 'WEB', 'UPSTREAM', "'"),
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(anyRecord, anyFilter, async (record, filter) => {
      const store = new TraceStore(openDatabase(IN_MEMORY), ROOMY)
      store.add([record])
      expect(await idsOf(store, filter)).toHaveLength(matches(record, filter) ? 1 : 0)
      store.close()
    }),
    { numRuns: 300 },
  )
})
