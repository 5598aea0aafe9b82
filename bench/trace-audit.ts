/** Holds a sidecar to its traces: each exchange must have arrived at the controller or count as dropped. */
import { metricOf, type Seat } from './stage.ts'

export interface TraceAudit {
  begin(): Promise<void>
  /** Exchanges that the client has seen. */
  add(exchanges: number): void
  /** A line for the report, and what is wrong; both null for whom no traces are expected. */
  end(): Promise<{ note: string | null; problem: string | null }>
}

interface Totals {
  /** Exchanges that the sidecar has counted. */
  exchanges: number
  arrived: number
  dropped: number
  broken: number
}

/** A sidecar pauses between batches, for seconds where it was busy; twenty are a sender that hangs. */
const DELIVERY_TIMEOUT_MS = 20_000

export function createTraceAudit(seat: Seat): TraceAudit {
  let before: Totals = { exchanges: 0, arrived: 0, dropped: 0, broken: 0 }
  let expected = 0
  const { traced = false } = seat.contestant
  return {
    begin: async () => {
      if (traced) before = await settledTotals(seat)
    },
    add: (exchanges) => {
      expected += exchanges
    },
    end: async () => {
      if (!traced || expected === 0) return { note: null, problem: null }
      const after = await settledTotals(seat)
      const name = seat.contestant.name
      return judgeTraces(name, difference(after, before), expected)
    },
  }
}

/** What the totals mean; `expected` is a lower bound, because a load generator stops in mid-request. */
export function judgeTraces(
  name: string,
  { exchanges, arrived, dropped, broken }: Totals,
  expected: number,
): { note: string; problem: string | null } {
  const note = `${name}: ${arrived} trace records arrived and ${dropped} counted as dropped, of ${exchanges} exchanges`
  if (broken > 0) return { note, problem: `${broken} trace batches were broken` }
  if (exchanges < expected) {
    return { note, problem: `${expected} requests were answered and ${exchanges} recorded` }
  }
  if (arrived + dropped !== exchanges) {
    return { note, problem: `${exchanges - arrived - dropped} trace records are unaccounted for` }
  }
  return { note, problem: null }
}

function difference(after: Totals, before: Totals): Totals {
  return {
    exchanges: after.exchanges - before.exchanges,
    arrived: after.arrived - before.arrived,
    dropped: after.dropped - before.dropped,
    broken: after.broken - before.broken,
  }
}

/** The totals once nothing is under way any more, or as they are when the time is over. */
async function settledTotals(seat: Seat): Promise<Totals> {
  const deadline = Date.now() + DELIVERY_TIMEOUT_MS
  for (;;) {
    const totals = await totalsOf(seat)
    const settled = totals.arrived + totals.dropped === totals.exchanges
    if (settled || Date.now() > deadline) return totals
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function totalsOf({ place, contestant, controller }: Seat): Promise<Totals> {
  const exchanges = await metricOf(place, 'azds_proxy_exchanges_total')
  const dropped = await metricOf(place, 'azds_proxy_traces_dropped_total')
  const { records, broken } = await controller.countTraces(contestant.name)
  return { exchanges, arrived: records, dropped, broken }
}
