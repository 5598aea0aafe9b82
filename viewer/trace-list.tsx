/** The list of traces, one row each. */
import type { TraceSummary } from '../core/controller-api.ts'
import { type Address, formatAddress } from './address.ts'
import { formatDuration, formatTime } from './format.ts'
import { SpaceLabel, Status } from './labels.tsx'

interface TraceListProps {
  traces: TraceSummary[]
  address: Address
  onOpen: (traceId: string) => void
}

export function TraceList({ traces, address, onOpen }: TraceListProps) {
  return (
    <table class="traces">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Request</th>
          <th scope="col">Status</th>
          <th scope="col">Space</th>
          <th scope="col">Services</th>
          <th scope="col" class="number">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {traces.map((trace) => (
          <TraceRow key={trace.traceId} trace={trace} address={address} onOpen={onOpen} />
        ))}
      </tbody>
    </table>
  )
}

interface TraceRowProps {
  trace: TraceSummary
  address: Address
  onOpen: (traceId: string) => void
}

function TraceRow({ trace, address, onOpen }: TraceRowProps) {
  const { traceId, status, error, protocol } = trace
  const isOpen = traceId === address.traceId
  return (
    <tr class={isOpen ? 'open' : ''}>
      <td class="time">{formatTime(trace.startedAt)}</td>
      <td class="request">
        {/* A link, so that a trace can be opened in a tab of its own; the whole row is its area. */}
        <a
          href={formatAddress({ ...address, traceId, hop: null })}
          aria-current={isOpen ? 'true' : undefined}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return
            event.preventDefault()
            onOpen(traceId)
          }}
        >
          <b>{trace.method ?? protocol}</b> {trace.path ?? trace.authority ?? ''}
        </a>
        <span class="host">{trace.path !== null && trace.authority}</span>
      </td>
      <td>
        <Status status={status} error={error} protocol={protocol} />
      </td>
      <td>{trace.context ? <SpaceLabel name={trace.context} /> : <span class="dim">none</span>}</td>
      <td class="services">{trace.services.join(' → ')}</td>
      <td class="number">{formatDuration(trace.durationMs)}</td>
    </tr>
  )
}
