/**
 * Puts the records of one trace in order: which one caused which, and which two are the two sides of
 * one hop. Pure; needs neither complete nor honest records.
 */
import type { TraceRecord } from './trace-record.ts'

/** What the order of a trace depends on. */
export type TreeRecord = Pick<
  TraceRecord,
  'spanId' | 'parentSpanId' | 'direction' | 'space' | 'pod' | 'startedAt' | 'durationMs'
>

/** What hops depend on besides: whether a receiver had the request from a sidecar. */
export type HopRecord = TreeRecord & { route: Pick<TraceRecord['route'], 'reason'> }

/** One step of a trace: somebody sent a request (`caller`), somebody took it (`callee`). */
export interface Hop<R extends HopRecord = TraceRecord> {
  /** 0 for the first hop; one more than that of the hop which caused this one. */
  depth: number
  /** The sending side's record; null where the sender has no sidecar. */
  caller: R | null
  /** The receiving side's record; null where the receiver has no sidecar or was never reached. */
  callee: R | null
  /**
   * True if the cause is a guess: the app replaced the parent id by a span of its own, and the hop
   * was put under the request that the same pod was answering at that moment.
   */
  inferred: boolean
  /** The record that caused this hop; null at the start of a trace. */
  cause: R | null
}

/**
 * Orders records into hops: each hop after its cause, those of one cause by time. An outbound
 * record and the inbound record that names it as its parent make one hop, if the request came from
 * a sidecar: else somebody without one was between, and passed our trace parent on.
 * Every record is in exactly one hop, also where parents are missing or go round in a circle.
 */
export function assembleHops<R extends HopRecord>(records: readonly R[]): Hop<R>[] {
  const byTime = records.toSorted((a, b) => a.startedAt - b.startedAt)
  const { children, roots, inferred } = linkRecords(byTime)
  const hops: Hop<R>[] = []
  const placed = new Set<R>()

  const walk = (start: R) => {
    const stack: { record: R; cause: R | null; depth: number }[] = [
      { record: start, cause: null, depth: 0 },
    ]
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { record, cause, depth } = next
      if (placed.has(record)) continue
      placed.add(record)
      const answered = children.get(record.spanId)?.find((child) => isOtherSide(record, child))
      const pair = answered && !placed.has(answered) ? answered : null
      if (pair) placed.add(pair)
      hops.push({ depth, ...sidesOf(record, pair), inferred: inferred.has(record), cause })
      const caused = [record, ...(pair ? [pair] : [])]
        .flatMap((side) => (children.get(side.spanId) ?? []).map((child) => ({ child, side })))
        // Latest first, because the stack gives back the last that was put on it.
        .sort((a, b) => b.child.startedAt - a.child.startedAt)
      for (const { child, side } of caused) {
        stack.push({ record: child, cause: side, depth: depth + 1 })
      }
    }
  }

  for (const root of roots) walk(root)
  // Records left over are each other's parents: begin such a circle at its earliest record.
  for (const record of byTime) if (!placed.has(record)) walk(record)
  return hops
}

/** The earliest record whose cause is not in the trace; the earliest of all if each has one. */
export function rootRecord<R extends TreeRecord>(records: readonly R[]): R | null {
  const ids = new Set(records.map((record) => record.spanId))
  const isRoot = ({ parentSpanId }: R) => parentSpanId === null || !ids.has(parentSpanId)
  const earliest = (list: readonly R[]) =>
    list.reduce<R | null>(
      (best, one) => (best && best.startedAt <= one.startedAt ? best : one),
      null,
    )
  return earliest(records.filter(isRoot)) ?? earliest(records)
}

interface Links<R> {
  /** By span id of the cause, in order of time. */
  children: Map<string, R[]>
  roots: R[]
  inferred: Set<R>
}

function linkRecords<R extends TreeRecord>(byTime: readonly R[]): Links<R> {
  const ids = new Set(byTime.map((record) => record.spanId))
  const links: Links<R> = { children: new Map(), roots: [], inferred: new Set() }
  const enclosing = enclosingOf(byTime)
  for (const record of byTime) {
    const named = record.parentSpanId !== null && ids.has(record.parentSpanId)
    const parentId = named ? record.parentSpanId : (enclosing(record)?.spanId ?? null)
    if (parentId === null) {
      links.roots.push(record)
      continue
    }
    if (!named) links.inferred.add(record)
    const siblings = links.children.get(parentId)
    if (siblings) siblings.push(record)
    else links.children.set(parentId, [record])
  }
  return links
}

/**
 * Tells the latest inbound request that a pod was answering when it sent a record. To be asked in order
 * of time: a request that was over then is forgotten, so that a trace of many records (a client that
 * sends one `traceparent` again and again makes such) costs time in proportion to them.
 */
function enclosingOf<R extends TreeRecord>(byTime: readonly R[]): (record: R) => R | null {
  const inbound = byTime.filter(({ direction }) => direction === 'inbound')
  const answering = new Map<string, R[]>()
  let next = 0
  return (record) => {
    for (let one = inbound[next]; one && one.startedAt <= record.startedAt; one = inbound[++next]) {
      const requests = answering.get(podOf(one))
      if (requests) requests.push(one)
      else answering.set(podOf(one), [one])
    }
    const requests = record.direction === 'outbound' ? answering.get(podOf(record)) : undefined
    for (let last = requests?.at(-1); last; last = requests?.at(-1)) {
      if (last.startedAt + last.durationMs >= record.startedAt) return last
      requests?.pop()
    }
    return null
  }
}

const podOf = ({ space, pod }: TreeRecord): string => `${space}/${pod}`

function isOtherSide(sender: HopRecord, child: HopRecord): boolean {
  const received = child.direction === 'inbound' && child.route.reason === 'delivered'
  return sender.direction !== 'inbound' && received
}

function sidesOf<R extends HopRecord>(
  record: R,
  pair: R | null,
): Pick<Hop<R>, 'caller' | 'callee'> {
  if (record.direction === 'inbound') return { caller: null, callee: record }
  return { caller: record, callee: pair }
}

/** One end of a hop, for people. */
export interface HopEnd {
  /** Service or workload; the address where nothing else is known. */
  name: string
  /** Null where the end is in no space. */
  space: string | null
}

/** Who called whom. */
export function hopEnds({ caller, callee, cause }: Hop): { from: HopEnd; to: HopEnd } {
  const to = toEnd(caller, callee)
  // A sender without a sidecar is whom the cause called: it passed the cause's trace parent on.
  if (!caller && cause && cause.direction !== 'inbound') return { from: toEnd(cause, null), to }
  // Else it is the sidecar that sent the request on to another pod.
  return { from: fromEnd(caller ?? cause, callee), to }
}

function fromEnd(caller: TraceRecord | null, callee: TraceRecord | null): HopEnd {
  if (!caller) return { name: callee?.client ?? 'unknown', space: null }
  if (caller.direction === 'gateway') return { name: 'gateway', space: null }
  return { name: caller.workload, space: caller.space }
}

function toEnd(caller: TraceRecord | null, callee: TraceRecord | null): HopEnd {
  if (callee) return { name: callee.service ?? callee.workload, space: callee.space }
  const service = caller?.route.service
  if (service) return { name: service.name, space: service.space }
  return {
    name: caller?.authority ?? caller?.sni ?? caller?.route.target ?? 'unknown',
    space: null,
  }
}
