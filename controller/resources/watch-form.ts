/** How a watch of traces tells what is new: one JSON object a line (watch events of Kubernetes). */
import type { TraceRecord } from '../../core/trace-record.ts'
import { API_GROUP_VERSION, type Status } from '../../core/trace-resource.ts'
import type { FollowerForm } from '../traces/followers.ts'
import type { TraceStore } from '../traces/store.ts'
import { newsOf, traceOf } from './objects.ts'
import { statusOf } from './status.ts'
import { type IncludeObject, tableOf } from './table.ts'

export interface WatchFormOptions {
  store: Pick<TraceStore, 'summary'>
  /** Namespace that is watched; null: all. */
  namespace: string | null
  /** Namespace of our own control plane. */
  systemNamespace: string
  /** The new records, in place of a summary. */
  records: boolean
  /** Whether lines that only carry a version are wanted. */
  bookmarks: boolean
  /** Rows of a table, with so much of the object each; null: objects. */
  table: IncludeObject | null
  /** Wall clock in ms since 1970. */
  now: () => number
}

export function watchForm(options: WatchFormOptions): FollowerForm {
  const { store, namespace, systemNamespace, bookmarks, table, now } = options
  const wantsRecords = options.records
  const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`
  const shaped = (
    kind: 'Trace' | 'TraceNews',
    object: ReturnType<typeof traceOf | typeof newsOf>,
  ) => (table === null ? object : tableOf(kind, [object], { include: table, now: now() }))
  const bookmark = (version: number, missed = 0) =>
    line('BOOKMARK', {
      apiVersion: API_GROUP_VERSION,
      kind: 'Trace',
      metadata: { resourceVersion: String(version), creationTimestamp: null },
      ...(missed > 0 && { missed }),
    })
  const sign = (version: number) => (bookmarks ? bookmark(version) : '')
  return {
    hello: sign,
    *news(records, version) {
      for (const added of Map.groupBy(records, ({ traceId }) => traceId).values()) {
        const [{ traceId }] = added as [TraceRecord]
        const summary = store.summary(traceId, namespace ?? undefined)
        // It was among the oldest and has had to go already.
        if (!summary) continue
        const type = summary.records === added.length ? 'ADDED' : 'MODIFIED'
        const object = wantsRecords
          ? newsOf(added, namespace)
          : traceOf(summary, namespace, systemNamespace)
        const versioned = {
          ...object,
          metadata: { ...object.metadata, resourceVersion: String(version) },
        }
        yield line(type, shaped(wantsRecords ? 'TraceNews' : 'Trace', versioned))
      }
    },
    missed: (count, version) =>
      bookmarks
        ? bookmark(version, count)
        : errorLine(
            statusOf('Expired', `too slow a reader: ${count} changes were left out; list again`),
          ),
    ping: sign,
  }
}

/** The last line of a watch that cannot go on. */
export function errorLine(status: Status): string {
  return `${JSON.stringify({ type: 'ERROR', object: status })}\n`
}
