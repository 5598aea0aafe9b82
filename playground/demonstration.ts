/** The requests that the playground makes to show what spaces do, and what each must bring about. */
import type { ContextSource } from '../core/context.ts'
import { HEADER, ROUTE_AS_MEMBER } from '../core/names.ts'
import type { RouteReason } from '../core/routing.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import { assembleHops, hopEnds } from '../core/trace-tree.ts'

export interface DemoRequest {
  /** What it shows, for people. */
  title: string
  /** Host name without port; the gateway reads it. */
  host: string
  /** Header that the request carries besides Host; null for none. */
  header: [name: string, value: string] | null
  expected: {
    /** Which version of each service answered: `orders in alice`. */
    answers: string[]
    /** How the first hop knew the space. */
    contextSource: ContextSource
    /** Why each hop went where it did, gateway first. */
    reasons: RouteReason[]
  }
}

/** What came of a request: the answer of the sample app, and the trace of it. */
export interface DemoResult {
  request: DemoRequest
  /** Address as a browser would show it. */
  url: string
  status: number
  milliseconds: number
  traceId: string
  answers: string[]
  records: TraceRecord[]
}

const DEV = ['web in dev', 'orders in dev', 'stock in dev', 'warehouse in dev']
const ALICE = ['web in dev', 'orders in alice', 'stock in dev', 'warehouse in dev']
const ALICE_REASONS: RouteReason[] = [
  'fallback-absent',
  'child',
  'fallback-absent',
  'fallback-absent',
]
const NO_SPACE: RouteReason[] = ['no-context', 'no-context', 'no-context', 'no-context']

const DEV_HOST = 'dev.web.localhost'
const ALICE_HOST = 'alice.s.dev.web.localhost'

export const DEMO_REQUESTS: readonly DemoRequest[] = [
  {
    title: 'The team’s address: everything answers from dev.',
    host: DEV_HOST,
    header: null,
    expected: { answers: DEV, contextSource: 'none', reasons: NO_SPACE },
  },
  {
    title: 'Alice’s address: her orders answers, the rest falls back to dev.',
    host: ALICE_HOST,
    header: null,
    expected: { answers: ALICE, contextSource: 'host', reasons: ALICE_REASONS },
  },
  {
    title: 'The team’s address with Alice’s space in the header.',
    host: DEV_HOST,
    header: [HEADER.routeAs, 'alice'],
    expected: { answers: ALICE, contextSource: 'header', reasons: ALICE_REASONS },
  },
  {
    title: 'Her space as W3C baggage, as a tracing library would carry it.',
    host: DEV_HOST,
    header: [HEADER.baggage, `${ROUTE_AS_MEMBER}=alice`],
    expected: { answers: ALICE, contextSource: 'baggage', reasons: ALICE_REASONS },
  },
  {
    title: 'Her space in a cookie, as a browser would keep it.',
    host: DEV_HOST,
    header: ['cookie', `${ROUTE_AS_MEMBER}=alice`],
    expected: { answers: ALICE, contextSource: 'cookie', reasons: ALICE_REASONS },
  },
  {
    title: 'A space that is not in dev’s tree changes nothing.',
    host: DEV_HOST,
    header: [HEADER.routeAs, 'someone-else'],
    // The apps pass on their trace id only, and a foreign space is not remembered by it.
    expected: {
      answers: DEV,
      contextSource: 'header',
      reasons: ['other-tree', 'no-context', 'no-context', 'no-context'],
    },
  },
]

/** Records of one demonstration request: two for each hop, but one for the gateway’s own side. */
export const RECORDS_PER_REQUEST = 8

/** What differs between a result and what was expected; empty if nothing does. */
export function differences({ request, status, answers, records }: DemoResult): string[] {
  const { expected } = request
  const found: string[] = []
  const compare = (what: string, wanted: string, got: string) => {
    if (wanted !== got) found.push(`${what}: expected ${wanted}, got ${got}`)
  }
  compare('status', '200', String(status))
  compare('answers', expected.answers.join(', '), answers.join(', '))
  const hops = hopRows(records)
  compare('reasons', expected.reasons.join(', '), hops.map((hop) => hop.reason).join(', '))
  compare('space came from', expected.contextSource, hops[0]?.contextSource ?? 'no trace')
  compare('trace records', String(RECORDS_PER_REQUEST), String(records.length))
  return found
}

export interface HopRow {
  from: string
  to: string
  /** Space of the version that answered; empty outside of spaces. */
  space: string
  reason: RouteReason
  context: string | null
  contextSource: ContextSource
}

/** The hops of a trace in order; the sender's record says why, the receiver's where its is missing. */
export function hopRows(records: readonly TraceRecord[]): HopRow[] {
  return assembleHops(records).flatMap((hop) => {
    const record = hop.caller ?? hop.callee
    if (!record) return []
    const { from, to } = hopEnds(hop)
    const { reason, context, contextSource } = record.route
    return [{ from: from.name, to: to.name, space: to.space ?? '', reason, context, contextSource }]
  })
}
