import { afterEach, expect, test } from '@jest/globals'
import { silentLog } from '../../core/log.ts'
import type { RouteReason } from '../../core/route-reason.ts'
import type { FinishedExchange } from '../../proxy/recorder.ts'
import { TraceBudget } from '../../proxy/trace-budget.ts'
import { TraceQueue } from '../../proxy/trace-queue.ts'
import { TraceSender } from '../../proxy/trace-sender.ts'
import { createTraceSink } from '../../proxy/trace-sink.ts'

const senders: TraceSender[] = []
afterEach(async () => {
  for (const sender of senders.splice(0)) await sender.close(0)
})

function newSink(tracing = true) {
  const queue = new TraceQueue({ records: 1200, bytes: 1e9 })
  const budget = new TraceBudget({ busy: () => 1 })
  const sender = new TraceSender({
    ask: () => {
      throw new Error('nothing is sent here')
    },
    queue,
    namespace: 'alice',
    pod: 'orders-1',
    flushMs: 60_000,
    log: silentLog,
    random: () => 0,
    budget,
  })
  senders.push(sender)
  const counted: RouteReason[] = []
  const metrics = {
    connectionEnded: () => {},
    exchange: (_: unknown, reason: RouteReason) => counted.push(reason),
    text: () => '',
    contentType: '',
  }
  budget.pause()
  const sink = createTraceSink({ queue, sender, budget, metrics, tracing })
  return { sink, queue, counted }
}

function exchange(changes: Partial<FinishedExchange> = {}): FinishedExchange {
  return {
    direction: 'outbound',
    reason: 'child',
    status: 200,
    firstByteMs: 1,
    error: null,
    endedAt: 1000,
    carriedBytes: 500,
    keep: () => ({ bytes: 100, json: () => '{}' }),
    ...changes,
  }
}

test('a burst of a thousand exchanges in one moment is kept whole', () => {
  const { sink, queue, counted } = newSink()
  for (let i = 0; i < 1000; i++) sink.finished(exchange())
  expect([queue.length, queue.dropped, counted.length]).toEqual([1000, 0, 1000])
})

test('beyond what can be sent, exchanges are counted and not kept', () => {
  const { sink, queue, counted } = newSink()
  for (let i = 0; i < 5000; i++) sink.finished(exchange())
  expect(queue.length).toBe(1000)
  expect(queue.dropped).toBe(4000)
  expect(counted).toHaveLength(5000)
})

test('what has failed is kept all the same', () => {
  const { sink, queue } = newSink()
  for (let i = 0; i < 2000; i++) sink.finished(exchange())
  const { length, dropped } = queue
  const error = { code: 'connect-refused' as const, message: 'm' }
  sink.finished(exchange({ status: 503 }))
  sink.finished(exchange({ status: null, error }))
  expect([queue.length, queue.dropped]).toEqual([length + 2, dropped])
})

test('what has carried much is kept all the same, and nothing takes its place', () => {
  const { sink, queue } = newSink()
  const large = { bytes: 100, json: () => '{}' }
  const keep = () => large
  sink.finished(exchange({ carriedBytes: 60_000_000, keep }))
  for (let i = 0; i < 5000; i++) sink.finished(exchange({ endedAt: 1000 + i }))
  expect(queue.shift()).toBe(large)
})

test('with tracing off, exchanges are counted and nothing is kept', () => {
  const { sink, queue, counted } = newSink(false)
  sink.finished(exchange())
  expect([queue.length, queue.dropped, counted]).toEqual([0, 0, ['child']])
})
