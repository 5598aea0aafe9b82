import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Log, silentLog } from '../../core/log.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { TraceBudget } from '../../proxy/trace-budget.ts'
import { estimateBytes, readyTrace, TraceQueue } from '../../proxy/trace-queue.ts'
import { TraceSender } from '../../proxy/trace-sender.ts'
import { eventually, type FakeController, fakeController } from './fake-controller.ts'
import { askAt } from './loopback-ways.ts'
import { requestHead } from './sample-head.ts'
import { ADDRESS, identity, recordInto } from './sample-tree.ts'

/** A record as the recorder makes it, named by its span. */
function record(spanId: string, fields: Record<string, string> = {}): TraceRecord {
  const records: TraceRecord[] = []
  const recorder = recordInto(
    records,
    identity('alice'),
  )({
    direction: 'inbound',
    head: requestHead(fields),
    ids: { traceId: 't', spanId, parentSpanId: null, traceparent: '' },
    hop: 0,
    service: 'orders',
    context: { space: null, source: 'none' },
    decision: { reason: 'no-context', target: ADDRESS.pod, service: null, tried: [] },
    originalDestination: ADDRESS.pod,
    client: ADDRESS.client,
  })
  recorder.done({ requestBytes: 0, responseBytes: 0, error: null })
  return records[0] as TraceRecord
}

const spans = (records: readonly TraceRecord[]) => records.map(({ spanId }) => spanId)

/** All that is left in a queue, oldest first, by span. */
function rest(queue: TraceQueue): string[] {
  const taken: string[] = []
  for (let next = queue.shift(); next; next = queue.shift()) {
    taken.push((JSON.parse(next.json()) as TraceRecord).spanId)
  }
  return taken
}

describe('the queue', () => {
  test('gives records in order', () => {
    const queue = new TraceQueue({ records: 10, bytes: 1e6 })
    for (const span of ['a', 'b', 'c', 'd']) queue.push(readyTrace(record(span)))
    expect(rest(queue)).toEqual(['a', 'b', 'c', 'd'])
    expect([queue.length, queue.bytes, queue.dropped]).toEqual([0, 0, 0])
  })

  test('drops the oldest beyond its count, and counts them', () => {
    const queue = new TraceQueue({ records: 3, bytes: 1e9 })
    for (let i = 0; i < 5000; i++) queue.push(readyTrace(record(String(i))))
    expect([queue.length, queue.dropped]).toEqual([3, 4997])
    expect(rest(queue)).toEqual(['4997', '4998', '4999'])
  })

  test('takes in everything until it is full, then one in a millisecond, and counts the others', () => {
    const queue = new TraceQueue({ records: 10, bytes: 1e9 })
    let span = 0
    const offer = (now: number) => {
      span++
      if (queue.admits(now, 1e6)) queue.push(readyTrace(record(String(span))))
    }
    for (let i = 0; i < 11; i++) offer(0)
    expect([queue.length, queue.dropped]).toEqual([10, 1])
    // 100 ms with one in 0.1 ms: one of ten is taken, each in the place of the oldest.
    for (let i = 0; i < 1000; i++) offer(i / 10)
    expect(queue.length).toBe(10)
    expect(queue.dropped).toBe(1001)
    const newest = rest(queue).map(Number)
    expect(Math.min(...newest)).toBeGreaterThan(1011 - 110)
    // Once there is room again, all are taken.
    for (let i = 0; i < 10; i++) offer(100)
    expect([queue.length, queue.dropped]).toEqual([10, 1001])
  })

  test('drops the oldest beyond its bytes, and one that alone is too long', () => {
    const small = estimateBytes(record('x'))
    const queue = new TraceQueue({ records: 100, bytes: 3 * small })
    for (const span of ['a', 'b', 'c', 'd']) queue.push(readyTrace(record(span)))
    expect([queue.length, queue.bytes, queue.dropped]).toEqual([3, 3 * small, 1])
    queue.push(readyTrace(record('huge', { big: 'x'.repeat(4 * small) })))
    expect([queue.length, queue.bytes, queue.dropped]).toEqual([0, 0, 5])
  })

  test('counts whatever a client can make long, and many short fields as what they take', () => {
    const small = estimateBytes(record('x'))
    const long = 'M'.repeat(60_000)
    expect(estimateBytes({ ...record('x'), method: long })).toBeGreaterThan(60_000)
    const error = { code: 'too-many-hops' as const, message: long }
    expect(estimateBytes({ ...record('x'), error })).toBeGreaterThan(60_000)
    const requestHeaders = Array.from({ length: 10_000 }, (): [string, string] => ['a', ''])
    // Two strings and the pair that holds them take some 100 bytes of the heap.
    expect(estimateBytes({ ...record('x'), requestHeaders }) - small).toBeGreaterThan(500_000)
  })

  test('estimates what JSON takes within a factor of two', () => {
    for (const fields of [{}, { cookie: 'x', host: 'orders', 'x-long': 'y'.repeat(5000) }]) {
      const one = record('0123456789abcdef', fields)
      const ratio = estimateBytes(one) / JSON.stringify(one).length
      expect(ratio).toBeGreaterThan(0.5)
      expect(ratio).toBeLessThan(2)
    }
  })
})

describe('the sender', () => {
  let controller: FakeController
  let queue: TraceQueue
  let sender: TraceSender

  beforeEach(async () => {
    controller = await fakeController()
    queue = new TraceQueue({ records: 1000, bytes: 1e7 })
  })

  afterEach(async () => {
    await sender.close(0)
    await controller.close().catch(() => {})
  })

  function start(flushMs = 0, log: Log = silentLog): void {
    sender = new TraceSender({
      ask: askAt(controller.url),
      queue,
      namespace: 'alice',
      pod: 'orders-1',
      flushMs,
      log,
      random: () => 0,
      budget: new TraceBudget({ busy: () => 0 }),
    })
  }

  function send(...names: string[]): void {
    for (const name of names) {
      queue.push(readyTrace(record(name)))
      sender.wake()
    }
  }

  test('joins what comes together in one batch that says who sends it', async () => {
    start(20)
    send('a', 'b', 'c')
    const batch = await eventually('the batch', () => controller.batches[0])
    expect(batch).toMatchObject({ namespace: 'alice', pod: 'orders-1', dropped: 0 })
    expect(spans(batch.records)).toEqual(['a', 'b', 'c'])
  })

  test('sends many records in batches of 64, in order', async () => {
    start()
    const names = Array.from({ length: 450 }, (_, i) => String(i))
    send(...names)
    await eventually('all records', () => controller.records().length === 450)
    expect(spans(controller.records())).toEqual(names)
    expect(controller.batches.map(({ records }) => records.length)).toEqual([
      64, 64, 64, 64, 64, 64, 64, 2,
    ])
  })

  test('sends a batch as soon as it is full, however long a record may wait for company', async () => {
    start(60_000)
    const names = Array.from({ length: 144 }, (_, i) => String(i))
    send(...names)
    await eventually('two batches', () => controller.records().length === 128)
    expect(spans(controller.records())).toEqual(names.slice(0, 128))
    expect(await sender.close(10_000)).toBe(0)
    expect(spans(controller.records())).toEqual(names)
  })

  test('makes records as they come, not all of a batch when it is due', async () => {
    start(60_000)
    let made = 0
    for (let i = 0; i < 20; i++) {
      const pending = readyTrace(record(String(i)))
      queue.push({
        bytes: pending.bytes,
        json: () => {
          made++
          return pending.json()
        },
      })
      sender.wake()
    }
    // Nothing is made while traffic is looked at.
    expect(made).toBe(0)
    await eventually('some records', () => made > 0)
    expect(made).toBe(20 - queue.length)
    expect(controller.batches).toEqual([])
    expect(await sender.close(10_000)).toBe(0)
    expect(controller.batches).toHaveLength(1)
    expect(spans(controller.records())).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
  })

  test.each([
    ['could not take', 503],
    ['did not take from an unknown sender, whose token may be old', 401],
  ])('keeps a batch that the controller %s, and sends it again', async (_, status) => {
    controller.traceStatus = status
    start()
    send('a')
    await new Promise((resolve) => setTimeout(resolve, 50))
    send('b')
    expect(controller.batches).toEqual([])
    controller.traceStatus = 202
    await eventually('both', () => controller.records().length === 2)
    expect(spans(controller.records())).toEqual(['a', 'b'])
    expect(queue.dropped).toBe(0)
  })

  test('drops a batch that will never be taken, counts it and goes on', async () => {
    controller.traceStatus = 400
    start()
    send('bad')
    await eventually('the refusal', () => queue.dropped === 1)
    controller.traceStatus = 202
    send('good')
    const batch = await eventually('the next', () => controller.batches[0])
    expect(batch.dropped).toBe(1)
    expect(spans(batch.records)).toEqual(['good'])
  })

  test('says once why batches are refused, and again after one was taken', async () => {
    const said: object[] = []
    const log = { ...silentLog, error: (...[fields]: unknown[]) => said.push(fields as object) }
    controller.traceStatus = 403
    controller.traceAnswer = '{"error":{"code":"forbidden","message":"not your namespace"}}'
    start(0, log as unknown as Log)
    for (let refused = 1; refused <= 3; refused++) {
      send(String(refused))
      await eventually('the refusal', () => queue.dropped === refused)
    }
    const problem = 'the controller answered 403: not your namespace'
    expect(said).toEqual([{ problem, records: 1 }])
    controller.traceStatus = 202
    send('taken')
    await eventually('the batch', () => controller.batches[0])
    controller.traceStatus = 403
    send('refused')
    await eventually('the refusal', () => said.length === 2)
  })

  test('a record is taken at once also while nobody answers', async () => {
    await controller.close()
    start()
    const start_ = performance.now()
    for (let i = 0; i < 1500; i++) send(String(i))
    expect(performance.now() - start_).toBeLessThan(5000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(queue.length).toBeLessThanOrEqual(1000)
    expect(queue.dropped).toBeGreaterThan(0)
  })

  test('the end sends what is left', async () => {
    start(60_000)
    send('last')
    expect(await sender.close(2000)).toBe(0)
    expect(spans(controller.records())).toEqual(['last'])
  })

  test('the end does not wait longer than it may, and says what is lost', async () => {
    controller.traceStatus = 503
    start(60_000)
    send('lost')
    const begin = performance.now()
    expect(await sender.close(300)).toBe(1)
    expect(performance.now() - begin).toBeLessThan(10_000)
  })
})
