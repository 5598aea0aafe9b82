/** The controller's API, as the page calls it. */
import type {
  ErrorAnswer,
  SpaceSummary,
  TraceDetail,
  TraceQuery,
  TraceSummary,
} from '../core/controller-api.ts'
import { PAGE_SIZE } from './trace-page.ts'

/** @param after the last trace of the page before; null for the newest page */
export function fetchTraces(
  filter: TraceQuery,
  after: TraceSummary | null,
  signal: AbortSignal,
): Promise<TraceSummary[]> {
  const parameters = new URLSearchParams({ ...filter, limit: String(PAGE_SIZE) })
  if (after) parameters.set('before', `${after.startedAt},${after.traceId}`)
  return fetchJson(`/v1/traces?${parameters}`, signal)
}

export function fetchTrace(traceId: string, signal: AbortSignal): Promise<TraceDetail> {
  return fetchJson(`/v1/traces/${traceId}`, signal)
}

export function fetchSpaces(signal: AbortSignal): Promise<SpaceSummary[]> {
  return fetchJson('/v1/spaces', signal)
}

async function fetchJson<T>(path: string, signal: AbortSignal): Promise<T> {
  const answer = await fetch(path, { signal })
  if (answer.ok) return (await answer.json()) as T
  const body = (await answer.json().catch(() => null)) as ErrorAnswer | null
  throw new Error(body?.error.message ?? `the controller answered ${answer.status}`)
}

export interface StreamListener {
  /** The stream stands; what came before is not in it. */
  opened(): void
  record(traceId: string): void
  lost(): void
}

/** Follows new records; the browser connects again by itself. Returns how to stop. */
export function followRecords(filter: TraceQuery, listener: StreamListener): () => void {
  const source = new EventSource(`/v1/traces/follow?${new URLSearchParams({ ...filter })}`)
  source.addEventListener('open', () => listener.opened())
  source.addEventListener('error', () => listener.lost())
  source.addEventListener('missed', () => listener.opened())
  source.addEventListener('record', (event) => {
    listener.record((JSON.parse(event.data) as { traceId: string }).traceId)
  })
  return () => source.close()
}
