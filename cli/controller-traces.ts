/** Reads traces from the controller's own routes: by its URL, or where the cluster does not serve `azds.io` yet. */
import type { TraceDetail, TraceQuery, TraceSummary } from '../core/controller-api.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import { withParameters } from '../core/trace-resource.ts'
import type { ControllerClient } from './controller-client.ts'
import { eventReader } from './server-sent-events.ts'
import type { TraceListener, TraceSource } from './trace-source.ts'

export function controllerTraces(controller: ControllerClient): TraceSource {
  return {
    list: async (query, limit, next) => {
      const path = withParameters('/v1/traces', { ...query, limit, before: next })
      const traces = await controller.get<TraceSummary[]>(path)
      const last = traces.at(-1)
      const isFull = last !== undefined && traces.length >= limit
      return { traces, next: isFull ? `${last.startedAt},${last.traceId}` : null }
    },
    one: (traceId) => controller.get<TraceDetail>(`/v1/traces/${traceId}`),
    follow: (query: TraceQuery, listener: TraceListener, signal: AbortSignal) => {
      const onLine = eventReader((event, data) => {
        if (event === 'missed') {
          listener.missed((JSON.parse(data) as { records: number }).records)
        }
        if (event === 'record') listener.record(JSON.parse(data) as TraceRecord)
      })
      let isOpen = false
      const heard = (line: string) => {
        if (!isOpen) listener.opened?.()
        isOpen = true
        onLine(line)
      }
      return controller.lines(withParameters('/v1/traces/follow', { ...query }), heard, signal)
    },
  }
}
