/** Where traces come from, for `azds trace` and the viewer's server. */
import type { TraceDetail, TraceQuery, TraceSummary } from '../core/controller-api.ts'
import type { TraceRecord } from '../core/trace-record.ts'

export interface TracePage {
  /** Newest first. */
  traces: readonly TraceSummary[]
  /** Gets the page after this one; null on the last. */
  next: string | null
}

export interface TraceListener {
  /** The stream stands. */
  opened?(): void
  record(record: TraceRecord): void
  /** So many records were left out, because more happened than could be sent. */
  missed(records: number): void
}

export interface TraceSource {
  /** @param next of the page before */
  list(query: TraceQuery, limit: number, next?: string): Promise<TracePage>
  /** @param space in which the trace was seen, where the reader may not read all spaces */
  one(traceId: string, space?: string): Promise<TraceDetail>
  /** Follows what happens; resolves when the stream ends or `signal` aborts, rejects where it cannot be had. */
  follow(query: TraceQuery, listener: TraceListener, signal: AbortSignal): Promise<void>
}
