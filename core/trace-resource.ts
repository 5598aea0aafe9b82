/**
 * The objects of `azds.io/v1`, which the API server serves through `azds-api`, and the paths to them: for
 * those who make them (the controller) and those who read them (`azds`, its viewer server).
 */
import type { SpaceSummary, TraceQuery, TraceSummary } from './controller-api.ts'
import { API_GROUP, API_VERSION } from './names.ts'
import type { TraceRecord } from './trace-record.ts'

/** `azds.io/v1`, as objects carry it. */
export const API_GROUP_VERSION = `${API_GROUP}/${API_VERSION}`
/** Where the API server serves the group. */
export const API_ROOT = `/apis/${API_GROUP_VERSION}`

interface Named<K extends string> {
  apiVersion: typeof API_GROUP_VERSION
  kind: K
}

/** A page of a collection. */
export interface ResourceList<K extends string, T> extends Named<K> {
  metadata: {
    /** Where a watch goes on from; a whole number that only grows, over restarts of the controller too. */
    resourceVersion: string
    /** Handed back as `continue` gets the next page; absent on the last one. */
    continue?: string
  }
  items: T[]
}

interface TraceMeta {
  /** The trace id: 32 hex digits. */
  name: string
  /**
   * The namespace that was asked for. Over all namespaces: the space that the trace belongs to, else the
   * first that it passed, in which it can then be read too.
   */
  namespace: string
  /** When its first record began (RFC 3339, whole seconds). */
  creationTimestamp: string
  /** Absent in lists, whose own version counts. */
  resourceVersion?: string
}

/**
 * A trace as one namespace sees it. Visible in namespace N is a record that was recorded in N, one whose
 * context is N, and one of the gateway whose target is a service of N; `summary` and `records` are made of
 * those alone. Over all namespaces every record is visible.
 */
export interface Trace extends Named<'Trace'> {
  metadata: TraceMeta
  summary: TraceSummary
  /** In order of time; where one trace is read, and where `records=true` asks for them. */
  records?: TraceRecord[]
}
export type TraceList = ResourceList<'TraceList', Trace>

/** What a watch with `records=true` sends: the records that are new, and no summary. */
export interface TraceNews extends Named<'Trace'> {
  metadata: TraceMeta
  added: TraceRecord[]
}

/** Why a pod of a space has no sidecar, or what its sidecar tells of itself. */
export interface Sidecar extends Named<'Sidecar'> {
  metadata: { name: string; namespace: string }
  status: ConnectedSidecar | MissingSidecar
}
export type SidecarList = ResourceList<'SidecarList', Sidecar>

/** A sidecar whose feed is open. */
export interface ConnectedSidecar {
  state: 'connected'
  /** Since when the feed is open (RFC 3339). */
  since: string
  /** State of the routing table that it was last told: `<epoch>.<number>`; null before the first. */
  table: string | null
  /** Of the sidecar; null where it does not tell. */
  version: string | null
  /** The search list of its `resolv.conf`; null where it does not tell. */
  search: string[] | null
  /** How the look-up of a Service of the parent space went; null where there is none or it does not tell. */
  parentLookup: { name: string; ok: boolean; message?: string } | null
}

/** A pod of a space that lacks the sidecar. */
export interface MissingSidecar {
  state: 'missing'
  /** Code of the audit, and its sentence. */
  reason: string
  message: string
  /** What is restarted to give it one; null for a pod that nothing owns. */
  owner: { kind: string; name: string } | null
}

/** A space; cluster-scoped, named as its namespace. */
export interface SpaceResource extends Named<'Space'> {
  metadata: { name: string }
  spec: { parent: string | null }
  status: Pick<SpaceSummary, 'path' | 'problem' | 'services'>
}
export type SpaceList = ResourceList<'SpaceList', SpaceResource>

/**
 * One line of a watch. A trace is `ADDED` with its first record and `MODIFIED` with further ones; it is not
 * told when the store drops it. `ERROR` is the last line. `BOOKMARK` comes only with
 * `allowWatchBookmarks=true`: at once, then every 15 s where nothing else does; it carries nothing but
 * `metadata.resourceVersion`, and tells by `missed` that the reader was too slow: so many lines were left out,
 * list again. Who does not ask for bookmarks gets `ERROR` (410) then.
 */
export type WatchFrame<T = Trace> =
  | { type: 'ADDED' | 'MODIFIED'; object: T }
  | {
      type: 'BOOKMARK'
      object: Named<'Trace'> & { metadata: { resourceVersion: string }; missed?: number }
    }
  | { type: 'ERROR'; object: Status }

/** What every answer that is not 2xx holds (`Status` of meta/v1). */
export interface Status {
  apiVersion: 'v1'
  kind: 'Status'
  metadata: Record<string, never>
  status: 'Failure'
  message: string
  reason: string
  code: number
  details?: { name?: string; group?: string; kind?: string; retryAfterSeconds?: number }
}

/**
 * Query of a list or watch of traces, besides Kubernetes' own `limit`, `continue`, `watch`,
 * `resourceVersion`, `timeoutSeconds`, `allowWatchBookmarks` and `fieldSelector=metadata.name=<trace id>`.
 * `labelSelector` is refused: traces have no labels. A watch without `resourceVersion`, or with 0, begins now.
 */
export interface TraceListQuery extends TraceQuery {
  /** Lists: only traces that began at or after this time (ms since 1970). */
  since?: string
  /**
   * `true`: a watch sends `TraceNews` in place of `Trace`. In a list it needs a field selector that names
   * the trace: so is one trace read whole, over all namespaces.
   */
  records?: 'true'
}

/** Most items of one page, which is what kubectl asks for; and how many come unasked. */
export const LIST_LIMIT = { usual: 100, most: 500 } as const

/** Collection of traces: of one namespace, or (null) of all, for which one needs the cluster-wide right. */
export function tracesPath(namespace: string | null): string {
  return namespace === null ? `${API_ROOT}/traces` : `${API_ROOT}/namespaces/${namespace}/traces`
}

/** One trace with its records, as a namespace sees it; over all namespaces the answer is a list of one. */
export function tracePath(namespace: string | null, traceId: string): string {
  if (namespace !== null) return `${tracesPath(namespace)}/${traceId}`
  return `${tracesPath(null)}?fieldSelector=metadata.name%3D${traceId}&records=true`
}

/** Sidecars of one namespace, or (null) of all. */
export function sidecarsPath(namespace: string | null): string {
  return namespace === null
    ? `${API_ROOT}/sidecars`
    : `${API_ROOT}/namespaces/${namespace}/sidecars`
}

export const SPACES_PATH = `${API_ROOT}/spaces`

/** A path with the parameters that are set. */
export function withParameters(
  path: string,
  parameters: Readonly<Record<string, string | number | undefined>>,
): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') search.set(key, String(value))
  }
  if (search.size === 0) return path
  return `${path}${path.includes('?') ? '&' : '?'}${search}`
}
