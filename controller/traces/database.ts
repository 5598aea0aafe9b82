/** The tables of the trace store, and how a database file is opened. */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** A data directory of this name keeps everything in memory (tests, trying out). */
export const IN_MEMORY = ':memory:'

/** Raised with every change of the tables; a file of another version is refused. */
const SCHEMA_VERSION = 1

/**
 * `records` holds each record whole in `json`, and beside it the columns that lists are made of and
 * filtered by. `traces` keeps one row a trace, so that listing and dropping the oldest need no
 * grouping over all records.
 */
const SCHEMA = `
  CREATE TABLE traces (
    trace_id TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    records INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX traces_by_start ON traces (started_at, trace_id);
  CREATE TABLE records (
    trace_id TEXT NOT NULL,
    started_at REAL NOT NULL,
    span_id TEXT NOT NULL,
    parent_span_id TEXT,
    direction TEXT NOT NULL,
    space TEXT NOT NULL,
    pod TEXT NOT NULL,
    workload TEXT NOT NULL,
    service TEXT,
    context TEXT,
    target_space TEXT,
    protocol TEXT NOT NULL,
    method TEXT,
    authority TEXT,
    path TEXT,
    status INTEGER,
    duration_ms REAL NOT NULL,
    error TEXT,
    search TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    json TEXT NOT NULL,
    UNIQUE (trace_id, span_id)
  );
  CREATE INDEX records_by_trace ON records (trace_id, started_at);
`

/**
 * - synchronous: a crash may lose the last batches but never breaks the file; traces are not worth
 *   an fsync each.
 * - temp_store: the container's root filesystem is read-only, so there is no place for temporary files.
 * - journal_size_limit: after a burst the log is cut to 16 MiB, four times what one batch can be.
 */
const PRAGMAS = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;
  PRAGMA journal_size_limit = ${16 * 1024 * 1024}`

/**
 * Opens or makes the store's file in `directory`.
 * Throws a sentence where the file cannot be used.
 */
export function openDatabase(directory: string): DatabaseSync {
  const file = directory === IN_MEMORY ? IN_MEMORY : join(directory, 'traces.sqlite')
  try {
    if (file !== IN_MEMORY) makeDirectory(resolve(directory))
    const database = new DatabaseSync(file)
    database.exec(PRAGMAS)
    migrate(database)
    // Reads the whole index of traces: a file that is broken there is told now, by its name.
    database.prepare('SELECT sum(bytes) FROM traces').get()
    return database
  } catch (error) {
    throw new Error(
      `trace store ${file}: ${(error as Error).message}; make the directory writable for this user, or remove the file to begin anew`,
      { cause: error },
    )
  }
}

/** Not `mkdirSync`'s own `recursive`: below /proc and its like that tries again for ever. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  mkdirSync(path)
}

function migrate(database: DatabaseSync): void {
  const version = database.prepare('PRAGMA user_version').get()?.['user_version']
  if (version === SCHEMA_VERSION) return
  if (version !== 0) throw new Error(`its tables have version ${version}, not ${SCHEMA_VERSION}`)
  database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
}
