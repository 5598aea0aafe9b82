/** How traces read on a terminal: one line for a trace or an exchange, a tree for all hops of one. */
import type { TraceSummary } from '../core/controller-api.ts'
import { ROUTE_REASON } from '../core/route-reason.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import { assembleHops, type Hop, type HopEnd, hopEnds } from '../core/trace-tree.ts'
import { type Paint, printable, table } from './output.ts'

/** Local time of day with milliseconds: traces are looked at on the day they are made. */
export function timeOf(startedAt: number): string {
  const date = new Date(startedAt)
  const pad = (value: number, width = 2) => String(value).padStart(width, '0')
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part))
  return `${clock.join(':')}.${pad(date.getMilliseconds(), 3)}`
}

/** One line a trace, newest first as the controller sends them. */
export function listText(traces: readonly TraceSummary[], paint: Paint): string {
  const rows = traces.map((trace) => [
    timeOf(trace.startedAt),
    what(trace),
    status(trace, paint),
    `${Math.round(trace.durationMs)} ms`,
    trace.context ?? '-',
    trace.services.map(printable).join(' > '),
    paint('dim', trace.traceId),
  ])
  return table(['Time', 'Request', 'Status', 'Took', 'Space', 'Services', 'Trace'], rows)
}

/**
 * One line for an exchange: time, request, status, who called whom, why it went there. Null for a
 * record whose exchange has a line already: that of the sidecar which sent it.
 */
export function exchangeLine(record: TraceRecord, paint: Paint): string | null {
  const sentByUs = record.direction === 'inbound' && record.route.reason === 'delivered'
  if (sentByUs) return null
  const side = record.direction === 'inbound' ? 'callee' : 'caller'
  const hop = { depth: 0, caller: null, callee: null, inferred: false, cause: null, [side]: record }
  return [
    paint('dim', timeOf(record.startedAt)),
    what(record),
    status(record, paint),
    whoCalledWhom(hop),
    paint('dim', `(${reasonOf(record)})`),
  ].join('  ')
}

/** The hops of one trace, each under the one that caused it. */
export function treeText(records: readonly TraceRecord[], paint: Paint): string {
  const hops = assembleHops(records)
  const first = hops[0] && mainRecord(hops[0])
  if (!first) return 'The trace has no records.\n'
  const rows = hops.map((hop) => hopRow(hop, paint))
  const context = records.find((record) => record.route.context)?.route
  const origin = context ? `space ${context.context} (from ${context.contextSource})` : 'no space'
  const head = `Trace ${first.traceId} of ${new Date(first.startedAt).toISOString()}, ${origin}`
  const guessed = hops.some((hop) => hop.inferred)
    ? '~ placed by time: the app did not pass its trace parent on\n'
    : ''
  const notes = hops.flatMap((hop) => errorNotes(hop, paint)).join('')
  const hopTable = table(['Hop', 'Request', 'Status', 'Took', 'Why'], rows)
  return `${head}\n\n${hopTable}${guessed}${notes}\n${legend(hops, paint)}`
}

/** What the reasons in the table mean, each once. A newer sidecar may send one that is not known here. */
function legend(hops: readonly Hop[], paint: Paint): string {
  const reasons = [...new Set(hops.map((hop) => mainRecord(hop).route.reason))]
  const known = reasons.filter((reason) => Object.hasOwn(ROUTE_REASON, reason))
  const width = Math.max(...known.map((reason) => reason.length))
  return known
    .map((reason) => paint('dim', `${reason.padEnd(width)}  ${ROUTE_REASON[reason]}`))
    .map((line) => `${line}\n`)
    .join('')
}

function hopRow(hop: Hop, paint: Paint): string[] {
  const record = mainRecord(hop)
  const indent = '  '.repeat(hop.depth)
  return [
    `${indent}${hop.inferred ? '~ ' : ''}${whoCalledWhom(hop)}`,
    what(record),
    status(record, paint),
    `${Math.round(record.durationMs)} ms`,
    reasonOf(record),
  ]
}

/** The sender's record, because it decided; the receiver's where the sender has no sidecar. */
function mainRecord({ caller, callee }: Pick<Hop, 'caller' | 'callee'>): TraceRecord {
  const record = caller ?? callee
  if (!record) throw new Error('a hop without any record')
  return record
}

function errorNotes({ caller, callee }: Hop, paint: Paint): string[] {
  return [caller, callee].flatMap((record) =>
    record?.error
      ? [
          `${paint('red', record.error.code)} at ${printable(record.pod)}: ${printable(record.error.message)}\n`,
        ]
      : [],
  )
}

function whoCalledWhom(hop: Hop): string {
  const { from, to } = hopEnds(hop)
  return `${end(from)} -> ${end(to)}`
}

function end({ name, space }: HopEnd): string {
  return space ? `${printable(name)} (${printable(space)})` : printable(name)
}

function reasonOf({ route: { reason, context } }: TraceRecord): string {
  return context ? `${reason} for ${context}` : reason
}

/** `GET /orders`, or the protocol where there is no request line. */
function what(of: Pick<TraceRecord, 'method' | 'path' | 'protocol'>): string {
  return of.method === null ? of.protocol : printable(`${of.method} ${of.path ?? ''}`)
}

function status(of: Pick<TraceRecord, 'status' | 'error'>, paint: Paint): string {
  const text = [of.status, of.error?.code].filter((part) => part).join(' ') || '-'
  if (of.error || (of.status ?? 0) >= 500) return paint('red', text)
  if ((of.status ?? 0) >= 400) return paint('yellow', text)
  return of.status === null ? text : paint('green', text)
}
