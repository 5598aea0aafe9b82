/** One trace: what was asked, and its hops as a waterfall. */
import type { TraceRecord } from '../core/trace-record.ts'
import { formatDuration, formatTime } from './format.ts'
import { HopDetail } from './hop-detail.tsx'
import { End, SpaceLabel, Status } from './labels.tsx'
import { type Bar, type HopRow, layoutTrace } from './layout.ts'
import { useTrace } from './use-trace.ts'

interface TraceDetailProps {
  traceId: string
  hop: string | null
  news: number
  onHop: (hop: string | null) => void
  onClose: () => void
}

export function TraceDetail({ traceId, hop, news, onHop, onClose }: TraceDetailProps) {
  const { records, problem } = useTrace(traceId, news)
  return (
    <section class="detail" aria-label="Trace">
      <button type="button" class="close" onClick={onClose} title="Esc">
        Close
      </button>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {records && <Waterfall traceId={traceId} records={records} hop={hop} onHop={onHop} />}
      {!records && !problem && <p class="dim">Loading…</p>}
    </section>
  )
}

interface WaterfallProps {
  traceId: string
  records: TraceRecord[]
  hop: string | null
  onHop: (hop: string | null) => void
}

function Waterfall({ traceId, records, hop, onHop }: WaterfallProps) {
  const { startedAt, durationMs, rows } = layoutTrace(records)
  const [first] = rows
  if (!first) return null
  const context = rows.find((row) => row.route.context)?.route.context
  const failed = rows.findLast((row) => row.error)
  return (
    <>
      <h2>
        <b>{first.main.method ?? first.main.protocol}</b> {first.main.path ?? first.main.authority}{' '}
        <Status status={first.status} error={first.main.error} protocol={first.main.protocol} />
      </h2>
      <p class="facts">
        {context ? <SpaceLabel name={context} /> : <span>no space</span>}
        <span>{formatDuration(durationMs)}</span>
        <span>{rows.length === 1 ? '1 hop' : `${rows.length} hops`}</span>
        <span>{formatTime(startedAt)}</span>
        <span class="id">{traceId}</span>
      </p>
      {failed && failed.key !== hop && (
        <p class="failed">
          <button type="button" class="link" onClick={() => onHop(failed.key)}>
            {failed.error?.code}
          </button>{' '}
          at {failed.to.name}: {failed.error?.message}
        </p>
      )}
      <ol class="hops">
        {rows.map((row) => (
          <HopItem
            key={row.key}
            row={row}
            isOpen={row.key === hop}
            onToggle={() => onHop(row.key === hop ? null : row.key)}
          />
        ))}
      </ol>
      <p class="legend">
        <span class="bar whole" /> waiting for the answer <span class="bar answer" /> answer{' '}
        <span class="bar callee" /> seen by the receiver
      </p>
    </>
  )
}

function HopItem({
  row,
  isOpen,
  onToggle,
}: {
  row: HopRow
  isOpen: boolean
  onToggle: () => void
}) {
  const { main, depth, from, to, status, error, route } = row
  return (
    <li class={isOpen ? 'hop open' : 'hop'}>
      <button type="button" class="head" aria-expanded={isOpen} onClick={onToggle}>
        <span class="who" style={{ '--depth': String(depth) }}>
          <span class="ends">
            <End end={from} /> <span aria-hidden="true">→</span>
            <span class="hidden"> calls </span> <End end={to} />
          </span>
          <span class="what">
            <b>{main.method ?? main.protocol}</b> {main.path ?? main.authority ?? main.sni ?? ''}{' '}
            <span class="reason">{route.reason}</span>
          </span>
        </span>
        <Status status={status} error={error} protocol={main.protocol} />
        <span class="clock">
          <span class="bars" aria-hidden="true">
            <BarShape bar={row.bar} kind="whole" />
            {row.answerBar && <BarShape bar={row.answerBar} kind="answer" />}
            {row.calleeBar && <BarShape bar={row.calleeBar} kind="callee" />}
          </span>
          <span class="number">{formatDuration(main.durationMs)}</span>
        </span>
      </button>
      {isOpen && <HopDetail row={row} />}
    </li>
  )
}

function BarShape({ bar, kind }: { bar: Bar; kind: 'whole' | 'answer' | 'callee' }) {
  const style = { left: `${bar.left * 100}%`, width: `max(2px, ${bar.width * 100}%)` }
  return <span class={`bar ${kind}`} style={style} />
}
