/** What the page shows, as the part of its address behind `#`: a trace can be linked and gone back to. */
import type { TraceQuery } from '../core/controller-api.ts'

export interface Address {
  filter: TraceQuery
  /** The trace that is open. */
  traceId: string | null
  /** Span id of the hop that is open. */
  hop: string | null
}

const FILTER_KEYS = ['space', 'service', 'pod', 'method', 'status', 'q'] as const

/** Reads `#/trace/<id>?hop=<span>&space=alice`; whatever it does not know is passed over. */
export function parseAddress(hash: string): Address {
  const [path = '', search = ''] = hash.replace(/^#/, '').split(/\?(.*)/s)
  const parameters = new URLSearchParams(search)
  const filter: TraceQuery = {}
  for (const key of FILTER_KEYS) {
    const value = parameters.get(key)
    if (value) filter[key] = value
  }
  const traceId = /^\/trace\/([0-9a-f]{32})$/.exec(path)?.[1] ?? null
  return { filter, traceId, hop: traceId && parameters.get('hop') }
}

/** Writes what `parseAddress` reads. */
export function formatAddress({ filter, traceId, hop }: Address): string {
  const parameters = new URLSearchParams()
  if (traceId && hop) parameters.set('hop', hop)
  for (const key of FILTER_KEYS) if (filter[key]) parameters.set(key, filter[key])
  const search = parameters.size > 0 ? `?${parameters}` : ''
  return `#${traceId ? `/trace/${traceId}` : '/'}${search}`
}
