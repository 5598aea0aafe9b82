/** Where exchanges and connections go that are over: they are counted, and wait for the controller. */
import type { TraceRecord } from '../core/trace-record.ts'
import type { Metrics } from './metrics.ts'
import type { FinishedExchange } from './recorder.ts'
import type { TraceBudget } from './trace-budget.ts'
import { readyTrace, type TraceQueue } from './trace-queue.ts'
import type { TraceSender } from './trace-sender.ts'

/**
 * An exchange that has carried so many bytes is recorded in any case: to carry 1 MiB took some 500 µs of
 * the processor, 30 times what its record takes.
 */
const LARGE_BYTES = 1_048_576

export interface TraceSink {
  /** Takes a record as it is. */
  take(record: TraceRecord): void
  /** Takes an exchange, of which a record is made later, or never if more come than can be sent. */
  finished(exchange: FinishedExchange): void
}

export interface TraceSinkDeps {
  queue: TraceQueue
  sender: TraceSender
  budget: TraceBudget
  metrics: Metrics
  /** False: nothing is kept or sent; metrics are counted all the same. */
  tracing: boolean
}

export function createTraceSink({
  queue,
  sender,
  budget,
  metrics,
  tracing,
}: TraceSinkDeps): TraceSink {
  return {
    take: (record) => {
      metrics.exchange(record, record.route.reason)
      if (!tracing) return
      const pending = readyTrace(record)
      // One for a whole connection.
      pending.certain = true
      queue.push(pending)
      sender.wake()
    },
    finished: (exchange) => {
      metrics.exchange(exchange, exchange.reason)
      if (!tracing) return
      // Of what went wrong nothing is left out: that is what somebody will be looking for.
      const certain = hasFailed(exchange) || exchange.carriedBytes >= LARGE_BYTES
      if (!certain && !queue.admits(exchange.endedAt, budget.mostWaiting)) return
      const pending = exchange.keep()
      pending.certain = certain
      queue.push(pending)
      sender.wake()
    },
  }
}

function hasFailed({ error, status }: FinishedExchange): boolean {
  return error !== null || (status !== null && status >= 500)
}
