import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { redactHeaders, redactPath } from '../../core/redaction.ts'
import type { Tried } from '../../core/route-reason.ts'
import type { HeaderList, TraceRecord } from '../../core/trace-record.ts'
import type { FieldMemo } from '../../proxy/exchange.ts'
import { type ExchangeOutcome, recordText } from '../../proxy/record-text.ts'
import type { ExchangeFacts } from '../../proxy/recorder.ts'
import { requestHead, responseHead } from './sample-head.ts'
import { ADDRESS, identity } from './sample-tree.ts'

const who = identity('alice')
const latin1 = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) })
const fields = fc.dictionary(fc.constantFrom('Cookie', 'host', 'X-A', 'x-"b"', 'Location'), latin1)
const reasons = fc.constantFrom('local' as const, 'child' as const, 'no-context' as const)
const service = fc.option(fc.record({ space: latin1, name: latin1, port: fc.nat(65_535) }))
const id = fc.stringMatching(/^[0-9a-f]{16}$/)

const decision = fc.record({
  reason: reasons,
  target: fc.constantFrom(ADDRESS.pod, ADDRESS.client),
  service,
  tried: fc.constant<Tried[]>([]),
})

const facts: fc.Arbitrary<ExchangeFacts> = fc.record({
  direction: fc.constantFrom('inbound', 'outbound', 'gateway'),
  head: fc
    .tuple(fields, latin1, fc.constantFrom('GET', 'CONNECT', '"'))
    .map(([fields, rest, method]) => requestHead(fields, { method, target: `/${rest}` })),
  ids: fc.record({ traceId: id, spanId: id, parentSpanId: fc.option(id), traceparent: id }),
  hop: fc.nat(20),
  service: fc.option(latin1),
  context: fc.record({ space: fc.option(latin1), source: fc.constantFrom('cookie', 'none') }),
  decision,
  originalDestination: fc.constantFrom(ADDRESS.pod, ADDRESS.client),
  client: fc.constant(ADDRESS.client),
})

const ms = fc.double({ min: 0, max: 2e12, noNaN: true })
const body = fc.option(fc.record({ base64: fc.base64String(), truncated: fc.boolean() }))

const outcome: fc.Arbitrary<ExchangeOutcome> = fc.record({
  protocol: fc.constantFrom('http/1.1', 'h2', 'websocket'),
  response: fc.option(fields.map((fields) => responseHead(200, fields))),
  trailers: fc.option(fields.map((fields): HeaderList => Object.entries(fields))),
  status: fc.option(fc.integer({ min: 100, max: 999 })),
  startedAt: ms,
  firstByteMs: fc.option(ms),
  durationMs: ms,
  requestBytes: fc.nat(),
  responseBytes: fc.nat(),
  requestBody: body,
  responseBody: body,
  error: fc.option(fc.record({ code: fc.constant('client-closed' as const), message: latin1 })),
})

/** The record as an object, whose keys the compiler checks. */
function recordOf(facts: ExchangeFacts, outcome: ExchangeOutcome): TraceRecord {
  const { head, ids, context, decision, originalDestination } = facts
  const { response, trailers, ...rest } = outcome
  const { traceparent: _, ...spans } = ids
  const connect = head.method === 'CONNECT'
  return {
    ...rest,
    ...spans,
    startedAt: micros(rest.startedAt),
    firstByteMs: rest.firstByteMs === null ? null : micros(rest.firstByteMs),
    durationMs: micros(rest.durationMs),
    space: who.space,
    pod: who.pod,
    workload: who.workload,
    service: facts.service,
    direction: facts.direction,
    hop: facts.hop,
    method: head.method,
    authority: connect ? head.target : head.header('host'),
    path: connect ? null : redactPath(head.target),
    sni: null,
    requestHeaders: redactHeaders(head.headers()),
    responseHeaders: redactHeaders([...(response?.headers() ?? []), ...(trailers ?? [])]),
    client: text(facts.client),
    route: {
      context: context.space,
      contextSource: context.source,
      reason: decision.reason,
      originalDestination: text(originalDestination),
      target: text(decision.target),
      service: decision.service,
      tried: decision.tried,
    },
  }
}

/** Times are told to a microsecond. */
const micros = (ms: number) => Math.round(ms * 1000) / 1000

const text = ({ ip, port }: { ip: string; port: number }) => `${ip}:${port}`

/** As a reader gets it: whatever cannot stand in JSON is gone. */
const read = (record: TraceRecord) => JSON.parse(JSON.stringify(record)) as TraceRecord

test('the text of a record is what JSON makes of it, whatever stands in it', () => {
  fc.assert(
    fc.property(facts, outcome, (facts, outcome) => {
      expect(JSON.parse(recordText(who, facts, outcome))).toEqual(read(recordOf(facts, outcome)))
    }),
  )
})

test('a decision that was written before is written anew for another context and destination', () => {
  const other = fc.tuple(facts, facts, decision, outcome)
  fc.assert(
    fc.property(other, ([one, two, decision, outcome]) => {
      for (const facts of [one, two, one, { ...one, context: two.context }]) {
        const same = { ...facts, decision }
        expect(JSON.parse(recordText(who, same, outcome))).toEqual(read(recordOf(same, outcome)))
      }
    }),
  )
})

test('what was written of a request is written anew for another one with the same fields', () => {
  const request = fc.record({
    method: fc.constantFrom('GET', 'PUT', 'CONNECT'),
    target: fc.constantFrom('/', '/other', `/${'long'.repeat(100)}`, '/?token=secret'),
  })
  const rest = fc.record({
    direction: fc.constantFrom('inbound' as const, 'outbound' as const),
    hop: fc.nat(2),
    service: fc.constantFrom('orders', 'o"2', null),
  })
  const several = fc.array(fc.tuple(request, rest, outcome), { minLength: 3, maxLength: 8 })
  fc.assert(
    fc.property(fields, facts, several, (fields, facts, several) => {
      const memo: FieldMemo = { said: null, recorded: null, varies: false }
      for (const [line, rest, outcome] of several) {
        const asked = { ...facts, ...rest, head: { ...requestHead(fields, line), memo } }
        expect(JSON.parse(recordText(who, asked, outcome))).toEqual(read(recordOf(asked, outcome)))
        const other = { ...who, pod: 'another' }
        expect(JSON.parse(recordText(other, asked, outcome))).toMatchObject({ pod: 'another' })
      }
    }),
  )
})

test('fields with a memo are judged once, and their secrets are blanked in it', () => {
  const memo: FieldMemo = { said: null, recorded: null, varies: false }
  const shared = { ...requestHead({ Authorization: 'Bearer mine', 'X-A': '1' }), memo }
  const [one, end] = fc.sample(fc.tuple(facts, outcome), 1)[0] as [ExchangeFacts, ExchangeOutcome]
  const first = recordText(who, { ...one, head: shared }, end)
  expect(memo.recorded).toBe('[["Authorization","[redacted]"],["X-A","1"]]')
  expect(recordText(who, { ...one, head: shared }, end)).toBe(first)
  expect(first).not.toContain('mine')
})

test('of fields with values that vary, each record has its own', () => {
  const memo: FieldMemo = { said: null, recorded: '[["X-Request-Id","another"]]', varies: true }
  const [one, end] = fc.sample(fc.tuple(facts, outcome), 1)[0] as [ExchangeFacts, ExchangeOutcome]
  for (const id of ['1', '2']) {
    const head = { ...requestHead({ 'X-Request-Id': id }), memo }
    const text = recordText(who, { ...one, head }, end)
    expect(text).toContain(`"requestHeaders":[["X-Request-Id","${id}"]]`)
  }
  expect(memo.recorded).toContain('another')
})
