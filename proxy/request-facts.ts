/** What the proxy reads from a request head before it decides: trace ids, hops, context. Pure. */
import { type Context, contextOf } from '../core/context.ts'
import { HEADER } from '../core/names.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import {
  formatTraceParent,
  newSpanId,
  newTraceId,
  parseTraceParent,
} from '../core/trace-context.ts'
import { requestAddress } from './authority.ts'
import type { RequestHead } from './exchange.ts'

export interface TraceIds {
  traceId: string
  /** This record's own. */
  spanId: string
  parentSpanId: string | null
  /** The `traceparent` that names this record as the parent of what follows. */
  traceparent: string
}

/** `sampled`: a library that follows its parent’s word must not stop recording because of us. */
const NEW_TRACE_FLAGS = '01'

export function traceIdsOf(head: RequestHead): TraceIds {
  const value = head.header(HEADER.traceparent)
  const parent = value === null ? null : parseTraceParent(value)
  const traceId = parent?.traceId ?? newTraceId()
  const spanId = newSpanId()
  return {
    traceId,
    spanId,
    parentSpanId: parent?.parentId ?? null,
    traceparent: formatTraceParent({
      traceId,
      parentId: spanId,
      flags: parent?.flags ?? NEW_TRACE_FLAGS,
    }),
  }
}

/** How many sidecars have sent the request on; null if it comes from outside. */
export function hopOf(head: RequestHead): number | null {
  const value = head.header(HEADER.hop)
  return value !== null && /^\d{1,6}$/.test(value.trim()) ? Number(value) : null
}

/** @param spaces what the other sources than the head say; see `ContextInput` */
export function contextOfHead(
  head: RequestHead,
  spaces: { traceSpace: string | null; originSpace: string | null },
): Context {
  return contextOf({
    routeAs: head.header(HEADER.routeAs),
    // Both may come in several fields (W3C Baggage 3.3.1, RFC 9113 8.2.3), which make one list.
    baggage: joined(head, HEADER.baggage, ','),
    cookie: joined(head, 'cookie', ';'),
    host: requestAddress(head).authority,
    ...spaces,
  })
}

/** Null without such a field, and where all are empty. */
function joined(head: RequestHead, name: string, separator: string): string | null {
  if (head.header(name) === null) return null
  return head.values(name).join(separator) || null
}

/** Who this proxy is: the pod that it serves. */
export interface Identity {
  space: string
  pod: string
  workload: string
  /** The space and its ancestors, as the webhook saw them; nearest first. */
  spaceChain: readonly string[]
}

/** This pod's space if it has a parent; the table knows best, the webhook's chain until then. */
export function originSpaceOf(identity: Identity, table: RoutingTable): string | null {
  const known = table.version !== null && table.spaces.has(identity.space)
  const isChild = known
    ? Boolean(table.spaces.get(identity.space)?.parent)
    : identity.spaceChain.length > 1
  return isChild ? identity.space : null
}

/** A Kubernetes probe: it comes every few seconds and says nothing about the app's traffic. */
export function isProbe(head: RequestHead): boolean {
  return head.header('user-agent')?.startsWith('kube-probe/') ?? false
}
