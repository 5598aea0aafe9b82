/** Walks a list of traces through the store in steps, so that a long search holds nothing else up. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TraceSummary } from '../../core/controller-api.ts'
import type { Cursor, ListOptions, TraceStore } from './store.ts'

export interface TracePage {
  items: TraceSummary[]
  /** Where the next page begins; null where this one is the last. */
  next: Cursor | null
}

/**
 * Summaries of the traces that match, newest first. Between two steps of the store whatever else
 * waits has its turn: feeds, admission of records, other searches.
 */
export async function listTraces(store: TraceStore, options: ListOptions): Promise<TracePage> {
  // By id, because a trace that gets an older record in the meantime may be met again further down.
  const found = new Map<string, TraceSummary>()
  let before = options.before
  let last: Cursor | null = null
  for (;;) {
    const step = store.scan({ ...options, before, limit: options.limit - found.size })
    for (const { summary, place } of step.found) {
      if (!found.has(summary.traceId)) found.set(summary.traceId, summary)
      last = place
    }
    const isFull = found.size >= options.limit
    if (step.rest === null || isFull)
      return { items: [...found.values()], next: isFull ? last : null }
    before = step.rest
    await nextTurn()
  }
}
