/** `/apis/azds.io/v1` as the controller answers it, over HTTP. */
import { afterEach, expect, test } from '@jest/globals'
import type { FastifyInstance } from 'fastify'
import { resourceRoutes } from '../../../controller/routes/resources.ts'
import { ApiError, createServer } from '../../../controller/server.ts'
import { IN_MEMORY, openDatabase } from '../../../controller/traces/database.ts'
import { Followers } from '../../../controller/traces/followers.ts'
import { TraceStore } from '../../../controller/traces/store.ts'
import { silentLog } from '../../../core/log.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import {
  API_GROUP_VERSION,
  API_ROOT,
  type Sidecar,
  SPACES_PATH,
  sidecarsPath,
  type Trace,
  type TraceList,
  tracePath,
  tracesPath,
  type WatchFrame,
  withParameters,
} from '../../../core/trace-resource.ts'
import { START, sampleRecord, sampleTrace, spanIdOf, traceIdOf } from '../../core/sample-records.ts'
import { openStream, type Stream } from '../running.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const CONNECTED: Sidecar = {
  apiVersion: API_GROUP_VERSION,
  kind: 'Sidecar',
  metadata: { name: 'orders-1', namespace: 'alice' },
  status: {
    state: 'connected',
    since: '2026-03-01T12:00:00Z',
    table: 'e.1',
    version: '0.1.0',
    search: null,
    parentLookup: null,
  },
}
const SPACE = { name: 'alice', parent: 'dev', path: 'dev/alice', problem: null, services: [] }

async function serve({
  permit = async () => {},
  spaces = () => [SPACE] as (typeof SPACE)[] | null,
} = {}) {
  const store = new TraceStore(openDatabase(IN_MEMORY), { maxTraces: 1000, maxBytes: 1e9 })
  const followers = new Followers(START)
  const app: FastifyInstance = createServer(silentLog)
  await app.register(resourceRoutes, {
    store,
    followers,
    systemNamespace: 'azds',
    spaces,
    sidecars: () => [CONNECTED],
    now: () => START + 60_000,
    permit,
    log: silentLog,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  cleanUps.push(async () => {
    followers.close()
    app.server.closeAllConnections()
    await app.close()
    store.close()
  })
  const url = `http://127.0.0.1:${port}`
  return {
    take: (records: TraceRecord[]) => followers.publish(store.add(records).added),
    followers,
    get: async <T>(path: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(url + path, { headers })
      return { status: answer.status, body: (await answer.json()) as T }
    },
    watch: async (path: string, headers: Record<string, string> = {}) => {
      const stream = await openStream(url + path, '\n', headers)
      cleanUps.push(() => stream.stop())
      return stream
    },
  }
}

const frame = async (stream: Stream): Promise<WatchFrame & { object: Record<string, unknown> }> => {
  const line = await stream.next()
  if (line === null) throw new Error('the watch has ended')
  return JSON.parse(line)
}

test('a namespace lists and reads what it sees', async () => {
  const { take, get } = await serve()
  take(sampleTrace())
  const { body } = await get<TraceList>(tracesPath('dev'))
  expect(body).toMatchObject({
    apiVersion: 'azds.io/v1',
    kind: 'TraceList',
    metadata: { resourceVersion: String(START * 1000 + 1) },
    items: [
      {
        apiVersion: 'azds.io/v1',
        kind: 'Trace',
        metadata: { name: traceIdOf(7), namespace: 'dev' },
        summary: { traceId: traceIdOf(7) },
      },
    ],
  })
  const inDev = sampleTrace().filter(({ space }) => space === 'dev')
  expect((await get<Trace>(tracePath('dev', traceIdOf(7)))).body.records).toEqual(inDev)
  const whole = await get<TraceList>(tracePath(null, traceIdOf(7)))
  expect(whole.body.items[0]?.records).toEqual(sampleTrace())
  expect((await get<TraceList>(tracesPath('bob'))).body.items).toEqual([])
  expect(await get(tracePath('bob', traceIdOf(7)))).toMatchObject({
    status: 404,
    body: { kind: 'Status', reason: 'NotFound', code: 404, details: { name: traceIdOf(7) } },
  })
})

test('pages follow each other by continue, newest first', async () => {
  const { take, get } = await serve()
  take([1, 2, 3].map((id) => sampleRecord({ traceId: traceIdOf(id), startedAt: START + id })))
  const names: string[] = []
  let token: string | undefined
  do {
    const path = withParameters(tracesPath('dev'), { limit: 2, continue: token })
    const { body } = await get<TraceList>(path)
    names.push(...body.items.map(({ metadata }) => metadata.name))
    token = body.metadata.continue
  } while (token)
  expect(names).toEqual([3, 2, 1].map(traceIdOf))
})

test('a selector narrows a list by name and namespace', async () => {
  const { take, get } = await serve()
  take([1, 2].map((id) => sampleRecord({ traceId: traceIdOf(id), startedAt: START + id })))
  const namesBy = async (namespace: string | null, fieldSelector: string, more = {}) =>
    (
      await get<TraceList>(withParameters(tracesPath(namespace), { fieldSelector, ...more }))
    ).body.items.map(({ metadata }) => metadata.name)
  expect(await namesBy('dev', `metadata.name=${traceIdOf(2)}`)).toEqual([traceIdOf(2)])
  expect(await namesBy('dev', `metadata.name=${traceIdOf(9)}`)).toEqual([])
  expect(await namesBy('dev', `metadata.name=${traceIdOf(2)}`, { status: 'error' })).toEqual([])
  expect(await namesBy(null, 'metadata.namespace=dev')).toHaveLength(2)
  expect(await namesBy(null, 'metadata.namespace=bob')).toEqual([])
  expect(await namesBy('dev', 'metadata.namespace=bob')).toEqual([])
})

test('kubectl gets tables', async () => {
  const { take, get } = await serve()
  take(sampleTrace())
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }
  for (const path of [tracesPath(null), sidecarsPath('alice'), SPACES_PATH]) {
    expect((await get(path, headers)).body).toMatchObject({
      kind: 'Table',
      metadata: { resourceVersion: expect.any(String) },
      rows: [{ cells: expect.any(Array), object: { kind: 'PartialObjectMetadata' } }],
    })
  }
  expect((await get(tracePath('dev', traceIdOf(7)), headers)).body).toMatchObject({
    kind: 'Table',
    rows: [{ object: { metadata: { namespace: 'dev' } } }],
  })
  expect((await get(`${tracesPath('dev')}?includeObject=Some`, headers)).status).toBe(400)
})

test('a watch goes on where a list ended, without a gap', async () => {
  const { take, get, watch } = await serve()
  take(sampleTrace(traceIdOf(1)))
  const { body } = await get<TraceList>(tracesPath('alice'))
  take(sampleTrace(traceIdOf(2)))
  const stream = await watch(
    withParameters(tracesPath('alice'), {
      watch: 'true',
      resourceVersion: body.metadata.resourceVersion,
    }),
  )
  expect(await frame(stream)).toMatchObject({
    type: 'ADDED',
    object: { kind: 'Trace', metadata: { name: traceIdOf(2), namespace: 'alice' } },
  })
  take(sampleTrace(traceIdOf(3)))
  expect(await frame(stream)).toMatchObject({
    type: 'ADDED',
    object: {
      metadata: { name: traceIdOf(3), resourceVersion: String(START * 1000 + 3) },
      summary: { context: 'alice' },
    },
  })
})

test('further records of a trace modify it, and those of others are not told', async () => {
  const { take, watch } = await serve()
  const stream = await watch(`${tracesPath('bob')}?watch=true&records=true`)
  const record = (span: number, space: string) =>
    sampleRecord({ spanId: spanIdOf(span), space, startedAt: START + span })
  take([record(1, 'dev')])
  take([record(2, 'bob'), record(3, 'dev')])
  take([record(4, 'bob')])
  expect(await frame(stream)).toMatchObject({
    type: 'ADDED',
    object: { metadata: { namespace: 'bob' }, added: [{ spanId: spanIdOf(2) }] },
  })
  const second = await frame(stream)
  expect(second).toMatchObject({ type: 'MODIFIED', object: { added: [{ spanId: spanIdOf(4) }] } })
  expect(second.object).not.toHaveProperty('summary')
})

test('a watch takes tables and bookmarks, and ends when it is asked to', async () => {
  const { take, watch } = await serve()
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }
  const stream = await watch(
    `${tracesPath('dev')}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1`,
    headers,
  )
  expect(await frame(stream)).toMatchObject({
    type: 'BOOKMARK',
    object: { metadata: { resourceVersion: String(START * 1000) } },
  })
  take(sampleTrace())
  expect(await frame(stream)).toMatchObject({ type: 'ADDED', object: { kind: 'Table' } })
  expect(await stream.next()).toBeNull()
})

test('a watch from another life of the controller is told to list again', async () => {
  const { watch } = await serve()
  for (const version of [START * 1000 - 1, START * 1000 + 1]) {
    const stream = await watch(`${tracesPath('dev')}?watch=true&resourceVersion=${version}`)
    expect(await frame(stream)).toMatchObject({
      type: 'ERROR',
      object: { reason: 'Expired', code: 410 },
    })
    expect(await stream.next()).toBeNull()
  }
})

test('sidecars and spaces are listed and read, and cannot be watched', async () => {
  const { get } = await serve()
  expect((await get(sidecarsPath(null))).body).toMatchObject({ items: [CONNECTED] })
  expect((await get(sidecarsPath('dev'))).body).toMatchObject({ items: [] })
  expect((await get(`${sidecarsPath('alice')}/orders-1`)).body).toEqual(CONNECTED)
  expect((await get(`${sidecarsPath('dev')}/orders-1`)).status).toBe(404)
  expect((await get(SPACES_PATH)).body).toMatchObject({
    kind: 'SpaceList',
    items: [{ kind: 'Space', metadata: { name: 'alice' }, spec: { parent: 'dev' } }],
  })
  expect((await get(`${SPACES_PATH}/bob`)).status).toBe(404)
  expect((await get(`${SPACES_PATH}?watch=true`)).status).toBe(405)
})

test.each([
  [`${tracesPath('dev')}?labelSelector=a%3Db`, 400, 'BadRequest'],
  [`${tracesPath('dev')}?limit=2&limit=3`, 400, 'BadRequest'],
  [`${tracesPath('dev')}?continue=made-up`, 400, 'BadRequest'],
  [`${tracesPath(null)}?records=true`, 400, 'BadRequest'],
])('%s is refused in Kubernetes’ form', async (path, code, reason) => {
  const { get } = await serve()
  expect(await get(path)).toMatchObject({ status: code, body: { kind: 'Status', code, reason } })
})

test('nothing is answered to whom the sign-in refuses, nor before the spaces are known', async () => {
  const refused = await serve({
    permit: async () => {
      throw new ApiError(403, 'forbidden', 'account dev/default may not')
    },
  })
  for (const path of [tracesPath('dev'), SPACES_PATH, `${API_ROOT}/sidecars`]) {
    expect(await refused.get(path)).toMatchObject({ status: 403, body: { reason: 'Forbidden' } })
  }
  const early = await serve({ spaces: () => null })
  expect(await early.get(SPACES_PATH)).toMatchObject({
    status: 503,
    body: { reason: 'ServiceUnavailable' },
  })
})
