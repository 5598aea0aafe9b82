/** All rows, in the order in which they run and stand in the document. */
import { admissionRow } from './admission.ts'
import { feedRow, herdRow } from './feed.ts'
import { rolloutRow } from './rollout.ts'
import type { ControlRow } from './row.ts'

export const CONTROL_ROWS: readonly ControlRow[] = [admissionRow, rolloutRow, feedRow, herdRow]
