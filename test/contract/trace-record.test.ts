/** What a sidecar records is what the controller takes in: both are the real ones. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { TraceRecord } from '../../core/trace-record.ts'
import { saidBy, traceIdsOf } from '../../proxy/request-facts.ts'
import { startTestController, type TestController } from '../controller/running.ts'
import { requestHead, responseHead } from '../proxy/sample-head.ts'
import { ADDRESS, identity, recordInto } from '../proxy/sample-tree.ts'

let controller: TestController
beforeEach(async () => {
  controller = await startTestController()
})
afterEach(() => controller.close())

/** An exchange as an odd pair of apps would have it. */
function recordOf({ fields = {}, target = '/', body = '', status = 200 }): TraceRecord {
  const records: TraceRecord[] = []
  const head = requestHead({ Host: 'orders', ...fields }, { target })
  const exchange = recordInto(records, identity('alice'), { bodyBytes: 65_536, now: Date.now })({
    direction: 'outbound',
    head,
    ids: traceIdsOf(head, saidBy(head)),
    hop: 1,
    service: null,
    context: { space: null, source: 'none' },
    decision: { reason: 'no-table', target: ADDRESS.pod, service: null, tried: [] },
    originalDestination: ADDRESS.pod,
    client: ADDRESS.client,
  })
  exchange.requestBody(Buffer.from(body))
  if (status > 0) exchange.responseHead(responseHead(status))
  const error = status > 0 ? null : { code: 'upstream-reset' as const, message: 'ECONNRESET' }
  exchange.done({ requestBytes: 10, responseBytes: 0, error })
  return records[0] as TraceRecord
}

test.each([
  ['a plain one', recordOf({})],
  ['one without an answer', recordOf({ status: 0 })],
  ['one with a status that nobody has heard of', recordOf({ status: 999 })],
  ['one with the longest body that is kept, and more', recordOf({ body: 'x'.repeat(70_000) })],
  ['one with the longest path', recordOf({ target: `/${'?code=a'.repeat(9000)}` })],
  [
    'one with bytes that are no text',
    recordOf({ fields: { 'X-Odd': '\u0000\u00ff"\\' }, body: '\u0000' }),
  ],
])('an exchange is stored as it was recorded: %s', async (_what, record) => {
  const answer = await fetch(`${controller.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ namespace: 'alice', pod: 'orders-1', dropped: 0, records: [record] }),
  })
  expect(await answer.json()).toEqual({ stored: 1, rejected: 0 })
  const stored = await fetch(`${controller.url}/v1/traces/${record.traceId}`)
  expect(await stored.json()).toEqual({ traceId: record.traceId, records: [record] })
})
