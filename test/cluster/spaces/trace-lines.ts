/** A trace as lines that a test can expect, and what in its records does not fit together. */
import { HEADER } from '../../../core/names.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import { assembleHops, type Hop, hopEnds } from '../../../core/trace-tree.ts'
import type { Asked } from './customer.ts'

/**
 * One line a hop, in order: who called whom, why it went there, which space it belonged to and what said
 * so, the chain as it was searched. `web (dev) > orders (alice): child, alice by trace, alice=chosen`
 */
export function hopLines(records: readonly TraceRecord[]): string[] {
  return assembleHops(records).map((hop) => {
    const { from, to } = hopEnds(hop)
    const route = (hop.caller ?? hop.callee)?.route
    const place = (end: typeof from) => (end.space ? `${end.name} (${end.space})` : end.name)
    const context = route?.context ? `${route.context} by ${route.contextSource}` : 'no space'
    const tried = route?.tried.map(({ space, outcome }) => `${space}=${outcome}`) ?? []
    const search = tried.length > 0 ? `, ${tried.join(' ')}` : ''
    return `${place(from)} > ${place(to)}: ${route?.reason}, ${context}${search}`
  })
}

/**
 * What is wrong with the records of a request that went well: a side that is missing, or two sides of a hop
 * that differ where they must not. Empty if nothing is.
 */
export function oddities(records: readonly TraceRecord[], asked?: Asked): string[] {
  const hops = assembleHops(records)
  const found = hops.flatMap(oddInHop)
  if (records.length !== 2 * hops.length)
    found.push(`${records.length} records of ${hops.length} hops`)
  const [first] = hops
  if (asked?.bytes && first?.caller) found.push(...oddAtTheDoor(first.caller, asked.bytes))
  return found
}

function oddInHop(hop: Hop): string[] {
  const { caller, callee } = hop
  const where = `${hopEnds(hop).from.name} > ${hopEnds(hop).to.name}`
  if (!caller || !callee) return [`${where}: only one side has a record`]
  const found: string[] = []
  const must = (what: string, holds: boolean) => {
    if (!holds) found.push(`${where}: ${what}`)
  }
  const equal = (key: keyof TraceRecord) =>
    must(`${key} is ${caller[key]} here and ${callee[key]} there`, caller[key] === callee[key])
  must(`the receiver says ${callee.route.reason}`, callee.route.reason === 'delivered')
  must('the receiver does not name its sender', callee.parentSpanId === caller.spanId)
  // The apps do not pass the counter on, so that it begins anew with each.
  must(`it is hop ${caller.hop}`, caller.hop === 1)
  must(`the status is ${caller.status}`, caller.status === 200)
  must('there is an error', caller.error === null && callee.error === null)
  must(`the method is ${caller.method}`, caller.method === 'GET')
  must(`the path is ${caller.path}`, caller.path === '/')
  for (const key of ['protocol', 'hop', 'status', 'method', 'path', 'authority'] as const)
    equal(key)
  // The sender has added all headers; the receiver changes the parent id, which keeps its length.
  equal('requestBytes')
  equal('responseBytes')
  must('the request has no bytes', caller.requestBytes > 0)
  must('the answer is shorter than its head', caller.responseBytes > 100)
  const took = { caller: caller.durationMs, callee: callee.durationMs }
  must(`it took ${took.caller} ms here, ${took.callee} there`, took.caller > 0 && took.callee > 0)
  // Each side's clock is right to a millisecond.
  must('it is received before it is sent', callee.startedAt >= caller.startedAt - 1)
  return found
}

/** The gateway must have counted what the test's own connection did, and its own headers. */
function oddAtTheDoor(gateway: TraceRecord, bytes: NonNullable<Asked['bytes']>): string[] {
  const had = (name: string) => gateway.requestHeaders.some(([key]) => key.toLowerCase() === name)
  const { context, reason } = gateway.route
  const adds: [string, string][] = [[HEADER.hop, String(gateway.hop)]]
  const tags = context !== null && reason !== 'other-tree' && !had(HEADER.routeAs)
  if (tags) adds.push([HEADER.routeAs, context])
  const added = adds.reduce((sum, [name, value]) => sum + `${name}: ${value}\r\n`.length, 0)
  const found: string[] = []
  const sent = bytes.sent + added
  if (gateway.requestBytes !== sent) {
    found.push(`the gateway sent ${gateway.requestBytes} bytes of ${sent}`)
  }
  if (gateway.responseBytes !== bytes.received) {
    found.push(`the gateway returned ${gateway.responseBytes} bytes of ${bytes.received}`)
  }
  return found
}
