/** What a request gets on its way to the next sidecar: hop, trace parent, space; or its refusal. */
import type { Context } from '../core/context.ts'
import { HEADER, MAX_HOPS } from '../core/names.ts'
import type { Decision } from '../core/routing.ts'
import type { HeaderList } from '../core/trace-record.ts'
import type { ExchangePlan, RequestHead } from './exchange.ts'
import type { ExchangeFacts, RecordExchange } from './recorder.ts'

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
 * @param decideAgain asked where the target refuses the connection: the table may know better by now
 */
export function sendOn(
  facts: ExchangeFacts,
  record: RecordExchange,
  decideAgain: () => Decision,
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
  const hops: HeaderList[number] = [HEADER.hop, String(hop)]
  const tags = needsRouteAs(head, context) && decision.reason !== 'other-tree'
  const setHeaders: HeaderList = tags
    ? [traceparent, hops, [HEADER.routeAs, context.space]]
    : [traceparent, hops]
  const elsewhere = () => {
    facts.decision = decideAgain()
    facts.service = facts.decision.service?.name ?? null
    return facts.decision.target
  }
  return { kind: 'forward', target: decision.target, setHeaders, recorder, elsewhere }
}

/**
 * True where the context is known but is not what the request says: apps that pass on a header which
 * they did not get send an empty one, and a preview address wins over a header.
 */
export function needsRouteAs(
  head: RequestHead,
  context: Context,
): context is Context & { space: string } {
  return context.space !== null && head.header(HEADER.routeAs) !== context.space
}
