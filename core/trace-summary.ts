/** One line about a whole trace, made from its records; the controller and the viewer share it. */
import type { TraceSummary } from './controller-api.ts'
import type { TraceRecord } from './trace-record.ts'
import { rootRecord, type TreeRecord } from './trace-tree.ts'

/** What a summary needs of a record, so that a store need not read whole records for a list. */
export type SummaryRecord = TreeRecord &
  Pick<
    TraceRecord,
    | 'traceId'
    | 'workload'
    | 'service'
    | 'protocol'
    | 'method'
    | 'authority'
    | 'path'
    | 'status'
    | 'error'
  > & {
    /** `route.context`. */
    context: string | null
    /** Space of `route.service`; null if the target is no service of a space. */
    targetSpace: string | null
  }

export function summaryRecord(record: TraceRecord): SummaryRecord {
  const { context, service } = record.route
  return { ...record, authority: authorityOf(record), context, targetSpace: service?.space ?? null }
}

/** Whom the request was for: its host; of a TLS connection the server name; else the address dialled. */
export function authorityOf({ authority, sni, route }: TraceRecord): string {
  return authority ?? sni ?? route.originalDestination
}

/** Summarises the records of one trace; null if there are none. */
export function summarize(records: readonly SummaryRecord[]): TraceSummary | null {
  const root = rootRecord(records)
  if (!root) return null
  const byTime = records.toSorted((a, b) => a.startedAt - b.startedAt)
  const startedAt = byTime[0]?.startedAt ?? root.startedAt
  const end = byTime.reduce(
    (last, one) => Math.max(last, one.startedAt + one.durationMs),
    startedAt,
  )
  const { traceId, method, authority, path, status, protocol } = root
  return {
    traceId,
    startedAt,
    durationMs: end - startedAt,
    method,
    authority,
    path,
    status,
    protocol,
    context: root.context ?? byTime.find((record) => record.context)?.context ?? null,
    spaces: distinct(
      byTime.flatMap(({ direction, space, targetSpace }) => [
        // The gateway belongs to no space: what counts is where it sends to.
        direction === 'gateway' ? null : space,
        targetSpace,
      ]),
    ),
    services: distinct(byTime.map(serviceOf)),
    records: records.length,
    error: byTime.findLast((record) => record.error)?.error ?? null,
  }
}

function serviceOf({ service, direction, workload }: SummaryRecord): string | null {
  return service ?? (direction === 'inbound' ? workload : null)
}

function distinct(values: (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))]
}
