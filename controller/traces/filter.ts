/** Which records a query asks for: the same question for records in memory and for those in SQL. */
import type { TraceQuery } from '../../core/controller-api.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { authorityOf } from '../../core/trace-summary.ts'
import { isVisibleIn, VISIBLE_SQL, visibleValues } from './visible.ts'

/** What somebody asks for, and what she may see. */
export interface RecordFilter extends TraceQuery {
  /** Only what this namespace sees; absent: everything. */
  visible?: string | undefined
  /** Only this trace. */
  traceId?: string | undefined
}

/** What a status filter may say, and how it is written in a URL. */
export const STATUS_PATTERN = '^([1-5][0-9]{2}|[1-5]xx|error)$'

/** The text that `q` is looked for in, in lower case (ASCII and beyond alike, hence not in SQL). */
export function searchText(record: TraceRecord): string {
  const { method, path, service, workload, pod, traceId, error } = record
  return [
    method,
    authorityOf(record),
    path,
    service,
    workload,
    pod,
    traceId,
    error?.code,
    error?.message,
  ]
    .filter((part) => part)
    .join('\n')
    .toLowerCase()
}

/** Whether a record matches every filter that is set. */
export function matches(record: TraceRecord, query: RecordFilter): boolean {
  const { traceId, visible, space, service, pod, method, status, q } = query
  if (traceId !== undefined && record.traceId !== traceId) return false
  if (visible !== undefined && !isVisibleIn(visible, record)) return false
  if (space !== undefined && record.space !== space && record.route.context !== space) return false
  if (service !== undefined && record.service !== service && record.workload !== service)
    return false
  if (pod !== undefined && record.pod !== pod) return false
  if (method !== undefined && record.method !== method) return false
  if (status !== undefined && !matchesStatus(record, status)) return false
  return q === undefined || searchText(record).includes(q.toLowerCase())
}

function matchesStatus({ status, error }: TraceRecord, wanted: string): boolean {
  if (wanted === 'error') return error !== null || (status ?? 0) >= 400
  const { from, to } = statusRange(wanted)
  return status !== null && status >= from && status <= to
}

function statusRange(wanted: string): { from: number; to: number } {
  if (!wanted.endsWith('xx')) return { from: Number(wanted), to: Number(wanted) }
  const from = Number(wanted[0]) * 100
  return { from, to: from + 99 }
}

/** The same filters as a condition on the columns of table `records`. */
export function conditionOf(query: RecordFilter): { sql: string; values: (string | number)[] } {
  const { traceId, visible, space, service, pod, method, status, q } = query
  const parts: string[] = []
  const values: (string | number)[] = []
  const add = (sql: string, ...bound: (string | number)[]) => {
    parts.push(sql)
    values.push(...bound)
  }
  if (traceId !== undefined) add('trace_id = ?', traceId)
  if (visible !== undefined) add(VISIBLE_SQL, ...visibleValues(visible))
  if (space !== undefined) add('(space = ? OR context = ?)', space, space)
  if (service !== undefined) add('(service = ? OR workload = ?)', service, service)
  if (pod !== undefined) add('pod = ?', pod)
  if (method !== undefined) add('method = ?', method)
  if (status === 'error') add('(error IS NOT NULL OR status >= 400)')
  else if (status !== undefined) {
    const { from, to } = statusRange(status)
    add('status BETWEEN ? AND ?', from, to)
  }
  if (q !== undefined) add('instr(search, ?) > 0', q.toLowerCase())
  return { sql: parts.join(' AND '), values }
}
