/** Sentences about a hop: why it went where it went, and what to do about an error. Pure. */
import type { ContextSource } from '../core/context.ts'
import { ERROR } from '../core/errors.ts'
import { ROUTE_REASON, type Tried } from '../core/route-reason.ts'
import type { TraceRecord, TraceRoute } from '../core/trace-record.ts'

const SOURCE: Record<ContextSource, string> = {
  header: 'the header azds-route-as says so',
  baggage: 'the baggage header has the member azds-route-as',
  cookie: 'the cookie azds-route-as says so',
  host: 'the host name begins with it',
  trace: 'a request of the same trace carried it before',
  origin: 'the calling pod is in this space',
  none: '',
}

const OUTCOME: Record<Tried['outcome'], string> = {
  absent: 'does not run it',
  'no-port': 'runs it, but not on this port',
  'not-ready': 'runs it, but nothing is ready',
  chosen: 'answers',
}

/** Why the request went to its target; a reason that this page does not know is shown by its code. */
export function reasonSentence({ reason }: TraceRoute): string {
  return sentence(ROUTE_REASON[reason] ?? `reason ${reason}`)
}

/** Which space the request belongs to, and who said so. */
export function contextSentence({ context, contextSource }: TraceRoute): string {
  if (context === null) return 'It belongs to no space: nothing in the request names one.'
  const source = SOURCE[contextSource] ?? contextSource
  return sentence(`it belongs to space ${context}, because ${source}`)
}

/** What was found in one space on the way from the request's space to the root. */
export function triedWords({ outcome }: Tried): string {
  return OUTCOME[outcome] ?? outcome
}

/** What an error means and what to do next; null for a code that this page does not know. */
export function errorAdvice(
  error: NonNullable<TraceRecord['error']>,
): { meaning: string; next: string } | null {
  return ERROR[error.code] ?? null
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
