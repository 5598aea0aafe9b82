/** Watches of traces: what came since a list, then what comes, until the reader leaves or its time is over. */

import { matches } from '../traces/filter.ts'
import type { FollowerSink } from '../traces/followers.ts'
import { statusOf } from './status.ts'
import type { IncludeObject } from './table.ts'
import type { TraceRequest, TraceSources } from './trace-reads.ts'
import { errorLine, watchForm } from './watch-form.ts'

export interface WatchOptions extends TraceSources {
  /** Rows of a table, with so much of the object each; null: objects. */
  table: IncludeObject | null
  /** Wall clock in ms since 1970. */
  now: () => number
}

/** Begins a watch; the returned function ends it. */
export function watchTraces(
  { store, followers, systemNamespace, table, now }: WatchOptions,
  { namespace, list, filter, records }: TraceRequest,
  sink: FollowerSink,
): () => void {
  const form = watchForm({
    store,
    namespace: namespace ?? list.namespace,
    systemNamespace,
    records,
    bookmarks: list.bookmarks,
    table,
    now,
  })
  const changed = list.since === null ? [] : followers.changedSince(list.since)
  if (!changed) {
    sink.write(errorLine(statusOf('Expired', `version ${list.since} is too old: list again`)))
    sink.end()
    return () => {}
  }
  // All in one turn: nothing can come in between what has come and what will.
  for (const traceId of changed) {
    const found = (store.get(traceId, filter.visible) ?? []).filter((one) => matches(one, filter))
    for (const text of form.news(found, followers.version)) sink.write(text)
  }
  const leave = followers.add(filter, sink, form)
  const { timeoutSeconds } = list
  const timer =
    timeoutSeconds === null ? undefined : setTimeout(() => sink.end(), timeoutSeconds * 1000)
  return () => {
    clearTimeout(timer)
    leave()
  }
}
