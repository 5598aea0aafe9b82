/** Keeps trace records in SQLite, bounded by number of traces and bytes: the oldest trace goes first. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TraceSummary } from '../../core/controller-api.ts'
import { MAX_BATCH_RECORDS, type TraceRecord } from '../../core/trace-record.ts'
import { authorityOf, type SummaryRecord, summarize } from '../../core/trace-summary.ts'
import { conditionOf, type RecordFilter, searchText } from './filter.ts'
import { VISIBLE_SQL, visibleValues } from './visible.ts'

export interface StoreLimits {
  maxTraces: number
  /** Of the records as they lie in the file: JSON, columns, search text and indexes, in bytes. */
  maxBytes: number
}

export interface StoreCounts {
  traces: number
  records: number
  bytes: number
}

/** What a batch did to the store. */
export interface Stored {
  /** Records that are new; the rest were there already, because a batch was sent twice. */
  added: TraceRecord[]
  /** Older records that had to go. */
  evicted: number
}

/** Where a page of the list ends: the next one begins after this trace. */
export interface Cursor {
  startedAt: number
  /** Absent: every trace that started before `startedAt`. */
  traceId?: string | undefined
}

export interface ListOptions {
  /** Summaries are made of the records that `filter.visible` sees alone. */
  filter: RecordFilter
  /** Only traces that began at or after this time (ms since 1970). */
  since?: number | undefined
  before?: Cursor | undefined
  limit: number
}

/**
 * Records that one trace keeps. A trace id that something sends for ever (a fixed header in a load
 * test) would otherwise grow without end; 2000 hops are more than a page can show, and at 4 KB each
 * an answer of 8 MB. Within such a trace, too, the oldest go first.
 */
export const MAX_TRACE_RECORDS = 2000

/**
 * Traces that one step of a search looks at. Measured with five records each: 3 ms, which a feed or a
 * batch that waits meanwhile does not feel.
 */
export const SCAN_TRACES = 500

/**
 * Traces that one batch pushes out at most: twice what it can bring, so that a store whose limits were
 * lowered comes down to them batch by batch, and not in one transaction of minutes.
 */
export const MAX_DROPS = 2 * MAX_BATCH_RECORDS

/** Bytes that a record takes besides its texts: short columns, index entries, free space; measured. */
const ROW_OVERHEAD = 700

const SUMMARY_COLUMNS = `trace_id, started_at, span_id, parent_span_id, direction, space, pod,
  workload, service, context, target_space, protocol, method, authority, path, status, duration_ms,
  error`

export class TraceStore {
  readonly #database: DatabaseSync
  readonly #limits: StoreLimits
  readonly #counts: StoreCounts
  readonly #statement: Record<
    | 'insert'
    | 'touch'
    | 'trim'
    | 'shrink'
    | 'oldest'
    | 'dropRecords'
    | 'dropTrace'
    | 'get'
    | 'getVisible'
    | 'summary'
    | 'summaryVisible',
    StatementSync
  >

  /** @param database opened by `openDatabase`; the store closes it */
  constructor(database: DatabaseSync, limits: StoreLimits) {
    this.#database = database
    this.#limits = limits
    const prepare = (sql: string) => database.prepare(sql)
    this.#statement = {
      insert: prepare(`INSERT OR IGNORE INTO records (${SUMMARY_COLUMNS}, search, bytes, json)
        VALUES (${Array(21).fill('?').join(', ')})`),
      touch: prepare(`INSERT INTO traces (trace_id, started_at, records, bytes) VALUES (?, ?, 1, ?)
        ON CONFLICT (trace_id) DO UPDATE SET records = records + 1, bytes = bytes + excluded.bytes,
          started_at = min(started_at, excluded.started_at)
        RETURNING records`),
      trim: prepare(`DELETE FROM records WHERE rowid = (
          SELECT rowid FROM records WHERE trace_id = ? ORDER BY started_at LIMIT 1
        ) RETURNING bytes`),
      shrink: prepare(
        'UPDATE traces SET records = records - 1, bytes = bytes - ? WHERE trace_id = ?',
      ),
      oldest: prepare(
        'SELECT trace_id, records, bytes FROM traces ORDER BY started_at, trace_id LIMIT 1',
      ),
      dropRecords: prepare('DELETE FROM records WHERE trace_id = ?'),
      dropTrace: prepare('DELETE FROM traces WHERE trace_id = ?'),
      get: prepare('SELECT json FROM records WHERE trace_id = ? ORDER BY started_at'),
      getVisible: prepare(
        `SELECT json FROM records WHERE trace_id = ? AND ${VISIBLE_SQL} ORDER BY started_at`,
      ),
      summary: prepare(
        `SELECT ${SUMMARY_COLUMNS} FROM records WHERE trace_id = ? ORDER BY started_at`,
      ),
      summaryVisible: prepare(
        `SELECT ${SUMMARY_COLUMNS} FROM records WHERE trace_id = ? AND ${VISIBLE_SQL}
        ORDER BY started_at`,
      ),
    }
    this.#counts = database
      .prepare(
        `SELECT count(*) AS traces, coalesce(sum(records), 0) AS records,
          coalesce(sum(bytes), 0) AS bytes FROM traces`,
      )
      .get() as unknown as StoreCounts
  }

  get counts(): Readonly<StoreCounts> {
    return this.#counts
  }

  /** Stores a batch in one transaction; nothing of it is kept if any of it fails. */
  add(records: readonly TraceRecord[]): Stored {
    const before = { ...this.#counts }
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const added = records.filter((record) => this.#insert(record))
      const total = before.records + added.length
      for (let n = 0; n < MAX_DROPS && this.#isOver(); n += 1) this.#dropOldest()
      this.#database.exec('COMMIT')
      return { added, evicted: total - this.#counts.records }
    } catch (error) {
      // A full disk or a broken file makes SQLite roll back by itself.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      Object.assign(this.#counts, before)
      throw error
    }
  }

  /**
   * One step of a search, newest first: looks at the next `SCAN_TRACES` traces if there is a filter,
   * else at as many as are wanted. `rest` is where the next step begins; null at the end. Each trace comes
   * with its place in the order, which is not its summary's start where not all of it is seen.
   */
  scan({ filter, since, before, limit }: ListOptions): {
    found: { summary: TraceSummary; place: Required<Cursor> }[]
    rest: Cursor | null
  } {
    const where: string[] = []
    const values: (string | number)[] = []
    const add = (sql: string, ...bound: (string | number)[]) => {
      where.push(sql)
      values.push(...bound)
    }
    if (since !== undefined) add('started_at >= ?', since)
    // No trace id is less than the empty text: without one only earlier traces follow.
    if (before) add('(started_at, trace_id) < (?, ?)', before.startedAt, before.traceId ?? '')
    const condition = conditionOf(filter)
    const rest = condition.sql ? this.#nth(SCAN_TRACES, where, values) : null
    if (rest) add('(started_at, trace_id) >= (?, ?)', rest.startedAt, rest.traceId)
    if (condition.sql) {
      add(
        `EXISTS (SELECT 1 FROM records
          WHERE records.trace_id = traces.trace_id AND ${condition.sql})`,
        ...condition.values,
      )
    }
    const rows = this.#traces(where, values, limit, 0)
    const found = rows.flatMap((place) => {
      const summary = this.summary(place.traceId, filter.visible)
      return summary ? [{ summary, place }] : []
    })
    return { found, rest }
  }

  /**
   * The records of a trace in order of time; null if there are none.
   * @param visible only those that this namespace sees
   */
  get(traceId: string, visible?: string): TraceRecord[] | null {
    const rows =
      visible === undefined
        ? this.#statement.get.all(traceId)
        : this.#statement.getVisible.all(traceId, ...visibleValues(visible))
    return rows.length > 0 ? rows.map((row) => JSON.parse(String(row['json']))) : null
  }

  /** One line about a trace; null if none of its records is there, or seen in namespace `visible`. */
  summary(traceId: string, visible?: string): TraceSummary | null {
    const rows =
      visible === undefined
        ? this.#statement.summary.all(traceId)
        : this.#statement.summaryVisible.all(traceId, ...visibleValues(visible))
    return summarize(rows.map(summaryRecordOf))
  }

  close(): void {
    this.#database.close()
  }

  #insert(record: TraceRecord): boolean {
    const { traceId, startedAt, route, error } = record
    const json = JSON.stringify(record)
    const search = searchText(record)
    const authority = authorityOf(record)
    const errorJson = error && JSON.stringify(error)
    // A long path lies in the file three times: in the JSON, in its column and in the search text.
    const texts = [json, search, record.method, authority, record.path, errorJson]
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), ROW_OVERHEAD)
    const { changes } = this.#statement.insert.run(
      traceId,
      startedAt,
      record.spanId,
      record.parentSpanId,
      record.direction,
      record.space,
      record.pod,
      record.workload,
      record.service,
      route.context,
      route.service?.space ?? null,
      record.protocol,
      record.method,
      authority,
      record.path,
      record.status,
      record.durationMs,
      errorJson,
      search,
      bytes,
      json,
    )
    if (changes === 0) return false
    const inTrace = Number(this.#statement.touch.get(traceId, startedAt, bytes)?.['records'])
    this.#counts.records += 1
    this.#counts.bytes += bytes
    if (inTrace === 1) this.#counts.traces += 1
    if (inTrace > MAX_TRACE_RECORDS) this.#trim(traceId)
    return true
  }

  #trim(traceId: string): void {
    const bytes = Number(this.#statement.trim.get(traceId)?.['bytes'])
    this.#statement.shrink.run(bytes, traceId)
    this.#counts.records -= 1
    this.#counts.bytes -= bytes
  }

  #isOver(): boolean {
    const { traces, bytes } = this.#counts
    return traces > this.#limits.maxTraces || bytes > this.#limits.maxBytes
  }

  #dropOldest(): void {
    const oldest = this.#statement.oldest.get()
    if (!oldest) throw new Error('trace store: it is over its limit but holds no trace')
    const traceId = String(oldest['trace_id'])
    this.#statement.dropRecords.run(traceId)
    this.#statement.dropTrace.run(traceId)
    this.#counts.traces -= 1
    this.#counts.records -= Number(oldest['records'])
    this.#counts.bytes -= Number(oldest['bytes'])
  }

  #traces(where: string[], values: (string | number)[], limit: number, offset: number) {
    const rows = this.#database
      .prepare(
        `SELECT trace_id, started_at FROM traces ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
        ORDER BY started_at DESC, trace_id DESC LIMIT ? OFFSET ?`,
      )
      .all(...values, limit, offset)
    return rows.map((row) => ({
      startedAt: Number(row['started_at']),
      traceId: String(row['trace_id']),
    }))
  }

  #nth(count: number, where: string[], values: (string | number)[]) {
    return this.#traces(where, values, 1, count - 1)[0] ?? null
  }
}

function summaryRecordOf(row: Record<string, unknown>): SummaryRecord {
  return {
    traceId: row['trace_id'],
    startedAt: row['started_at'],
    spanId: row['span_id'],
    parentSpanId: row['parent_span_id'],
    direction: row['direction'],
    space: row['space'],
    pod: row['pod'],
    workload: row['workload'],
    service: row['service'],
    context: row['context'],
    targetSpace: row['target_space'],
    protocol: row['protocol'],
    method: row['method'],
    authority: row['authority'],
    path: row['path'],
    status: row['status'],
    durationMs: row['duration_ms'],
    error: row['error'] === null ? null : JSON.parse(String(row['error'])),
    // The columns are written from records that the ingest schema has checked.
  } as SummaryRecord
}
