/** All rows, in the order of the report. */
import type { Row } from './row.ts'
import { BULK_ROW } from './rows/bulk.ts'
import { HTTP1_ROWS } from './rows/http1.ts'
import { HTTP2_ROW } from './rows/http2.ts'
import { LATENCY_ROW } from './rows/latency.ts'
import { MEMORY_ROW } from './rows/memory.ts'
import { TABLE_ROW, TRACING_PACED_ROW, TRACING_ROW } from './rows/ours-alone.ts'
import { SERVER_FIRST_ROW } from './rows/server-first.ts'
import { START_ROW } from './rows/start.ts'

export const ROWS: readonly Row[] = [
  ...HTTP1_ROWS,
  HTTP2_ROW,
  BULK_ROW,
  LATENCY_ROW,
  SERVER_FIRST_ROW,
  MEMORY_ROW,
  START_ROW,
  TRACING_ROW,
  TRACING_PACED_ROW,
  TABLE_ROW,
]
