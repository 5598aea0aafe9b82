/** Makes the objects of `azds.io/v1` from what the controller knows. Pure. */
import type { SpaceSummary, TraceSummary } from '../../core/controller-api.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import {
  API_GROUP_VERSION,
  type ResourceList,
  type SpaceResource,
  type Trace,
  type TraceNews,
} from '../../core/trace-resource.ts'

/**
 * @param namespace that was asked for; null: all
 * @param systemNamespace of our own control plane, where the gateway is
 */
export function traceOf(
  summary: TraceSummary,
  namespace: string | null,
  systemNamespace: string,
): Trace {
  const home = namespace ?? homeOf(summary) ?? systemNamespace
  return { ...headOf(summary.traceId, summary.startedAt, home), summary }
}

/** What is new of a trace, without a look at the rest of it; `added` is not empty. */
export function newsOf(added: TraceRecord[], namespace: string | null): TraceNews {
  const [{ traceId, startedAt, space, route }] = added as [TraceRecord]
  const home = namespace ?? (isNamespace(route.context) ? route.context : space)
  return { ...headOf(traceId, startedAt, home), added }
}

function headOf(name: string, startedAt: number, namespace: string) {
  return {
    apiVersion: API_GROUP_VERSION,
    kind: 'Trace',
    metadata: { name, namespace, creationTimestamp: timestampOf(startedAt) },
  } as const
}

/**
 * The namespace under which a trace is shown among those of all: one that sees at least a part of it. Its
 * spaces begin with such a one: where the first record is the gateway's, it is that record's target. Null where
 * it passed none, which only what the gateway has turned away has not.
 */
function homeOf({ context, spaces }: TraceSummary): string | null {
  return (isNamespace(context) ? context : spaces[0]) ?? null
}

/** RFC 1123 label: a context is what a request said of itself, and can be any text. */
function isNamespace(name: string | null): name is string {
  return name !== null && /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function timestampOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

export function spaceOf(summary: SpaceSummary): SpaceResource {
  const { name, parent, path, problem, services } = summary
  return {
    apiVersion: API_GROUP_VERSION,
    kind: 'Space',
    metadata: { name },
    spec: { parent },
    status: { path, problem, services },
  }
}

export function listOf<K extends string, T>(
  kind: K,
  items: T[],
  { version, next }: { version: number; next?: string | null },
): ResourceList<K, T> {
  return {
    apiVersion: API_GROUP_VERSION,
    kind,
    metadata: { resourceVersion: String(version), ...(next && { continue: next }) },
    items,
  }
}
