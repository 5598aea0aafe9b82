/** All rows, in the order of the report. */
import type { Row } from './row.ts'
import { BULK_ROW } from './rows/bulk.ts'
import { HTTP1_ROWS } from './rows/http1.ts'
import { MEMORY_ROW } from './rows/memory.ts'
import { START_ROW } from './rows/start.ts'

export const ROWS: readonly Row[] = [...HTTP1_ROWS, BULK_ROW, MEMORY_ROW, START_ROW]
