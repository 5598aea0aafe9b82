/** Reads traces as objects of `azds.io/v1` through the API server, with the user's own rights. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TraceDetail, TraceQuery } from '../core/controller-api.ts'
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import { API_SERVICE, SYSTEM_NAMESPACE } from '../core/names.ts'
import {
  type Status,
  type Trace,
  type TraceList,
  type TraceNews,
  tracePath,
  tracesPath,
  type WatchFrame,
  withParameters,
} from '../core/trace-resource.ts'
import { CliError } from './command.ts'
import type { TraceListener, TraceSource } from './trace-source.ts'

/** The user may read no traces of all spaces, and has not said which space is meant. */
export class ChooseSpaceError extends CliError {
  constructor() {
    super(
      'you may not read the traces of all spaces: choose one with --space; kubectl auth can-i get traces.azds.io -n SPACE tells which',
    )
    this.name = 'ChooseSpaceError'
  }
}

/** A watch that ended sooner (ms) has not really stood: the next waits as long. */
const SHORT_WATCH_MS = 1000

/**
 * Asks for all namespaces first, where a space is a filter and a trace is seen whole; who may not read those gets what
 * the one space sees.
 * @param usual space for queries that name none, where the cluster-wide right is missing; null: refuse them
 */
export function aggregatedTraces(client: KubeClient, usual: string | null): TraceSource {
  let readsAll: boolean | null = null
  const inScope = async <T>(
    space: string | undefined,
    read: (namespace: string | null) => Promise<T>,
  ): Promise<T> => {
    if (readsAll !== false) {
      try {
        const answer = await read(null)
        readsAll = true
        return answer
      } catch (error) {
        if (!(error instanceof KubeError) || error.status !== 403) throw explain(error as Error)
        readsAll = false
      }
    }
    const namespace = space || usual
    if (!namespace) throw new ChooseSpaceError()
    return read(namespace).catch((error: Error) => {
      const isForbidden = error instanceof KubeError && error.status === 403
      throw isForbidden && !space ? new ChooseSpaceError() : explain(error, namespace)
    })
  }
  return {
    list: (query, limit, next) =>
      inScope(query.space, async (namespace) => {
        const parameters = { ...filterFor(query, namespace), limit, continue: next }
        const path = withParameters(tracesPath(namespace), parameters)
        const { items, metadata } = await client.get<TraceList>(path)
        return { traces: items.map(({ summary }) => summary), next: metadata.continue ?? null }
      }),
    one: (traceId, space) =>
      inScope(space, async (namespace) => {
        const path = tracePath(namespace, traceId)
        if (namespace !== null) return detailOf(traceId, await client.get<Trace>(path))
        return detailOf(traceId, (await client.get<TraceList>(path)).items[0])
      }),
    follow: (query, listener, signal) =>
      inScope(query.space, (namespace) => watch({ client, query, namespace, listener, signal })),
  }
}

/** In a namespace the space is no filter: what the namespace sees is what is asked for. */
function filterFor({ space, ...filter }: TraceQuery, namespace: string | null): TraceQuery {
  return namespace === null && space ? { ...filter, space } : filter
}

function detailOf(traceId: string, trace: Trace | undefined): TraceDetail {
  if (trace?.records) return { traceId, records: trace.records }
  throw new CliError(
    `trace ${traceId} is not in the store: it has not arrived yet, or it was among the oldest and had to go`,
  )
}

interface WatchParts {
  client: KubeClient
  query: TraceQuery
  namespace: string | null
  listener: TraceListener
  signal: AbortSignal
}

/** Watches again from where the last watch ended in order; the API server ends each after some time. */
async function watch({ client, query, namespace, listener, signal }: WatchParts): Promise<void> {
  let version: string | undefined
  while (!signal.aborted) {
    const parameters = {
      ...filterFor(query, namespace),
      watch: 'true',
      records: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
    }
    let failure: Status | null = null
    const onLine = (line: string) => {
      const frame = JSON.parse(line) as WatchFrame<TraceNews>
      if (frame.type === 'ERROR') {
        failure = frame.object
        return
      }
      if (version === undefined) listener.opened?.()
      version = frame.object.metadata.resourceVersion ?? version
      if (frame.type === 'BOOKMARK') {
        if (frame.object.missed) listener.missed(frame.object.missed)
      } else for (const record of frame.object.added) listener.record(record)
    }
    const startedAt = performance.now()
    await client.lines(withParameters(tracesPath(namespace), parameters), onLine, signal)
    if (failure) throw new CliError((failure as Status).message)
    if (performance.now() - startedAt < SHORT_WATCH_MS) {
      await sleep(SHORT_WATCH_MS, undefined, { signal }).catch(() => {})
    }
  }
}

/** What stands in the way, with the next step; errors that say so themselves stay. */
function explain(error: Error, namespace?: string): Error {
  if (!(error instanceof KubeError)) return error
  const { status, message } = error
  const sentence = message.replace(/^[A-Z]+ \S+: /, '')
  if (status === 403) {
    return new CliError(
      `you may not read the traces of space "${namespace}": ${sentence}; ask for a binding of the ClusterRole azds-traces there`,
      1,
      { cause: error },
    )
  }
  if (status === 503 || status === 502) {
    return new CliError(
      `the API server cannot reach ${API_SERVICE}: ${sentence}; see kubectl get apiservice v1.azds.io and kubectl get pods -n ${SYSTEM_NAMESPACE}`,
      1,
      { cause: error },
    )
  }
  return new CliError(sentence, 1, { cause: error })
}
