/** `azds trace` through the group `azds.io`: scopes by right, pages, watches. */
import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { aggregatedTraces } from '../../cli/aggregated-traces.ts'
import type { TraceSummary } from '../../core/controller-api.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { API_ROOT } from '../../core/trace-resource.ts'
import { answerJson, type ScriptedApi, scriptedApi } from '../core/kube/api-fixture.ts'
import { pauseForSockets } from '../proxy/undisturbed.ts'
import { azds } from './world-fixture.ts'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const summary = {
  ...{ traceId: ID, startedAt: 5, durationMs: 1, method: 'GET', authority: 'web', path: '/' },
  ...{ status: 200, protocol: 'http/1.1', context: 'alice', spaces: ['alice'], records: 1 },
  ...{ services: ['web'], error: null },
} as TraceSummary
const record = { traceId: ID, spanId: 'a', space: 'alice' } as TraceRecord

let api: ScriptedApi | null = null

afterEach(async () => {
  await api?.close()
  api = null
})

/** The API server for somebody who may read the traces of some namespaces; `*` is all. */
async function apiFor(
  readable: readonly string[],
  answer: (response: ServerResponse, url: URL) => void,
): Promise<ScriptedApi> {
  return scriptedApi((_, response, url) => {
    if (url.pathname === API_ROOT) return answerJson(response, 200, { resources: [] })
    const namespace = /\/namespaces\/([^/]+)\//.exec(url.pathname)?.[1] ?? '*'
    if (readable.includes(namespace)) return answer(response, url)
    const message = `traces.azds.io is forbidden: User "dora" cannot list resource "traces" in ${namespace}`
    answerJson(response, 403, { reason: 'Forbidden', message })
  })
}

const list = (response: ServerResponse, next?: string) =>
  answerJson(response, 200, {
    metadata: { resourceVersion: '7', ...(next && { continue: next }) },
    items: [{ metadata: { name: ID, namespace: 'alice' }, summary }],
  })

test('who may read all spaces has the space as a filter', async () => {
  api = await apiFor(['*'], (response) => list(response))
  const { code, out } = await azds('trace --space alice --limit 5', api)
  expect(code).toBe(0)
  expect(out).toContain(ID)
  expect(api.requests.at(-1)).toBe(`GET ${API_ROOT}/traces?space=alice&limit=5`)
})

test('who may read one space gets what that space sees', async () => {
  api = await apiFor(['bob'], (response) => list(response))
  expect((await azds('trace --space bob', api)).code).toBe(0)
  expect(api.requests.at(-1)).toBe(`GET ${API_ROOT}/namespaces/bob/traces?limit=20`)
})

test('who names no space and may not read all gets the context’s namespace', async () => {
  api = await apiFor(['alice'], (response) => list(response))
  expect((await azds('trace', api)).code).toBe(0)
  expect(api.requests.at(-1)).toContain('/namespaces/alice/traces')
})

test.each([
  ['trace', 'choose one with --space'],
  ['trace --space bob', 'you may not read the traces of space "bob"'],
])('`azds %s` of somebody without any right says what is missing', async (line, text) => {
  api = await apiFor([], () => {})
  const { code, err } = await azds(line, api)
  expect(err).toContain(text)
  expect(code).toBe(1)
})

test('one trace is read whole, or as the named space sees it', async () => {
  const trace = { metadata: { name: ID }, summary, records: [record] }
  api = await apiFor(['*'], (response) => answerJson(response, 200, { items: [trace] }))
  expect(JSON.parse((await azds(`trace ${ID} -o json`, api)).out).records).toEqual([record])
  expect(api.requests.at(-1)).toContain(`/traces?fieldSelector=metadata.name%3D${ID}&records=true`)
  await api.close()
  api = await apiFor(['bob'], (response) => answerJson(response, 200, trace))
  expect((await azds(`trace ${ID} --space bob -o json`, api)).code).toBe(0)
  expect(api.requests.at(-1)).toBe(`GET ${API_ROOT}/namespaces/bob/traces/${ID}`)
})

test('a trace that is gone is told as such', async () => {
  api = await apiFor(['*'], (response) => answerJson(response, 200, { items: [] }))
  const { err } = await azds(`trace ${ID}`, api)
  expect(err).toContain(`trace ${ID} is not in the store`)
})

test('an azds-api that cannot be reached is explained', async () => {
  api = await scriptedApi((_, response) =>
    answerJson(response, 503, { message: 'service unavailable' }),
  )
  const { code, err } = await azds('trace', api)
  expect(err).toContain('the API server cannot reach azds-api: service unavailable')
  expect(err).toContain('kubectl get apiservice v1.azds.io')
  expect(code).toBe(1)
})

test('pages follow each other by what the server said', async () => {
  api = await apiFor(['*'], (response, url) =>
    list(response, url.searchParams.has('continue') ? undefined : 'abc'),
  )
  const source = aggregatedTraces(api.client, null)
  const first = await source.list({}, 1)
  expect(first.next).toBe('abc')
  expect((await source.list({}, 1, 'abc')).next).toBeNull()
  expect(api.requests.at(-1)).toContain('limit=1&continue=abc')
})

test('a watch goes on where the last one ended, and tells records and what was missed', async () => {
  const stop = new AbortController()
  const frame = (type: string, version: string, more: object) =>
    `${JSON.stringify({ type, object: { metadata: { resourceVersion: version }, ...more } })}\n`
  let watches = 0
  api = await apiFor(['*'], (response) => {
    watches += 1
    if (watches === 1) {
      response.write(frame('BOOKMARK', '5', {}))
      response.end(frame('ADDED', '6', { added: [record] }))
    } else {
      response.write(frame('BOOKMARK', '9', { missed: 3 }))
      response.write(frame('MODIFIED', '10', { added: [record, record] }))
      void pauseForSockets(100).then(() => stop.abort())
    }
  })
  const heard: string[] = []
  await aggregatedTraces(api.client, null).follow(
    { service: 'web' },
    {
      opened: () => heard.push('opened'),
      record: () => heard.push('record'),
      missed: (count) => heard.push(`missed ${count}`),
    },
    stop.signal,
  )
  expect(heard).toEqual(['opened', 'record', 'missed 3', 'record', 'record'])
  const watched = 'service=web&watch=true&records=true&allowWatchBookmarks=true'
  expect(api.requests).toEqual([
    `GET ${API_ROOT}/traces?${watched}`,
    `GET ${API_ROOT}/traces?${watched}&resourceVersion=6`,
  ])
})

test('a watch that the server ends with an error is an error', async () => {
  api = await apiFor(['*'], (response) =>
    response.end(`${JSON.stringify({ type: 'ERROR', object: { message: 'too old' } })}\n`),
  )
  const source = aggregatedTraces(api.client, null)
  const following = source.follow(
    {},
    { record: () => {}, missed: () => {} },
    AbortSignal.timeout(5000),
  )
  await expect(following).rejects.toThrow('too old')
})
