/** Where exchanges and connections go that are over: they are counted, and wait for the controller. */
import type { TraceRecord } from '../core/trace-record.ts'
import type { Metrics } from './metrics.ts'
import type { FinishedExchange } from './recorder.ts'
import type { TraceBudget } from './trace-budget.ts'
import { readyTrace, type TraceQueue } from './trace-queue.ts'
import type { TraceSender } from './trace-sender.ts'

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
      queue.push(readyTrace(record))
      sender.wake()
    },
    finished: (exchange) => {
      metrics.exchange(exchange, exchange.reason)
      if (!tracing) return
      // Of what went wrong nothing is left out: that is what somebody will be looking for.
      if (!hasFailed(exchange) && !queue.admits(exchange.endedAt, budget.mostWaiting)) return
      queue.push(exchange.keep())
      sender.wake()
    },
  }
}

function hasFailed({ error, status }: FinishedExchange): boolean {
  return error !== null || (status !== null && status >= 500)
}
