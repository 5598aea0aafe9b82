/** The feed over HTTP, from changes in the API server to lines at the reader. */
import { afterEach, expect, test } from '@jest/globals'
import type { FeedMessage } from '../../../core/routing-feed.ts'
import { RoutingTable } from '../../../core/routing-table.ts'
import { FakeKube } from '../fake-kube.ts'
import { pod, service, slice, space } from '../kube-objects.ts'
import { openStream, type Stream, startTestController, type TestController } from '../running.ts'

const open: { stop(): void }[] = []
const running: TestController[] = []
afterEach(async () => {
  for (const stream of open.splice(0)) stream.stop()
  await Promise.all(running.splice(0).map((controller) => controller.close()))
})

async function start(kube = new FakeKube()): Promise<TestController> {
  const controller = await startTestController({}, kube)
  running.push(controller)
  return controller
}

async function feed(controller: TestController, query: string): Promise<Stream> {
  const stream = await openStream(`${controller.url}/v1/feed?${query}`, '\n')
  open.push(stream)
  return stream
}

async function nextMessage(stream: Stream): Promise<FeedMessage> {
  const line = await stream.next()
  if (line === null) throw new Error('the feed ended')
  return JSON.parse(line)
}

function sampleKube(): FakeKube {
  const kube = new FakeKube()
  kube.put('namespaces', space('dev'))
  kube.put('namespaces', space('alice', 'dev'))
  kube.put('services', service('dev', 'web'))
  kube.put('endpointslices', slice('dev', 'web', ['10.0.0.1']))
  kube.put('pods', pod('dev', 'web-1', { app: 'web' }))
  return kube
}

test('a sidecar gets its tree and its own ports, then each change within some tens of ms', async () => {
  const controller = await start(sampleKube())
  const stream = await feed(controller, 'namespace=dev&pod=web-1&scope=tree')
  const table = new RoutingTable()
  table.apply(await nextMessage(stream))
  expect([...table.spaces.keys()]).toEqual(['dev', 'alice'])
  expect(table.service('dev', 'web')?.ports[0]?.ready).toBe(1)
  expect(table.self).toEqual([{ service: 'web', port: 80, targetPort: 8080 }])

  const times: number[] = []
  for (const addresses of [[], ['10.0.0.1'], [], ['10.0.0.1'], []]) {
    const changedAt = performance.now()
    controller.kube.put('endpointslices', slice('dev', 'web', addresses))
    table.apply(await nextMessage(stream))
    times.push(performance.now() - changedAt)
    expect(table.service('dev', 'web')?.ports[0]?.ready).toBe(addresses.length)
  }
  // All but those for which the machine stood still.
  expect(Math.min(...times)).toBeLessThan(500)

  controller.kube.remove('services', service('dev', 'web'))
  table.apply(await nextMessage(stream))
  expect(table.service('dev', 'web')).toBeNull()
  expect(table.self).toEqual([])
})

test('a pod that is faster than the caches gets an empty feed that fills later', async () => {
  const controller = await start()
  const stream = await feed(controller, 'namespace=late&pod=web-1')
  const table = new RoutingTable()
  table.apply(await nextMessage(stream))
  expect(table.spaces.size).toBe(0)
  controller.kube.put('namespaces', space('late'))
  controller.kube.put('services', service('late', 'web'))
  controller.kube.put('pods', pod('late', 'web-1', { app: 'web' }))
  table.apply(await nextMessage(stream))
  expect(table.service('late', 'web')).not.toBeNull()
  expect(table.self).toHaveLength(1)
})

test('services of a namespace that is being deleted are gone before their pods are', async () => {
  const controller = await start(sampleKube())
  const stream = await feed(controller, 'scope=all')
  const table = new RoutingTable()
  table.apply(await nextMessage(stream))
  const leaving = space('dev')
  leaving.metadata.deletionTimestamp = '2026-03-01T12:00:00Z'
  controller.kube.put('namespaces', leaving)
  table.apply(await nextMessage(stream))
  expect(table.service('dev', 'web')).toBeNull()
  expect(table.spaces.has('dev')).toBe(true)
})

test('an EndpointSlice that changes its Service counts for the new one only', async () => {
  const kube = sampleKube()
  kube.put('services', service('dev', 'other'))
  const controller = await start(kube)
  const stream = await feed(controller, 'scope=all')
  const table = new RoutingTable()
  table.apply(await nextMessage(stream))
  const moved = slice('dev', 'web', ['10.0.0.1'])
  moved.metadata.labels = { 'kubernetes.io/service-name': 'other' }
  controller.kube.put('endpointslices', moved)
  table.apply(await nextMessage(stream))
  expect(table.service('dev', 'web')?.ports[0]?.ready).toBe(0)
  expect(table.service('dev', 'other')?.ports[0]?.ready).toBe(1)
})

test('only pods that have a sidecar are listed', async () => {
  const { kube } = await start()
  expect(kube.listed.map(decodeURIComponent)).toContainEqual(
    expect.stringContaining('/api/v1/pods?labelSelector=azds.io/instrumented=true'),
  )
})

test('while the first lists are not in, a feed waits instead of emptying the reader’s table', async () => {
  const kube = sampleKube()
  let release = () => {}
  kube.hold = new Promise((resolve) => {
    release = resolve
  })
  const controller = await start(kube)
  expect((await fetch(`${controller.url}/readyz`)).status).toBe(503)
  const stream = await feed(controller, 'scope=all')
  release()
  expect(await nextMessage(stream)).toMatchObject({ type: 'snapshot', services: [{ name: 'web' }] })
  expect((await fetch(`${controller.url}/readyz`)).status).toBe(200)
})

test('a restarted controller begins a new epoch', async () => {
  const kube = sampleKube()
  const versionOf = async () => {
    const controller = await start(kube)
    const message = await nextMessage(await feed(controller, 'scope=all'))
    return (message as Extract<FeedMessage, { type: 'snapshot' }>).version
  }
  expect((await versionOf()).epoch).not.toBe((await versionOf()).epoch)
})

test('closing the controller ends its feeds', async () => {
  const controller = await start(sampleKube())
  const stream = await feed(controller, 'scope=all')
  await nextMessage(stream)
  await controller.close()
  expect(await nextMessage(stream)).toEqual({ type: 'bye', afterMs: expect.any(Number) })
  expect(await stream.next()).toBeNull()
  running.splice(0)
})

test.each([
  ['', 'namespace and pod'],
  ['namespace=dev', 'namespace and pod'],
  ['scope=none', 'querystring/scope'],
  ['namespace=dev&pod=p&tree=1', 'querystring must NOT have additional properties'],
])('the query "%s" is refused with a sentence', async (query, message) => {
  const { url } = await start()
  const answer = await fetch(`${url}/v1/feed?${query}`)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({
    error: { code: 'bad-request', message: expect.stringContaining(message) },
  })
})
