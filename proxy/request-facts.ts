/** What the proxy reads from a request head before it decides: trace ids, hops, context. Pure. */
import { type Context, contextOf } from '../core/context.ts'
import { HEADER } from '../core/names.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import {
  formatTraceParent,
  newSpanId,
  newTraceParent,
  parentIdIn,
  parseTraceParent,
  type TraceParent,
  traceIdIn,
} from '../core/trace-context.ts'
import { authorityOf } from './authority.ts'
import type { RequestHead } from './exchange.ts'

/**
 * What the fields of a request say, all that is ever asked of them besides the ids of its trace. Shared by heads with
 * the same fields, which may differ in those ids (`http1/varying-fields.ts`).
 */
export interface SaidByFields {
  /** There is a `traceparent`. */
  readonly isTraced: boolean
  /** How many sidecars have sent the request on; null if it comes from outside. */
  readonly hop: number | null
  /** Value of `azds-route-as`. */
  readonly routeAs: string | null
  readonly baggage: string | null
  readonly cookie: string | null
  readonly host: string | null
  /** A Kubernetes probe: it comes every few seconds and says nothing about the app's traffic. */
  readonly isProbe: boolean
  /** The context if the Host field is the authority, and nothing else is known. */
  readonly context: Context
}

export function saidBy(head: RequestHead): SaidByFields {
  const { memo } = head
  if (memo === undefined) return readFields(head)
  memo.said ??= readFields(head)
  return memo.said
}

function readFields(head: RequestHead): SaidByFields {
  const routeAs = head.header(HEADER.routeAs)
  // Both may come in several fields (W3C Baggage 3.3.1, RFC 9113 8.2.3), which make one list.
  const baggage = joined(head, HEADER.baggage, ',')
  const cookie = joined(head, 'cookie', ';')
  const host = head.header('host')
  return {
    isTraced: head.header(HEADER.traceparent) !== null,
    hop: hopIn(head.header(HEADER.hop)),
    routeAs,
    baggage,
    cookie,
    host,
    isProbe: head.header('user-agent')?.startsWith('kube-probe/') ?? false,
    context: contextOf({ routeAs, baggage, cookie, host, traceSpace: null, originSpace: null }),
  }
}

function hopIn(value: string | null): number | null {
  return value !== null && /^\d{1,6}$/.test(value.trim()) ? Number(value) : null
}

/** Null without such a field, and where all are empty. */
function joined(head: RequestHead, name: string, separator: string): string | null {
  if (head.header(name) === null) return null
  return head.values(name).join(separator) || null
}

export interface TraceIds {
  readonly traceId: string
  /** This record's own. */
  readonly spanId: string
  readonly parentSpanId: string | null
  /** The `traceparent` that names this record as the parent of what follows. */
  readonly traceparent: string
}

/** @param said what the fields of this head say */
export function traceIdsOf(head: RequestHead, said: SaidByFields): TraceIds {
  const value = said.isTraced ? head.header(HEADER.traceparent) : null
  const traceparent = value === null ? null : parseTraceParent(value)
  return traceparent === null ? new FirstSpan() : nextSpan(traceparent)
}

/** Its ids are parts of what is sent, and mostly nobody asks for them. */
class FirstSpan implements TraceIds {
  readonly parentSpanId = null
  readonly traceparent = newTraceParent()

  get traceId(): string {
    return traceIdIn(this.traceparent)
  }

  get spanId(): string {
    return parentIdIn(this.traceparent)
  }
}

function nextSpan({ traceId, parentId, flags }: TraceParent): TraceIds {
  const spanId = newSpanId()
  const traceparent = formatTraceParent({ traceId, parentId: spanId, flags })
  return { traceId, spanId, parentSpanId: parentId, traceparent }
}

/** @param spaces what the other sources than the head say; see `ContextInput` */
export function contextOfHead(
  head: RequestHead,
  spaces: { traceSpace: string | null; originSpace: string | null },
): Context {
  const said = saidBy(head)
  const host = authorityOf(head, said)
  if (host === said.host)
    return said.context.source === 'none' ? contextOfSpaces(spaces) : said.context
  const { routeAs, baggage, cookie } = said
  return contextOf({ routeAs, baggage, cookie, host, ...spaces })
}

/** The context of the last request that said nothing of its own: mostly that of the next one, too. */
let lastOrigin: { space: string | null; context: Context } | null = null

function contextOfSpaces(spaces: {
  traceSpace: string | null
  originSpace: string | null
}): Context {
  const { traceSpace, originSpace } = spaces
  if (traceSpace === null && lastOrigin?.space === originSpace) return lastOrigin.context
  const context = contextOf({ ...SILENT, traceSpace, originSpace })
  if (traceSpace === null) lastOrigin = { space: originSpace, context }
  return context
}

const SILENT = { routeAs: null, baggage: null, cookie: null, host: null }

/** Who this proxy is: the pod that it serves. */
export interface Identity {
  space: string
  pod: string
  workload: string
  /** The space and its ancestors, as the webhook saw them; nearest first. */
  spaceChain: readonly string[]
}

interface OwnSpace {
  identity: Identity
  table: RoutingTable
  revision: number
  space: string | null
}

let ownSpace: OwnSpace | null = null

/** This pod's space if it has a parent; the table knows best, the webhook's chain until then. */
export function originSpaceOf(identity: Identity, table: RoutingTable): string | null {
  const { revision } = table
  if (
    ownSpace?.table !== table ||
    ownSpace.revision !== revision ||
    ownSpace.identity !== identity
  ) {
    ownSpace = { identity, table, revision, space: findOriginSpace(identity, table) }
  }
  return ownSpace.space
}

function findOriginSpace(identity: Identity, table: RoutingTable): string | null {
  const known = table.version !== null && table.spaces.has(identity.space)
  const isChild = known
    ? Boolean(table.spaces.get(identity.space)?.parent)
    : identity.spaceChain.length > 1
  return isChild ? identity.space : null
}
