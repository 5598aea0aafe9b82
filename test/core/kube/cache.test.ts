/** The list-and-watch cache against a scripted API server. */
import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { type Cached, watchCache } from '../../../core/kube/cache.ts'
import type { Namespace } from '../../../core/kube/types.ts'
import { silentLog } from '../../../core/log.ts'
import { answerJson, type ScriptedApi, scriptedApi } from './api-fixture.ts'

const PATH = '/api/v1/namespaces'

let api: ScriptedApi | null = null
let cache: Cached<Namespace> | null = null

afterEach(async () => {
  cache?.stop()
  await api?.close()
  api = null
  cache = null
})

const named = (name: string, resourceVersion: string) => ({ metadata: { name, resourceVersion } })

interface Page {
  items: unknown[]
  version: string
  next?: string
}

interface Script {
  /** What each list request gets, in order; the last one is repeated. A number is a status. */
  lists: (Page | number)[]
  /** Called with each watch and its number from 0. */
  watch: (send: (type: string, object: unknown) => void, index: number, raw: ServerResponse) => void
}

/** Starts server and cache, and gathers the changes as `key:old>new` versions. */
async function follow({ lists, watch }: Script, path = PATH) {
  const versions: (string | null)[] = []
  let listed = 0
  api = await scriptedApi((_, response, url) => {
    if (url.searchParams.get('watch') === 'true') {
      versions.push(url.searchParams.get('resourceVersion'))
      response.writeHead(200).flushHeaders()
      const send = (type: string, object: unknown) =>
        response.write(`${JSON.stringify({ type, object })}\n`)
      watch(send, versions.length - 1, response)
      return
    }
    const page = lists[Math.min(listed++, lists.length - 1)]
    if (typeof page === 'number') answerJson(response, page, { message: 'scripted' })
    else if (page) {
      const metadata = { resourceVersion: page.version, continue: page.next ?? '' }
      answerJson(response, 200, { metadata, items: page.items })
    }
  })
  const changes: string[] = []
  cache = watchCache<Namespace>(api.client, path, silentLog)
  cache.onChange(({ key, old, now }) => {
    const version = (object: Namespace | null) => object?.metadata.resourceVersion ?? '-'
    changes.push(`${key}:${version(old)}>${version(now)}`)
  })
  return { cache, changes, versions, requests: api.requests }
}

/** Waits until `check` passes; fails with its own error after 15 s. */
async function eventually(check: () => void): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    try {
      check()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

const ONE = [{ items: [named('dev', '3')], version: '5' }]

test('a list comes in pages, and the watch starts from its version', async () => {
  const { cache, changes, requests } = await follow({
    lists: [
      { items: [named('dev', '3')], version: '5', next: 'a b' },
      { items: [named('qa', '4')], version: '5' },
    ],
    watch: () => {},
  })
  await cache.synced
  expect([...cache.values()].map((object) => object.metadata.name)).toEqual(['dev', 'qa'])
  expect(cache.size).toBe(2)
  expect(changes).toEqual(['dev:->3', 'qa:->4'])
  await eventually(() => expect(requests).toHaveLength(3))
  expect(requests[0]).toBe(`GET ${PATH}?limit=100`)
  expect(requests[1]).toBe(`GET ${PATH}?limit=100&continue=a%20b`)
  expect(requests[2]).toMatch(/watch=true&allowWatchBookmarks=true&.*resourceVersion=5$/)
})

test('a selector in the path stays', async () => {
  const { cache, requests } = await follow(
    { lists: ONE, watch: () => {} },
    `${PATH}?labelSelector=a`,
  )
  await cache.synced
  await eventually(() => expect(requests).toHaveLength(2))
  for (const request of requests) expect(request).toContain('?labelSelector=a&')
})

test('namespaced objects are keyed by namespace and name', async () => {
  const web = { metadata: { namespace: 'dev', name: 'web', resourceVersion: '1' } }
  const { cache } = await follow({ lists: [{ items: [web], version: '5' }], watch: () => {} })
  await cache.synced
  expect(cache.get('dev/web')).toEqual(web)
})

test('events change the copy, and each change is told', async () => {
  const { cache, changes } = await follow({
    lists: ONE,
    watch: (send) => {
      send('ADDED', named('qa', '6'))
      send('MODIFIED', named('dev', '7'))
      send('DELETED', named('qa', '8'))
      send('DELETED', named('never-seen', '9'))
    },
  })
  await eventually(() => expect(changes).toEqual(['dev:->3', 'qa:->6', 'dev:3>7', 'qa:6>-']))
  expect(cache.get('dev')?.metadata.resourceVersion).toBe('7')
  expect(cache.size).toBe(1)
})

test('after an orderly end the watch goes on from the last event or bookmark, without a list', async () => {
  const { cache, versions, requests } = await follow({
    lists: ONE,
    watch: (send, index, raw) => {
      if (index === 0) send('MODIFIED', named('dev', '7'))
      if (index === 1) send('BOOKMARK', named('', '20'))
      if (index < 2) raw.end()
    },
  })
  await eventually(() => expect(versions).toEqual(['5', '7', '20']))
  expect(requests.filter((request) => request.includes('limit='))).toHaveLength(1)
  expect(cache.size).toBe(1)
})

test('a server that ends every watch at once is not asked in a busy loop', async () => {
  const { cache, versions } = await follow({ lists: ONE, watch: (_s, _i, raw) => raw.end() })
  await cache.synced
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(versions.length).toBeGreaterThan(0)
  expect(versions.length).toBeLessThan(6)
})

test.each([
  [
    'an ERROR event 410, behind which the stream stays open,',
    (send: (type: string, object: unknown) => void) =>
      send('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' }),
  ],
  [
    'a connection that is cut',
    (_: unknown, raw: ServerResponse) => setTimeout(() => raw.destroy(), 20),
  ],
  ['a line that is no JSON', (_: unknown, raw: ServerResponse) => raw.write('{"type":\n')],
])('after %s the collection is listed again, and only differences are told', async (_, fault) => {
  const { cache, changes, versions } = await follow({
    lists: [
      { items: [named('dev', '3'), named('qa', '4'), named('same', '2')], version: '5' },
      { items: [named('dev', '8'), named('same', '2'), named('new', '9')], version: '10' },
    ],
    watch: (send, index, raw) => {
      if (index > 0) return
      fault(send as never, raw)
    },
  })
  await eventually(() => expect(versions).toEqual(['5', '10']))
  expect(changes).toEqual(['dev:->3', 'qa:->4', 'same:->2', 'dev:3>8', 'new:->9', 'qa:4>-'])
  expect(cache.size).toBe(3)
})

test('a failed list is tried again until it succeeds; what is known stays meanwhile', async () => {
  const { cache, requests } = await follow({ lists: [500, 403, ...ONE], watch: () => {} })
  await cache.synced
  expect(cache.size).toBe(1)
  expect(requests.length).toBeGreaterThanOrEqual(3)
})

test('a watch on a dead link is given up after its time, and goes on where it was', async () => {
  const versions: (string | null)[] = []
  api = await scriptedApi((_, response, url) => {
    if (!url.searchParams.has('watch')) {
      return answerJson(response, 200, { metadata: { resourceVersion: '5' }, items: [] })
    }
    versions.push(url.searchParams.get('resourceVersion'))
    // From here on the server never says a word, nor does it end the watch.
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object: named('', '20') })}\n`)
  })
  const times = { serverSeconds: 1, graceMs: 100 }
  cache = watchCache<Namespace>(api.client, PATH, silentLog, { times })
  await eventually(() => expect(versions).toEqual(['5', '20']))
  expect(api.requests[1]).toContain('timeoutSeconds=1&')
  expect(api.requests.filter((request) => request.includes('limit='))).toHaveLength(1)
})

test('stop ends a watch and no change is told afterwards', async () => {
  let sendLater: (type: string, object: unknown) => void = () => {}
  let closed = false
  const { cache, changes, versions } = await follow({
    lists: ONE,
    watch: (send, _index, raw) => {
      sendLater = send
      raw.on('close', () => {
        closed = true
      })
    },
  })
  await eventually(() => expect(versions).toHaveLength(1))
  cache.stop()
  sendLater('ADDED', named('late', '9'))
  await eventually(() => expect(closed).toBe(true))
  expect(changes).toEqual(['dev:->3'])
})

test('stop while the list is on its way ends that request and asks for nothing more', async () => {
  let closed = false
  api = await scriptedApi((_, response) => {
    response.on('close', () => {
      closed = true
    })
  })
  cache = watchCache<Namespace>(api.client, PATH, silentLog)
  await eventually(() => expect(api?.requests).toHaveLength(1))
  cache.stop()
  await eventually(() => expect(closed).toBe(true))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(api.requests).toHaveLength(1)
})

test('of each object only what is asked for is kept, from the list and from the watch', async () => {
  api = await scriptedApi((_, response, url) => {
    if (url.searchParams.get('watch') !== 'true') {
      const items = [{ ...named('a', '1'), status: { phase: 'Active' } }]
      return answerJson(response, 200, { metadata: { resourceVersion: '1' }, items })
    }
    response.writeHead(200)
    const object = { ...named('b', '2'), status: { phase: 'Active' } }
    response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`)
  })
  const keep = ({ metadata }: Namespace): Namespace => ({ metadata })
  cache = watchCache<Namespace>(api.client, PATH, silentLog, { keep })
  await new Promise<void>((resolve) => cache?.onChange(({ key }) => key === 'b' && resolve()))
  expect([...cache.values()]).toEqual([named('a', '1'), named('b', '2')])
})
