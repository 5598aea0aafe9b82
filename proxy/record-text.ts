/**
 * The JSON of an exchange's trace record, put together from pieces. Most of a record is the same from one exchange
 * to the next (who records, where it went, fields that come with every request), and as text it is made once: to
 * make the record as an object and let `JSON.stringify` write it takes five times as long.
 */
import type { Context } from '../core/context.ts'
import { redactHeaders, redactPath } from '../core/redaction.ts'
import type { Decision } from '../core/routing.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import type {
  CapturedBody,
  HeaderList,
  TraceProtocol,
  TraceRecord,
  TraceRoute,
} from '../core/trace-record.ts'
import { requestAddress } from './authority.ts'
import type { FieldMemo, RequestHead, ResponseHead } from './exchange.ts'
import type { ExchangeFacts } from './recorder.ts'
import { type Identity, saidBy } from './request-facts.ts'

/** What became of an exchange. */
export interface ExchangeOutcome {
  protocol: TraceProtocol
  response: ResponseHead | null
  trailers: HeaderList | null
  status: number | null
  /** Milliseconds since 1970, with fractions. */
  startedAt: number
  firstByteMs: number | null
  durationMs: number
  requestBytes: number
  responseBytes: number
  requestBody: CapturedBody | null
  responseBody: CapturedBody | null
  error: TraceRecord['error']
}

/** The `TraceRecord` of an exchange as JSON, secrets blanked. */
export function recordText(
  identity: Identity,
  facts: ExchangeFacts,
  outcome: ExchangeOutcome,
): string {
  const { ids } = facts
  const { status, firstByteMs, requestBytes, responseBytes, error } = outcome
  const firstByte = firstByteMs === null ? 'null' : millisText(firstByteMs)
  // Ids are hex digits, protocols and directions our own words, and addresses numbers: none needs an escape.
  return [
    `{"traceId":"${ids.traceId}","spanId":"${ids.spanId}","parentSpanId":${json(ids.parentSpanId)}`,
    requestText(identity, facts, outcome.protocol),
    `"status":${status},"sni":null,"startedAt":${millisText(outcome.startedAt)}`,
    `"firstByteMs":${firstByte},"durationMs":${millisText(outcome.durationMs)}`,
    `"requestBytes":${requestBytes},"responseBytes":${responseBytes}`,
    `"responseHeaders":${answerFieldsText(outcome)}`,
    `"requestBody":${json(outcome.requestBody)},"responseBody":${json(outcome.responseBody)}`,
    `"client":"${formatAddress(facts.client)}","route":${routeText(facts)},"error":${json(error)}}`,
  ].join(',')
}

/** What was recorded of a request, for the next one that says the same. */
interface RequestText extends Pick<ExchangeFacts, 'service' | 'direction' | 'hop'> {
  identity: Identity
  protocol: TraceProtocol
  method: string
  target: string
  text: string
}

/** The latest of those that have the same fields. */
const requests = new WeakMap<FieldMemo, RequestText>()

/** Who records, and what was asked: mostly the same as with the last request that had these fields. */
function requestText(identity: Identity, facts: ExchangeFacts, protocol: TraceProtocol): string {
  const { head, service, direction, hop } = facts
  const { memo, method, target } = head
  // Fields that came once may never come again, and those that vary, as between two sidecars, never say the same.
  if (memo === undefined || memo.varies || memo.recorded === null) {
    return newRequestText(identity, facts, protocol)
  }
  const last = requests.get(memo)
  if (
    last?.target === target &&
    last.method === method &&
    last.service === service &&
    last.direction === direction &&
    last.hop === hop &&
    last.protocol === protocol &&
    last.identity === identity
  ) {
    return last.text
  }
  const text = newRequestText(identity, facts, protocol)
  if (target.length <= MOST_TARGET) {
    requests.set(memo, { identity, protocol, method, target, service, direction, hop, text })
  }
  return text
}

/** Longest target that is remembered with its text, in characters: with 128 sets of fields of 2 KiB, 400 KiB at most. */
const MOST_TARGET = 256

function newRequestText(identity: Identity, facts: ExchangeFacts, protocol: TraceProtocol): string {
  const { head, service, direction, hop } = facts
  const { authority, path } = addressOf(head)
  const recordedPath = path === null ? null : redactPath(path)
  return [
    identityText(identity),
    `"service":${json(service)},"direction":"${direction}","protocol":"${protocol}","hop":${hop}`,
    `"method":${json(head.method)},"authority":${json(authority)},"path":${json(recordedPath)}`,
    `"requestHeaders":${fieldsText(head)}`,
  ].join(',')
}

export function traceRouteOf(
  context: Context,
  decision: Decision,
  originalDestination: Address,
): TraceRoute {
  return {
    context: context.space,
    contextSource: context.source,
    reason: decision.reason,
    originalDestination: formatAddress(originalDestination),
    target: formatAddress(decision.target),
    service: decision.service,
    tried: decision.tried,
  }
}

const json = (value: object | string | null) => (value === null ? 'null' : JSON.stringify(value))

/**
 * A time in ms, to a microsecond. Text of a fraction takes V8 half a microsecond to find, since it is the shortest
 * of all that mean it; that of small whole numbers, a tenth.
 */
function millisText(ms: number): string {
  const micros = Math.round(ms * 1000)
  const whole = Math.floor(micros / 1000)
  return `${wholeText(whole)}.${lastDigits(1000 + micros - whole * 1000)}`
}

function wholeText(whole: number): string {
  if (whole < 1e9) return `${whole}`
  const millions = Math.floor(whole / 1e6)
  return `${millions}${lastDigits(1e6 + whole - millions * 1e6)}`
}

/** All digits but the first, which keeps zeros that lead. */
const lastDigits = (number: number) => `${number}`.slice(1)

function addressOf(head: RequestHead): { authority: string | null; path: string | null } {
  // Origin form, as of nearly all requests: what the fields say is known.
  if (head.target.startsWith('/') && head.method !== 'CONNECT') {
    return { authority: saidBy(head).host, path: head.target }
  }
  return requestAddress(head)
}

let known: { identity: Identity; text: string } | null = null

function identityText(identity: Identity): string {
  if (known?.identity === identity) return known.text
  const { space, pod, workload } = identity
  const text = JSON.stringify({ space, pod, workload }).slice(1, -1)
  known = { identity, text }
  return text
}

/** The fields of a head with secrets blanked; of fields that come again and again, made only once. */
function fieldsText(head: RequestHead | ResponseHead): string {
  const { memo } = head
  if (memo === undefined || memo.varies) return JSON.stringify(redactHeaders(head.headers()))
  memo.recorded ??= JSON.stringify(redactHeaders(head.headers()))
  return memo.recorded
}

/** Trailers last, as they came: gRPC says there how a call went. */
function answerFieldsText({ response, trailers }: ExchangeOutcome): string {
  if (trailers === null) return response === null ? '[]' : fieldsText(response)
  return JSON.stringify(redactHeaders([...(response?.headers() ?? []), ...trailers]))
}

interface RouteText {
  context: Context
  originalDestination: Address
  text: string
}

/** One decision stands for many exchanges, nearly always with the same context and destination. */
const routes = new WeakMap<Decision, RouteText>()

function routeText({ context, decision, originalDestination }: ExchangeFacts): string {
  const route = routes.get(decision)
  if (route?.context === context && route.originalDestination === originalDestination) {
    return route.text
  }
  const text = JSON.stringify(traceRouteOf(context, decision, originalDestination))
  routes.set(decision, { context, originalDestination, text })
  return text
}
