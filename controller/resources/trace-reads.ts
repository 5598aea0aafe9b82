/** Lists of traces and single ones, as objects of `azds.io/v1`. */
import type { Trace, TraceList } from '../../core/trace-resource.ts'
import { matches, type RecordFilter } from '../traces/filter.ts'
import type { Followers } from '../traces/followers.ts'
import { listTraces } from '../traces/search.ts'
import type { TraceStore } from '../traces/store.ts'
import {
  continueTokenOf,
  cursorOf,
  type ListQuery,
  type Parameters,
  type TraceParameters,
  traceParametersOf,
} from './list-query.ts'
import { listOf, traceOf } from './objects.ts'
import { notFound, StatusError, statusOf } from './status.ts'

export interface TraceSources {
  store: TraceStore
  followers: Followers
  /** Namespace of our own control plane. */
  systemNamespace: string
}

/** What a list or watch of traces asks for. */
export interface TraceRequest extends TraceParameters {
  /** Namespace whose view it is; null: all. */
  namespace: string | null
  list: ListQuery
  filter: RecordFilter
}

/** @throws StatusError 400 where a parameter is wrong */
export function traceRequestOf(
  namespace: string | null,
  list: ListQuery,
  parameters: Parameters,
): TraceRequest {
  const { filter, since, records } = traceParametersOf(parameters)
  if (records && !list.watch && list.name === null) {
    throw new StatusError(
      statusOf(
        'BadRequest',
        'parameter records=true: a list has records of one trace only; add fieldSelector=metadata.name=<trace id>',
      ),
    )
  }
  return {
    namespace,
    list,
    since,
    records,
    filter: {
      ...filter,
      visible: namespace ?? list.namespace ?? undefined,
      traceId: list.name ?? undefined,
    },
  }
}

/** One page, newest first. */
export async function readTraces(
  { store, followers, systemNamespace }: TraceSources,
  request: TraceRequest,
): Promise<TraceList> {
  const { namespace, list, since, filter } = request
  // Before the store is read: what comes meanwhile is then told by a watch that goes on from here.
  const { version } = followers
  if (list.name !== null) {
    const items = isElsewhere(request)
      ? []
      : [readNamed(store, list.name, request, systemNamespace)]
    return listOf(
      'TraceList',
      items.flatMap((trace) => trace ?? []),
      { version },
    )
  }
  if (isElsewhere(request)) return listOf('TraceList', [], { version })
  const before = list.continue === null ? undefined : cursorOf(list.continue)
  const { items, next } = await listTraces(store, { filter, since, before, limit: list.limit })
  return listOf(
    'TraceList',
    items.map((summary) => traceOf(summary, namespace ?? list.namespace, systemNamespace)),
    { version, next: next && continueTokenOf(next) },
  )
}

/** A field selector may ask a namespace for the objects of another. */
function isElsewhere({ namespace, list }: TraceRequest): boolean {
  return namespace !== null && list.namespace !== null && list.namespace !== namespace
}

function readNamed(
  store: TraceStore,
  traceId: string,
  request: TraceRequest,
  systemNamespace: string,
): Trace | null {
  const { namespace, list, since, records: wantsRecords, filter } = request
  const records = store.get(traceId, filter.visible)
  const summary = store.summary(traceId, filter.visible)
  if (!records?.some((record) => matches(record, filter)) || !summary) return null
  if (since !== undefined && summary.startedAt < since) return null
  const trace = traceOf(summary, namespace ?? list.namespace, systemNamespace)
  return wantsRecords ? { ...trace, records } : trace
}

/** @throws StatusError 404 where the namespace sees no record of the trace */
export function readTrace(
  { store, followers, systemNamespace }: TraceSources,
  namespace: string,
  traceId: string,
): Trace {
  const summary = store.summary(traceId, namespace)
  const records = store.get(traceId, namespace)
  if (!summary || !records) throw new StatusError(notFound('traces', traceId))
  const { metadata, ...trace } = traceOf(summary, namespace, systemNamespace)
  const resourceVersion = String(followers.version)
  return { ...trace, metadata: { ...metadata, resourceVersion }, records }
}
