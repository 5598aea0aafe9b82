/** The controller's API, as the page calls it. */
import type {
  ErrorAnswer,
  SpaceSummary,
  TraceDetail,
  TraceQuery,
  TraceSummary,
} from '../core/controller-api.ts'
import { AnswerError } from './barrier.ts'
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
  const answer = await fetch(path, { signal }).catch((error: Error) => {
    // What a browser says of it, "Failed to fetch", names neither who is away nor what to do.
    if (signal.aborted) throw error
    throw new Error(
      `Nothing answers at ${location.host}: see whether what serves this page (azds viewer, npm start) still runs.`,
      { cause: error },
    )
  })
  if (answer.ok) return (await answer.json()) as T
  const body = (await answer.json().catch(() => null)) as ErrorAnswer | null
  throw new AnswerError(
    answer.status,
    body?.error?.message ?? `the controller answered ${answer.status}`,
  )
}

export interface StreamListener {
  /** The stream stands; what came before is not in it. */
  opened(): void
  record(traceId: string): void
  lost(): void
}

/** Pause (ms) before a stream that was refused is asked for again. */
const REOPEN_MS = 2000

/**
 * Follows new records, over interruptions too. Returns how to stop.
 * The browser comes back by itself after a lost connection, but not after an answer such as 502 or
 * 503, which a port-forward or ingress gives while the controller restarts: then we come back.
 */
export function followRecords(filter: TraceQuery, listener: StreamListener): () => void {
  let source: EventSource
  let timer: ReturnType<typeof setTimeout> | undefined
  const connect = () => {
    source = new EventSource(`/v1/traces/follow?${new URLSearchParams({ ...filter })}`)
    source.addEventListener('open', () => listener.opened())
    source.addEventListener('missed', () => listener.opened())
    source.addEventListener('record', (event) => {
      listener.record((JSON.parse(event.data) as { traceId: string }).traceId)
    })
    source.addEventListener('error', () => {
      listener.lost()
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, REOPEN_MS)
    })
  }
  connect()
  return () => {
    clearTimeout(timer)
    source.close()
  }
}
