/** What a request gets on its way to the next sidecar: hop, trace parent, space; or its refusal. */
import type { Context } from '../core/context.ts'
import { HEADER, MAX_HOPS } from '../core/names.ts'
import type { Decision } from '../core/routing.ts'
import type { Address } from '../core/routing-table.ts'
import type { HeaderList } from '../core/trace-record.ts'
import type { ExchangePlan, ExchangeRecorder } from './exchange.ts'
import type { ExchangeFacts, RecordExchange } from './recorder.ts'
import type { SaidByFields } from './request-facts.ts'

/**
 * | header       | when                                                | value                    |
 * |--------------|-----------------------------------------------------|--------------------------|
 * | traceparent  | always                                              | same trace, our span     |
 * | azds-hop     | always                                              | one more than it was     |
 * | azds-route-as| it is not the context, which is not of another tree | the context's space      |
 *
 * More than `MAX_HOPS` hops is a loop and is refused.
 *
 * @param facts with the hop that the request came with; becomes what is recorded
 * @param said what the fields of its head say
 * @param decideAgain asked where the target refuses the connection: the table may know better by now
 */
export function sendOn(
  facts: ExchangeFacts,
  said: SaidByFields,
  record: RecordExchange,
  decideAgain: DecideAgain,
): ExchangePlan {
  const { head, ids, context, decision } = facts
  const hop = facts.hop + 1
  facts.hop = hop
  facts.service = decision.service?.name ?? null
  const recorder = record(facts)
  if (hop > MAX_HOPS) {
    const message = `${head.method} request to ${decision.service?.name ?? 'this service'} has passed ${hop - 1} sidecars, and ${MAX_HOPS} is the most: two services send each other the same request`
    return { kind: 'refuse', code: 'too-many-hops', message, recorder }
  }
  const traceparent: HeaderList[number] = [HEADER.traceparent, ids.traceparent]
  const hops = HOPS[hop] as HeaderList[number]
  const { space } = context
  const tags = space !== null && decision.reason !== 'other-tree' && needsRouteAs(said, space)
  const setHeaders: HeaderList = tags
    ? [traceparent, hops, routeAsField(space)]
    : [traceparent, hops]
  return new Onward(facts, decideAgain, setHeaders, recorder)
}

/** What the table says now about a request with this context. */
export type DecideAgain = (context: Context) => Decision

/** A request that is sent on. Where its target refuses, it asks again. */
class Onward {
  readonly kind = 'forward'
  readonly target: Address
  readonly setHeaders: HeaderList
  readonly recorder: ExchangeRecorder
  readonly #facts: ExchangeFacts
  readonly #decideAgain: DecideAgain

  constructor(
    facts: ExchangeFacts,
    decideAgain: DecideAgain,
    setHeaders: HeaderList,
    recorder: ExchangeRecorder,
  ) {
    this.target = facts.decision.target
    this.setHeaders = setHeaders
    this.recorder = recorder
    this.#facts = facts
    this.#decideAgain = decideAgain
  }

  elsewhere(): Address {
    const facts = this.#facts
    facts.decision = this.#decideAgain(facts.context)
    facts.service = facts.decision.service?.name ?? null
    return facts.decision.target
  }
}

/** By the number of hops. Fields that are the same for all requests are one object. */
const HOPS = Array.from({ length: MAX_HOPS + 1 }, (_, hop): HeaderList[number] => [
  HEADER.hop,
  String(hop),
])

let lastRouteAs: HeaderList[number] = [HEADER.routeAs, '']

/** The field for a space; nearly always that of the last request. */
export function routeAsField(space: string): HeaderList[number] {
  if (lastRouteAs[1] !== space) lastRouteAs = [HEADER.routeAs, space]
  return lastRouteAs
}

/**
 * True where the request does not say its context itself: apps that pass on a header which they did not get
 * send an empty one, and a preview address wins over a header.
 */
export function needsRouteAs({ routeAs }: SaidByFields, space: string): boolean {
  return routeAs !== space
}
