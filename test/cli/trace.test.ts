/** `azds trace`: list, tree and live stream, as the API server answers for `azds.io`. */
import { afterEach, expect, test } from '@jest/globals'
import { exchangeLine, treeText } from '../../cli/trace-text.ts'
import type { TraceSummary } from '../../core/controller-api.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { API_ROOT, tracePath } from '../../core/trace-resource.ts'
import { answerJson, scriptedApi as anyApi, type ScriptedApi } from '../core/kube/api-fixture.ts'
import { pauseForSockets } from '../proxy/undisturbed.ts'
import { azds } from './world-fixture.ts'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const plain = (_: string, text: string) => text

let api: ScriptedApi | null = null

const NAMESPACE = /^\/api\/v1\/namespaces\//

/**
 * A cluster that serves the group azds.io, with these answers for its objects.
 * @param namespace the answer for any namespace; undefined: one may not look
 */
async function scriptedApi(
  handle: Parameters<typeof anyApi>[0],
  namespace?: { status: number; labels: Record<string, string> },
): Promise<ScriptedApi> {
  return anyApi((request, response, url) => {
    if (NAMESPACE.test(url.pathname)) {
      const { status, labels } = namespace ?? { status: 403, labels: {} }
      return answerJson(response, status, { metadata: { labels }, message: 'no' })
    }
    if (url.pathname !== API_ROOT) return handle(request, response, url)
    answerJson(response, 200, { resources: [] })
  })
}

/** What was asked besides whether the group is there. */
const asked = () =>
  api?.requests.filter(
    (line) => line !== `GET ${API_ROOT}` && !line.includes(' /api/v1/namespaces/'),
  )

afterEach(async () => {
  await api?.close()
  api = null
})

/** web in dev calls orders, which alice has changed. */
const outbound: TraceRecord = {
  traceId: ID,
  spanId: '00000000000000a1',
  parentSpanId: null,
  space: 'dev',
  pod: 'web-1',
  workload: 'web',
  service: 'orders',
  direction: 'outbound',
  protocol: 'http/1.1',
  hop: 1,
  method: 'GET',
  authority: 'orders',
  path: '/orders/7',
  status: 200,
  sni: null,
  startedAt: new Date(2026, 0, 2, 3, 4, 5, 67).getTime(),
  firstByteMs: 3,
  durationMs: 4.4,
  requestBytes: 100,
  responseBytes: 200,
  requestHeaders: [],
  responseHeaders: [],
  requestBody: null,
  responseBody: null,
  client: '10.244.0.5:40000',
  route: {
    context: 'alice',
    contextSource: 'header',
    reason: 'child',
    originalDestination: '10.96.0.1:80',
    target: '10.96.0.2:80',
    service: { space: 'alice', name: 'orders', port: 80 },
    tried: [{ space: 'alice', outcome: 'chosen' }],
  },
  error: null,
}
const inbound: TraceRecord = {
  ...outbound,
  spanId: '00000000000000a2',
  parentSpanId: outbound.spanId,
  space: 'alice',
  pod: 'orders-1',
  workload: 'orders',
  direction: 'inbound',
  startedAt: outbound.startedAt + 1,
  durationMs: 2,
  route: { ...outbound.route, reason: 'delivered' },
}

test('an exchange is one line: time, request, status, who called whom, why', () => {
  expect(exchangeLine(outbound, plain)).toBe(
    '03:04:05.067  GET /orders/7  200  web (dev) -> orders (alice)  (child for alice)',
  )
})

test('the receiving side of an exchange that a sidecar sent has no line of its own', () => {
  expect(exchangeLine(inbound, plain)).toBeNull()
})

test('an inbound request from outside has a line', () => {
  const record = { ...inbound, route: { ...inbound.route, reason: 'local' as const } }
  expect(exchangeLine(record, plain)).toContain('10.244.0.5:40000 -> orders (alice)')
})

test('an error and control characters are shown, not obeyed', () => {
  const line = exchangeLine(
    {
      ...outbound,
      path: '/\u001b[2J',
      status: 502,
      error: { code: 'connect-refused', message: 'no' },
    },
    plain,
  )
  expect(line).toContain('GET /·[2J  502 connect-refused')
})

test('a trace is a tree of hops', () => {
  const second: TraceRecord = {
    ...outbound,
    spanId: '00000000000000a3',
    parentSpanId: inbound.spanId,
    space: 'alice',
    pod: 'orders-1',
    workload: 'orders',
    startedAt: inbound.startedAt + 1,
    durationMs: 1,
    path: '/stock',
    route: {
      ...outbound.route,
      reason: 'fallback-absent',
      service: { space: 'dev', name: 'stock', port: 80 },
    },
    status: 504,
    error: { code: 'connect-timeout', message: 'no answer from 10.244.0.9:80' },
  }
  const text = treeText([second, inbound, outbound], plain)
  expect(text).toContain(`Trace ${ID} of `)
  expect(text).toContain('space alice (from header)')
  expect(text).toMatch(
    /^web \(dev\) -> orders \(alice\) +GET \/orders\/7 +200 +4 ms +child for alice$/m,
  )
  expect(text).toMatch(/^ {2}orders \(alice\) -> stock \(dev\) +GET \/stock +504 connect-timeout/m)
  expect(text).toContain('connect-timeout at orders-1: no answer from 10.244.0.9:80')
})

const summary: TraceSummary = {
  traceId: ID,
  startedAt: outbound.startedAt,
  durationMs: 12.6,
  method: 'GET',
  authority: 'web',
  path: '/',
  status: 200,
  protocol: 'http/1.1',
  context: 'alice',
  spaces: ['dev', 'alice'],
  services: ['web', 'orders'],
  records: 4,
  error: null,
}

const listOf = (...summaries: TraceSummary[]) => ({
  metadata: { resourceVersion: '7' },
  items: summaries.map((one) => ({ metadata: { name: one.traceId }, summary: one })),
})
const detailOf = (...records: TraceRecord[]) => ({
  items: [{ metadata: { name: ID }, records }],
})

test('the list goes through the API server and shows one trace a line', async () => {
  api = await scriptedApi((_, response) => answerJson(response, 200, listOf(summary)))
  const { code, out } = await azds('trace --space alice --service orders --limit 5', api)
  expect(code).toBe(0)
  expect(asked()).toEqual([`GET ${API_ROOT}/traces?service=orders&space=alice&limit=5`])
  expect(out.split('\n')[2]).toBe(
    `03:04:05.067  GET /    200     13 ms  alice  web > orders  ${ID}`,
  )
})

test('JSON output is the controller’s own object', async () => {
  api = await scriptedApi((_, response) => answerJson(response, 200, listOf(summary)))
  expect(JSON.parse((await azds('trace -o json', api)).out)).toEqual([summary])
})

test('no traces is a note, not an empty table', async () => {
  api = await scriptedApi((_, response) => answerJson(response, 200, listOf()))
  expect(await azds('trace', api)).toMatchObject({ code: 0, out: '' })
})

test('one trace is asked for by its id', async () => {
  api = await scriptedApi((_, response) => answerJson(response, 200, detailOf(outbound, inbound)))
  const { out } = await azds(`trace ${ID}`, api)
  expect(asked()).toEqual([`GET ${tracePath(null, ID)}`])
  expect(out).toContain('web (dev) -> orders (alice)')
})

test.each([
  ['trace 123', 'expected 32 hex digits'],
  [`trace ${ID} -f`, 'leave the trace id out'],
  ['trace --limit 0', 'from 1 to 200'],
  ['trace --limit 201', 'from 1 to 200'],
  ['trace --limit x', 'from 1 to 200'],
])('`azds %s` is a usage error: %s', async (line, message) => {
  const { code, err } = await azds(line, null)
  expect(err).toContain(message)
  expect(code).toBe(64)
})

test('a cluster that does not know azds.io is named with the next step', async () => {
  api = await anyApi((_, response) => response.writeHead(404).end('404 page not found\n'))
  for (const line of ['trace', `trace ${ID}`, 'trace -f']) {
    const { code, out, err } = await azds(line, api)
    expect(err).toContain(`the cluster at ${api.client.server} does not serve traces (azds.io/v1)`)
    expect(err).toContain('run `azds doctor`')
    expect({ code, out }).toEqual({ code: 1, out: '' })
  }
  expect(asked()).toEqual([])
})

test('who may not ask what the group has is answered by its objects', async () => {
  api = await anyApi((_, response, url) => {
    if (url.pathname === API_ROOT) answerJson(response, 403, { message: 'no discovery' })
    else answerJson(response, 200, listOf(summary))
  })
  expect((await azds('trace', api)).out).toContain(ID)
})

test.each([
  ['', 404, {}, 'space "alicce" does not exist; `azds space list` lists'],
  ['', 200, {}, 'namespace "alicce" exists but is not a space'],
  ['-f', 404, {}, 'space "alicce" does not exist'],
])('`azds trace %s` of a mistyped space says so (%d %j)', async (flag, status, labels, message) => {
  api = await scriptedApi((_, response) => answerJson(response, 200, listOf()), { status, labels })
  expect(await azds(`trace ${flag} --space alicce`, api)).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining(message),
  })
})

test('a space that has had no request is no mistake', async () => {
  const labels = { 'azds.io/space': 'true' }
  api = await scriptedApi((_, response) => answerJson(response, 200, listOf()), {
    status: 200,
    labels,
  })
  const { code, err } = await azds('trace --space alice', api)
  expect(err).toContain('No traces match')
  expect(code).toBe(0)
})

const frame = (type: string, more: object) =>
  `${JSON.stringify({ type, object: { metadata: { resourceVersion: '8' }, ...more } })}\n`
const event = (record: TraceRecord) => frame('MODIFIED', { added: [record] })
/** Query of every watch, besides its filter. */
const WATCH = 'watch=true&records=true&allowWatchBookmarks=true'

test.each([
  ['trace -f', (out: string) => expect(out).toMatch(/^03:04:05.067 {2}GET .*\n$/)],
  [
    'trace -f -o json',
    (out: string) =>
      expect(
        out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toEqual([outbound, inbound]),
  ],
])('`azds %s` prints what happens until it is stopped', async (line, check) => {
  const stop = new AbortController()
  api = await scriptedApi((_, response) => {
    response.write(frame('BOOKMARK', {}))
    response.write(event(outbound) + event(inbound))
    void pauseForSockets(100).then(() => stop.abort())
  })
  const { code, out } = await azds(`${line} --space alice`, api, { stop: stop.signal })
  expect(code).toBe(0)
  check(out)
  expect(asked()).toEqual([`GET ${API_ROOT}/traces?space=alice&${WATCH}`])
})

test('what a record says cannot give the terminal a command, wherever it stands', async () => {
  const evil = '\u001b]0;owned\u0007\u009b2J'
  const record = {
    ...outbound,
    ...{ traceId: evil, method: evil, path: evil, protocol: evil, service: evil, pod: evil },
    ...{ space: evil, workload: evil, client: evil },
    route: { ...outbound.route, context: evil, reason: evil, target: evil },
    error: { code: evil, message: evil },
  } as unknown as TraceRecord
  const stop = new AbortController()
  api = await scriptedApi((_, response, url) => {
    if (url.searchParams.has('watch')) {
      response.write(frame('BOOKMARK', { missed: 7 }) + event(record))
      void pauseForSockets(100).then(() => stop.abort())
    } else if (url.searchParams.has('fieldSelector')) {
      answerJson(response, 200, detailOf(record))
    } else {
      const summary = { ...record, context: evil, services: [evil], spaces: [evil] }
      answerJson(response, 200, listOf(summary as unknown as TraceSummary))
    }
  })
  const id = 'a'.repeat(32)
  for (const form of ['', '-o json', id, `${id} -o json`, '-f']) {
    const { out, err } = await azds(`trace ${form}`, api, { stop: stop.signal })
    expect(out).toContain('owned')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(out.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    if (form === '-f') expect(err).toContain('7 exchanges were left out')
  }
})

test('what a server says in an error cannot give the terminal a command', async () => {
  api = await scriptedApi((_, response) => answerJson(response, 500, { message: 'a\u001b[2Jb' }))
  expect((await azds('space list', api)).err).toContain('a·[2Jb')
})

test('a live stream that breaks is opened again', async () => {
  const stop = new AbortController()
  let opened = 0
  api = await scriptedApi((_, response) => {
    opened += 1
    if (opened === 2) answerJson(response, 503, { message: 'restarting' })
    else response.write(event(outbound), () => opened === 1 && response.end())
    if (opened === 3) void pauseForSockets(100).then(() => stop.abort())
  })
  const { out, err } = await azds('trace -f', api, { stop: stop.signal })
  expect(out.trim().split('\n')).toHaveLength(2)
  expect(err).toContain('The stream has ended')
  expect(err).toContain('restarting')
})

test('a live stream that cannot be opened at all is an error', async () => {
  api = await scriptedApi((_, response) => answerJson(response, 503, { message: 'no endpoints' }))
  expect((await azds('trace -f', api)).code).toBe(1)
})
