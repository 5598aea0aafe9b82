/** The trace API over HTTP. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { MAX_FOLLOWERS } from '../../../controller/traces/followers.ts'
import type { TraceSummary } from '../../../core/controller-api.ts'
import { MAX_BATCH_BYTES, type TraceBatch, type TraceRecord } from '../../../core/trace-record.ts'
import { sampleRecord, sampleTrace, traceIdOf } from '../../core/sample-records.ts'
import { openStream, startTestController, type TestController } from '../running.ts'

let controller: TestController
beforeEach(async () => {
  controller = await startTestController()
})
afterEach(() => controller.close())

const batchOf = (records: unknown[], dropped = 0) => ({
  namespace: 'dev',
  pod: 'web-1',
  dropped,
  records,
})

async function post(body: unknown, contentType = 'application/json') {
  const answer = await fetch(`${controller.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

async function get<T = unknown>(path: string) {
  const answer = await fetch(controller.url + path)
  return { status: answer.status, body: (await answer.json()) as T }
}

test('a batch is taken in and its trace can be listed and read', async () => {
  const batch: TraceBatch = batchOf(sampleTrace()) as TraceBatch
  expect(await post(batch)).toEqual({ status: 202, body: { stored: 5, rejected: 0 } })
  expect(await get('/v1/traces?space=alice&status=error')).toMatchObject({
    status: 200,
    body: [{ traceId: traceIdOf(7), context: 'alice' }],
  })
  expect(await get(`/v1/traces/${traceIdOf(7)}`)).toEqual({
    status: 200,
    body: { traceId: traceIdOf(7), records: sampleTrace() },
  })
})

test('empty parameters count as absent', async () => {
  await post(batchOf(sampleTrace()))
  const { body } = await get(
    '/v1/traces?space=&service=&pod=&method=&status=&q=&since=&before=&limit=',
  )
  expect(body).toHaveLength(1)
})

test('the last line of a page is where the next page begins', async () => {
  await post(batchOf([1, 2, 3].map((id) => sampleRecord({ traceId: traceIdOf(id) }))))
  const { body: first } = await get<TraceSummary[]>('/v1/traces?limit=2')
  const last = first.at(-1)
  const { body: second } = await get<TraceSummary[]>(
    `/v1/traces?limit=2&before=${last?.startedAt},${last?.traceId}`,
  )
  expect([...first, ...second].map((one) => one.traceId)).toEqual([3, 2, 1].map(traceIdOf))
})

test('a follower gets what comes after the call, filtered', async () => {
  await post(batchOf([sampleRecord({ traceId: traceIdOf(50) })]))
  const stream = await openStream(`${controller.url}/v1/traces/follow?service=orders`, '\n\n')
  try {
    expect(await stream.next()).toBe(': following')
    await post(batchOf(sampleTrace()))
    const [event, data = ''] = ((await stream.next()) ?? '').split('\n')
    expect(event).toBe('event: record')
    const record: TraceRecord = JSON.parse(data.slice('data: '.length))
    expect(record).toEqual(sampleTrace()[1])
  } finally {
    stream.stop()
  }
})

test('closing the controller ends live streams at once', async () => {
  const stream = await openStream(`${controller.url}/v1/traces/follow`, '\n\n')
  await stream.next()
  await controller.close()
  expect(await stream.next()).toBeNull()
  controller = await startTestController()
})

const broken = (change: Record<string, unknown>) =>
  batchOf([
    { ...sampleRecord(), ...change },
    { ...sampleRecord(), ...change },
  ])

test.each([
  ['no object', [], 'body must be object'],
  ['a missing field', { namespace: 'dev', pod: 'p', records: [] }, "required property 'dropped'"],
  ['a trace id of another form', broken({ traceId: 'XYZ' }), 'body/records/0/traceId must match'],
  ['a status that is text', broken({ status: '200' }), 'body/records/0/status must be integer'],
  ['an unknown direction', broken({ direction: 'up' }), 'body/records/0/direction must be equal'],
  [
    'a header without value',
    broken({ requestHeaders: [['a']] }),
    'requestHeaders/0 must NOT have fewer',
  ],
  ['a start that no calendar has', broken({ startedAt: 1e300 }), 'records/0/startedAt must be <='],
  ['a negative duration', broken({ durationMs: -1 }), 'body/records/0/durationMs must be >= 0'],
  [
    'a body that is no base64',
    broken({ requestBody: { base64: '<b>', truncated: false } }),
    'requestBody/base64',
  ],
  ['no route', broken({ route: null }), 'body/records/0/route must be object'],
  [
    'too many records',
    batchOf(Array(1001).fill(1)),
    'body/records must NOT have more than 1000 items',
  ],
  ['broken JSON', '{"namespace":', 'JSON'],
])(
  'a batch with %s is refused as a whole, and the answer names the field',
  async (_what, body, message) => {
    const answer = await post(body)
    expect(answer.status).toBe(400)
    expect(answer.body).toEqual({
      error: { code: 'bad-request', message: expect.stringContaining(message) },
    })
    expect((await get('/v1/traces')).body).toEqual([])
  },
)

test('a record that cannot be stored does not cost the others of its batch', async () => {
  const odd = { ...sampleRecord(), status: 'fine' }
  expect(await post(batchOf([...sampleTrace(), odd]))).toEqual({
    status: 202,
    body: { stored: 5, rejected: 1 },
  })
  expect((await get<unknown[]>('/v1/traces')).body).toHaveLength(1)
  const metrics = await (await fetch(`${controller.url}/metrics`)).text()
  expect(metrics).toContain('azds_controller_records_total{outcome="rejected"} 1')
})

test('a live view more than the controller serves is refused, until another one ends', async () => {
  const follow = `${controller.url}/v1/traces/follow`
  const streams = await Promise.all(
    Array.from({ length: MAX_FOLLOWERS }, () => openStream(follow, '\n\n')),
  )
  try {
    expect(await get('/v1/traces/follow')).toMatchObject({
      status: 503,
      body: { error: { code: 'too-many-followers' } },
    })
    streams.pop()?.stop()
    for (let tries = 0; ; tries += 1) {
      const stream = await openStream(follow, '\n\n').catch(() => null)
      if (stream) streams.push(stream)
      if (stream || tries === 500) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(streams).toHaveLength(MAX_FOLLOWERS)
  } finally {
    for (const stream of streams) stream.stop()
  }
})

test.each(['/v1/feed?scope=all', '/v1/traces/follow'])(
  'the stream %s carries the headers of every answer, and knows no HEAD, which would not end',
  async (path) => {
    const stopped = new AbortController()
    const answer = await fetch(controller.url + path, { signal: stopped.signal })
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    stopped.abort()
    expect((await fetch(controller.url + path, { method: 'HEAD' })).ok).toBe(false)
  },
)

test('words that a newer sidecar may use are taken in', async () => {
  const record = sampleRecord()
  const newer = { ...record, protocol: 'h3', route: { ...record.route, reason: 'new-reason' } }
  expect((await post(batchOf([newer]))).status).toBe(202)
})

test('a body over the limit is refused, and the answer tells the limit', async () => {
  const answer = await post(JSON.stringify(batchOf([])).padEnd(MAX_BATCH_BYTES + 1))
  expect(answer).toEqual({
    status: 413,
    body: {
      error: { code: 'too-large', message: `the body is longer than ${MAX_BATCH_BYTES} bytes` },
    },
  })
})

test('only JSON is taken, so that a page of another origin cannot post without asking', async () => {
  expect(await post(batchOf([]), 'text/plain')).toMatchObject({
    status: 415,
    body: { error: { code: 'not-json' } },
  })
})

test.each([
  ['/v1/traces?status=many', 400, 'querystring/status must match'],
  ['/v1/traces?limit=-1', 400, 'querystring/limit must match'],
  ['/v1/traces?color=red', 400, 'must NOT have additional properties'],
  ['/v1/traces?space=a&space=b', 400, 'querystring/space must be string'],
  ['/v1/traces/zzz', 400, 'params/traceId must match'],
  [`/v1/traces/${traceIdOf(404)}`, 404, `trace ${traceIdOf(404)} is not in the store`],
  ['/%', 400, "'/%' is not a valid url component"],
  ['/v2', 404, 'nothing is at GET /v2'],
])('GET %s answers %s and says why', async (path, status, message) => {
  expect(await get(path)).toEqual({
    status,
    body: { error: { code: expect.any(String), message: expect.stringContaining(message) } },
  })
})

test('records that sidecars dropped are counted by growth, also over their restarts', async () => {
  for (const dropped of [3, 5, 5, 2]) await post(batchOf([], dropped))
  const metrics = await (await fetch(`${controller.url}/metrics`)).text()
  expect(metrics).toContain('azds_controller_records_total{outcome="lost"} 7')
})
