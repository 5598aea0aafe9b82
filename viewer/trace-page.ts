/** The list's rows: what is already shown and what has just come, put together. Pure. */
import type { TraceSummary } from '../core/controller-api.ts'

/** Traces that are asked for at once: more than a screen shows. */
export const PAGE_SIZE = 100
/** Rows that are kept: more would make the page slow to scroll and nobody reads so far back. */
export const MAX_ROWS = 1000

/**
 * Puts the newest page in front of the rows that are shown. If the two do not meet, more has come in
 * between than a page holds, and the rows from before are let go rather than shown with a gap.
 */
export function mergeNewest(
  shown: readonly TraceSummary[],
  page: readonly TraceSummary[],
): TraceSummary[] {
  const inPage = new Set(page.map((trace) => trace.traceId))
  const meets = page.length < PAGE_SIZE || shown.some((trace) => inPage.has(trace.traceId))
  const rest = meets ? shown.filter((trace) => !inPage.has(trace.traceId)) : []
  return [...page, ...rest].sort(newestFirst).slice(0, MAX_ROWS)
}

/** Adds an older page behind the rows that are shown. */
export function appendOlder(
  shown: readonly TraceSummary[],
  page: readonly TraceSummary[],
): TraceSummary[] {
  const known = new Set(shown.map((trace) => trace.traceId))
  return [...shown, ...page.filter((trace) => !known.has(trace.traceId))].sort(newestFirst)
}

/** The order of the controller's list. */
function newestFirst(a: TraceSummary, b: TraceSummary): number {
  return b.startedAt - a.startedAt || (a.traceId < b.traceId ? 1 : -1)
}
