/** From the records of a trace to the rows of its waterfall. Pure. */
import type { TraceRecord, TraceRoute } from '../core/trace-record.ts'
import { assembleHops, type Hop, type HopEnd, hopEnds } from '../core/trace-tree.ts'

/** Where a bar lies on the clock of the trace, as fractions of its duration. */
export interface Bar {
  left: number
  width: number
}

export interface HopRow {
  /** Span id of the hop's first record. */
  key: string
  depth: number
  from: HopEnd
  to: HopEnd
  caller: TraceRecord | null
  callee: TraceRecord | null
  /** The record that tells most: the sender's, because it decided; else the receiver's. */
  main: TraceRecord
  /** The decision that brought the request here. */
  route: TraceRoute
  status: number | null
  error: TraceRecord['error']
  /** The cause is a guess. */
  inferred: boolean
  /** Milliseconds after the start of the trace. */
  startMs: number
  /** The whole hop, as its main record saw it. */
  bar: Bar
  /** From the first byte of the answer on; null if none came. */
  answerBar: Bar | null
  /** The receiver's share of the hop; null if only one side wrote a record. */
  calleeBar: Bar | null
}

export interface TraceLayout {
  startedAt: number
  durationMs: number
  rows: HopRow[]
}

export function layoutTrace(records: readonly TraceRecord[]): TraceLayout {
  const startedAt = Math.min(...records.map((record) => record.startedAt))
  const endedAt = Math.max(...records.map((record) => record.startedAt + record.durationMs))
  if (records.length === 0) return { startedAt: 0, durationMs: 0, rows: [] }
  const durationMs = endedAt - startedAt
  const clock = { startedAt, durationMs }
  return { ...clock, rows: assembleHops(records).flatMap((hop) => rowOf(hop, clock) ?? []) }
}

interface Clock {
  startedAt: number
  durationMs: number
}

function rowOf(hop: Hop, clock: Clock): HopRow | null {
  const { depth, caller, callee, inferred } = hop
  const main = caller ?? callee
  if (!main) return null
  return {
    key: main.spanId,
    depth,
    ...hopEnds(hop),
    caller,
    callee,
    main,
    route: main.route,
    status: main.status ?? callee?.status ?? null,
    // The receiver is nearer to the cause.
    error: callee?.error ?? caller?.error ?? null,
    inferred,
    startMs: main.startedAt - clock.startedAt,
    bar: barOf(main.startedAt, main.durationMs, clock),
    answerBar: answerBar(main, clock),
    calleeBar: caller && callee ? barOf(callee.startedAt, callee.durationMs, clock) : null,
  }
}

function answerBar({ startedAt, firstByteMs, durationMs }: TraceRecord, clock: Clock): Bar | null {
  if (firstByteMs === null) return null
  return barOf(startedAt + firstByteMs, Math.max(0, durationMs - firstByteMs), clock)
}

/** A trace without duration fills the whole width, so that there is something to see. */
function barOf(startedAt: number, durationMs: number, clock: Clock): Bar {
  if (clock.durationMs === 0) return { left: 0, width: 1 }
  const left = clamp((startedAt - clock.startedAt) / clock.durationMs)
  return { left, width: Math.min(clamp(durationMs / clock.durationMs), 1 - left) }
}

function clamp(fraction: number): number {
  return Math.min(1, Math.max(0, fraction))
}
