/** Answers the page's requests (`/v1/…`) out of the aggregated API, with the rights of the user who runs azds. */
import type { SpaceSummary, TraceQuery } from '../../core/controller-api.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import { SPACES_PATH, type SpaceList } from '../../core/trace-resource.ts'
import type { TraceListener, TraceSource } from '../trace-source.ts'

export interface PageRequests {
  /** `/v1/traces` */
  list(parameters: URLSearchParams): Promise<unknown>
  /** `/v1/traces/<id>` */
  one(traceId: string): Promise<unknown>
  /** `/v1/spaces` */
  spaces(): Promise<SpaceSummary[]>
  /** `/v1/traces/follow` */
  follow(parameters: URLSearchParams, listener: TraceListener, signal: AbortSignal): Promise<void>
}

/** Page that the viewer asks for, and the most that one answer gives. */
const LIMIT = { usual: 50, most: 200 } as const
/** How many page ends, and traces with their spaces, are remembered: some hours of looking. */
const REMEMBERED = 5000

/** A page that nobody remembers the end of: azds was started anew since. */
export class PageGoneError extends Error {
  constructor() {
    super('this list is from before azds viewer was started anew: reload the page')
    this.name = 'PageGoneError'
  }
}

export function pageRequests(client: KubeClient, source: TraceSource): PageRequests {
  /** What gets the page behind a trace; null behind the last. The page names the trace, the API has its own token. */
  const pages = new Map<string, string | null>()
  /** The space by which a trace was found: where one may not read all spaces, it is read there again. */
  const foundIn = new Map<string, string>()
  return {
    async list(parameters) {
      const { before, limit, query } = listParameters(parameters)
      const next = before === null ? undefined : pages.get(before)
      if (next === null) return []
      if (before !== null && next === undefined) throw new PageGoneError()
      const page = await source.list(query, limit, next)
      const last = page.traces.at(-1)
      if (last) remember(pages, `${last.startedAt},${last.traceId}`, page.next)
      for (const { traceId } of page.traces) remember(foundIn, traceId, query.space ?? '')
      return page.traces
    },
    one: (traceId) => source.one(traceId, foundIn.get(traceId) || undefined),
    async spaces() {
      const { items } = await client.get<SpaceList>(SPACES_PATH)
      return items.map(({ metadata: { name }, spec: { parent }, status }) => ({
        name,
        parent,
        ...status,
      }))
    },
    follow(parameters, listener, signal) {
      const { query } = listParameters(parameters)
      const seen: TraceListener = {
        ...listener,
        record: (record) => {
          remember(foundIn, record.traceId, query.space ?? '')
          listener.record(record)
        },
      }
      return source.follow(query, seen, signal)
    },
  }
}

const FILTERS = ['space', 'service', 'pod', 'method', 'status', 'q'] as const

function listParameters(parameters: URLSearchParams) {
  const query: TraceQuery = {}
  for (const name of FILTERS) {
    const value = parameters.get(name)
    if (value) query[name] = value
  }
  const limit = Number.parseInt(parameters.get('limit') ?? '', 10)
  return {
    query,
    before: parameters.get('before') || null,
    limit: limit > 0 ? Math.min(limit, LIMIT.most) : LIMIT.usual,
  }
}

/** The oldest go first: a map keeps the order in which it was filled. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest)
}
