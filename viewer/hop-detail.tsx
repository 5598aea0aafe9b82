/** Everything about one hop: why it went there, times and sizes, headers, bodies, error. */
import { REDACTED } from '../core/redaction.ts'
import type { CapturedBody, HeaderList, TraceRecord } from '../core/trace-record.ts'
import { formatBytes, formatDuration, readableBody } from './format.ts'
import { SpaceLabel } from './labels.tsx'
import type { HopRow } from './layout.ts'
import { contextSentence, errorAdvice, reasonSentence, triedWords } from './words.ts'

export function HopDetail({ row }: { row: HopRow }) {
  const { caller, callee, main, error } = row
  // The receiver's own headers are what the app has seen; the answer is what the caller got.
  const request = callee ?? main
  return (
    <div class="hop-detail">
      {error && <ErrorBox error={error} />}
      <h3>Why it went there</h3>
      <Why row={row} />
      <h3>Times and sizes</h3>
      <Numbers caller={caller} callee={callee} />
      <Message
        title="Request"
        headers={request.requestHeaders}
        body={main.requestBody ?? request.requestBody}
      />
      <Message
        title="Response"
        headers={main.responseHeaders}
        body={main.responseBody ?? request.responseBody}
      />
    </div>
  )
}

function ErrorBox({ error }: { error: NonNullable<TraceRecord['error']> }) {
  const advice = errorAdvice(error)
  return (
    <div class="error-box" role="note">
      <p>
        <b>{error.code}</b> {advice?.meaning}
      </p>
      <p class="message">{error.message}</p>
      {advice && <p>Next: {advice.next}</p>}
    </div>
  )
}

function Why({ row }: { row: HopRow }) {
  const { route, inferred } = row
  const isMoved = route.target !== route.originalDestination
  return (
    <div class="why">
      <p>
        <code>{route.reason}</code> {reasonSentence(route)}
      </p>
      <p>{contextSentence(route)}</p>
      {route.tried.length > 0 && (
        <ol class="tried" aria-label="Spaces that were asked, nearest first">
          {route.tried.map((step) => (
            <li key={step.space} class={step.outcome}>
              <SpaceLabel name={step.space} /> {triedWords(step)}
            </li>
          ))}
        </ol>
      )}
      <p class="dim">
        {isMoved
          ? `Meant for ${route.originalDestination}, sent to ${route.target}`
          : `Sent to ${route.target}, as it was meant`}
        {route.service && ` (${route.service.name}.${route.service.space}:${route.service.port})`}.
      </p>
      {inferred && (
        <p class="dim">
          Its place in the trace is a guess: the app put in a span of its own that no sidecar has
          seen, so the hop stands under the request that its pod was answering at that moment.
        </p>
      )}
    </div>
  )
}

function Numbers({ caller, callee }: { caller: TraceRecord | null; callee: TraceRecord | null }) {
  const sides = [
    { name: caller?.direction === 'gateway' ? 'Gateway' : 'Caller', record: caller },
    { name: 'Receiver', record: callee },
  ].filter((side): side is { name: string; record: TraceRecord } => side.record !== null)
  return (
    <table class="numbers">
      <thead>
        <tr>
          <th scope="col">Seen by</th>
          <th scope="col">Pod</th>
          <th scope="col">Protocol</th>
          <th scope="col">First byte</th>
          <th scope="col">Total</th>
          <th scope="col">Sent</th>
          <th scope="col">Received</th>
        </tr>
      </thead>
      <tbody>
        {sides.map(({ name, record }) => (
          <tr key={name}>
            <td>{name}</td>
            <td>
              {record.pod} <SpaceLabel name={record.space} />
            </td>
            <td>{record.protocol}</td>
            <td>{record.firstByteMs === null ? '–' : formatDuration(record.firstByteMs)}</td>
            <td>{formatDuration(record.durationMs)}</td>
            <td>{formatBytes(record.requestBytes)}</td>
            <td>{formatBytes(record.responseBytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

interface MessageProps {
  title: string
  headers: HeaderList
  body: CapturedBody | null
}

function Message({ title, headers, body }: MessageProps) {
  if (headers.length === 0 && !body) return null
  return (
    <>
      <h3>{title}</h3>
      <dl class="headers">
        {headers.map(([name, value], index) => (
          // Headers may repeat, and their order is fixed: the place is the key.
          <div key={index}>
            <dt>{name}</dt>
            <dd class={value === REDACTED ? 'redacted' : ''}>
              {value === REDACTED ? '🔒 blanked in the sidecar' : value}
            </dd>
          </div>
        ))}
      </dl>
      {body && <Body body={body} headers={headers} />}
    </>
  )
}

function Body({ body, headers }: { body: CapturedBody; headers: HeaderList }) {
  const { text, note } = readableBody(body, headers)
  return (
    <>
      {note && <p class="dim">{note}</p>}
      <pre>{text || '(empty)'}</pre>
    </>
  )
}
