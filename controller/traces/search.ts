/** Walks a list of traces through the store in steps, so that a long search holds nothing else up. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TraceSummary } from '../../core/controller-api.ts'
import type { ListOptions, TraceStore } from './store.ts'

/**
 * Summaries of the traces that match, newest first. Between two steps of the store whatever else
 * waits has its turn: feeds, admission of records, other searches.
 */
export async function listTraces(store: TraceStore, options: ListOptions): Promise<TraceSummary[]> {
  // By id, because a trace that gets an older record in the meantime may be met again further down.
  const found = new Map<string, TraceSummary>()
  let before = options.before
  for (;;) {
    const step = store.scan({ ...options, before, limit: options.limit - found.size })
    for (const summary of step.found) {
      if (!found.has(summary.traceId)) found.set(summary.traceId, summary)
    }
    if (step.rest === null || found.size >= options.limit) return [...found.values()]
    before = step.rest
    await nextTurn()
  }
}
