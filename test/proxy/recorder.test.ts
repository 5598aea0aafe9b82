import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import type { TraceRecord } from '../../core/trace-record.ts'
import type { RequestHead } from '../../proxy/exchange.ts'
import { createRecordExchange, type ExchangeFacts } from '../../proxy/recorder.ts'
import { requestHead, responseHead } from './sample-head.ts'
import { ADDRESS, identity, recordInto } from './sample-tree.ts'

function factsOf(head: RequestHead): ExchangeFacts {
  return {
    direction: 'inbound',
    head,
    ids: { traceId: 't', spanId: 's', parentSpanId: 'p', traceparent: '' },
    hop: 2,
    service: 'orders',
    context: { space: 'alice', source: 'cookie' },
    decision: { reason: 'local', target: ADDRESS.pod, service: null, tried: [] },
    originalDestination: ADDRESS.pod,
    client: ADDRESS.client,
  }
}

function recording({ bodyBytes = 0, head = requestHead({ Host: 'orders' }) } = {}) {
  const records: TraceRecord[] = []
  let time = 1000
  const exchange = recordInto(records, identity('alice'), { bodyBytes, now: () => time })(
    factsOf(head),
  )
  return {
    exchange,
    pass: (ms: number) => {
      time += ms
    },
    finish: (error: TraceRecord['error'] = null): TraceRecord => {
      exchange.done({ requestBytes: 10, responseBytes: 20, error })
      expect(records).toHaveLength(1)
      return records[0] as TraceRecord
    },
  }
}

test('times run from the head to the answer’s first byte and to the end', () => {
  const { exchange, pass, finish } = recording()
  pass(5)
  exchange.responseHead(responseHead(201, { 'Set-Cookie': 'a=b', 'X-A': '1' }))
  pass(7)
  expect(finish()).toMatchObject({
    startedAt: 1000,
    firstByteMs: 5,
    durationMs: 12,
    status: 201,
    protocol: 'http/1.1',
    hop: 2,
    requestBytes: 10,
    responseBytes: 20,
    responseHeaders: [
      ['Set-Cookie', '[redacted]'],
      ['X-A', '1'],
    ],
    requestBody: null,
    responseBody: null,
  })
})

test('an exchange that ends with the head of its answer ends at its first byte', () => {
  const records: TraceRecord[] = []
  let asked = 0
  const now = () => 1000 + asked++
  const exchange = recordInto(records, identity('alice'), { bodyBytes: 0, now })(
    factsOf(requestHead({ Host: 'orders' })),
  )
  exchange.responseHead(responseHead(200))
  exchange.done({ requestBytes: 1, responseBytes: 2, atOnce: true, error: null })
  expect(records[0]).toMatchObject({ startedAt: 1000, firstByteMs: 1, durationMs: 1 })
  expect(exchange.keepsBodies).toBe(false)
  expect(recording({ bodyBytes: 1 }).exchange.keepsBodies).toBe(true)
})

test('bodies are kept up to the bound, and say if they were longer', () => {
  const { exchange, finish } = recording({ bodyBytes: 4 })
  exchange.requestBody(Buffer.from('ab'))
  exchange.requestBody(Buffer.from('cd'))
  exchange.responseBody(Buffer.from('abc'))
  exchange.responseBody(Buffer.from('def'))
  const { requestBody, responseBody } = finish()
  expect(requestBody).toEqual({ base64: btoa('abcd'), truncated: false })
  expect(responseBody).toEqual({ base64: btoa('abcd'), truncated: true })
})

test('what was kept is not changed when the engine uses its buffer again', () => {
  const { exchange, finish } = recording({ bodyBytes: 4 })
  const chunk = Buffer.from('mine')
  exchange.requestBody(chunk)
  chunk.fill('x')
  expect(finish().requestBody?.base64).toBe(btoa('mine'))
})

test.each([
  ['connect-refused' as const, 502],
  ['client-closed' as const, null],
])('an exchange without an answer has the status of its error: %s', (code, status) => {
  expect(recording().finish({ code, message: 'm' }).status).toBe(status)
})

test.each([
  ['websocket' as const, 'websocket'],
  ['connect' as const, 'connect'],
  ['upgrade' as const, 'http/1.1'],
])('a tunnel of kind %s is recorded as %s', (kind, protocol) => {
  const { exchange, finish } = recording()
  exchange.tunnel(kind)
  expect(finish().protocol).toBe(protocol)
})

test.each([
  ['origin form', 'GET', '/a?token=t', 'orders', '/a?token=[redacted]'],
  ['absolute form', 'GET', 'http://u:p@web.test:80?q', 'web.test:80', '/?q'],
  ['authority form', 'CONNECT', 'db.test:443', 'db.test:443', null],
  ['asterisk form', 'OPTIONS', '*', 'orders', '*'],
])('a target in %s gives authority and path', (_, method, target, authority, path) => {
  const head = requestHead({ Host: 'orders' }, { method, target, version: '1.0' })
  expect(recording({ head }).finish()).toMatchObject({ authority, path, protocol: 'http/1.0' })
})

/** An exchange that is not traced and under way; what it holds of its heads. */
function untraced() {
  const request = requestHead({ Host: 'orders' })
  const response = responseHead(200)
  const record = createRecordExchange({
    identity: identity('alice'),
    now: () => 0,
    bodyBytes: 0,
    tracing: false,
    finished: () => {},
  })
  const exchange = record(factsOf(request))
  exchange.responseHead(response)
  return { exchange, held: [new WeakRef(request), new WeakRef(response)] }
}

test('without tracing no head is held while its exchange lasts', async () => {
  const { exchange, held } = untraced()
  await new Promise((resolve) => setImmediate(resolve))
  setFlagsFromString('--expose_gc')
  runInNewContext('gc')()
  expect(held.map((head) => head.deref())).toEqual([undefined, undefined])
  exchange.done({ requestBytes: 1, responseBytes: 1, error: null })
})
